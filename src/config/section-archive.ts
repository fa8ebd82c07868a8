// biome-ignore-all lint/suspicious/noTemplateCurlyInString: examples of the file speak of ${NAME} references
/** The section about the archive: audio that is kept beside Zendesk. */
import { z } from 'zod'
import { complain, duration, flag, line, origin, path, secret, word } from './fields.ts'

/** A folder's address on the web, with a slash at its end in any case. Links of any site's own network: http is allowed. */
const webFolder = () =>
  word(
    /^https?:\/\/[^\s/?#@]+(?:\/[^\s?#]*)?$/,
    'is not the web address of a folder',
    'write it like https://calls.example.com/, without ? and #',
  )
    .refine(URL.canParse, { error: complain('is not a web address', 'write it like https://calls.example.com/') })
    .transform(url => (url.endsWith('/') ? url : `${url}/`))

const bucketName = () =>
  word(
    /^[A-Za-z0-9][A-Za-z0-9._-]{1,62}$/,
    'is not the name of a bucket',
    'write the name alone: 3 to 63 letters, digits, dots and dashes',
  )

/** What stands before every key; a name without a slash at its end is taken for a folder. */
const keyPrefix = () =>
  word(
    /^(?!\/)(?!.*\/\/)[A-Za-z0-9!_.*'()/-]{1,200}$/,
    'is not the beginning of a key',
    'write it like pbx/, with letters, digits, dots and dashes, and no slash at its beginning',
  ).transform(prefix => (prefix.endsWith('/') ? prefix : `${prefix}/`))

const s3 = z
  .strictObject({
    bucket: bucketName().optional().meta({ description: 'The bucket; the bridge does not make it.', example: 'calls' }),
    prefix: keyPrefix()
      .optional()
      .meta({ description: 'A folder of the bucket, before SITE/YYYY/MM/DD/ID.mp3.', example: 'pbx/' }),
    region: word(/^[a-z0-9-]{1,40}$/, 'is not the name of a region', 'write it like eu-west-1')
      .prefault('us-east-1')
      .describe('Of the bucket; part of every signature. Other stores than Amazon’s mostly want us-east-1.'),
    endpoint: origin().optional().meta({
      description: 'Address of an S3-compatible store. Absent: Amazon’s own for the region.',
      example: 'https://s3.example.com',
    }),
    access_key: word(/^[\x21-\x7e]{1,200}$/, 'is not an access key', 'copy it from where it was made')
      .optional()
      .meta({
        description: 'The id of the access key. Absent: wherever AWS’s tools look (environment, ~/.aws, the machine’s role).',
        example: '${S3_ACCESS_KEY}',
      }),
    secret_key: secret().optional().meta({ description: 'The secret of that access key.', example: '${S3_SECRET_KEY}' }),
    path_style: flag()
      .optional()
      .describe('ENDPOINT/BUCKET/KEY instead of BUCKET.ENDPOINT/KEY. Absent: with an endpoint of your own, yes.'),
    storage_class: z
      .enum(['STANDARD', 'STANDARD_IA', 'ONEZONE_IA', 'INTELLIGENT_TIERING', 'GLACIER_IR'])
      .optional()
      .describe('How the store keeps it; only classes from which it can be heard at once. Absent: the bucket’s own.'),
    sse: z
      .enum(['AES256', 'aws:kms', 'aws:kms:dsse'])
      .optional()
      .meta({ description: 'Encryption by the store. Absent: as the bucket is set up.', example: 'aws:kms' }),
    kms_key_id: line().optional().meta({
      description: 'With sse aws:kms, the key. Absent: the account’s own.',
      example: 'arn:aws:kms:eu-west-1:123456789012:key/1234abcd',
    }),
    checksums: z
      .enum(['sha256', 'none'])
      .prefault('sha256')
      .describe('none for stores that refuse x-amz-checksum-sha256; what is sent stays signed by its SHA-256.'),
  })
  .superRefine(({ bucket, prefix, endpoint, access_key, secret_key, sse, kms_key_id }, context) => {
    const refuse = (key: string, why: string, fix: string) =>
      context.addIssue({ code: 'custom', path: [key], message: complain(why, fix) })
    const meant = [prefix, endpoint, access_key, secret_key, sse, kms_key_id].some(value => value !== undefined)
    if (bucket === undefined && meant) refuse('bucket', 'is missing: archive.s3 is set', 'add the bucket that the bridge may use')
    if (access_key !== undefined && secret_key === undefined)
      refuse('secret_key', 'is missing: archive.s3.access_key is set', 'add its secret: secret_key: "${S3_SECRET_KEY}"')
    if (access_key === undefined && secret_key !== undefined)
      refuse('access_key', 'is missing: archive.s3.secret_key is set', 'add the access key that it belongs to')
    if (kms_key_id !== undefined && (sse === undefined || sse === 'AES256'))
      refuse('kms_key_id', 'is set, and archive.s3.sse does not use it', 'write sse: aws:kms, or remove the key')
  })
  .transform(section =>
    section.bucket === undefined
      ? null
      : {
          bucket: section.bucket,
          prefix: section.prefix ?? '',
          region: section.region,
          endpoint: section.endpoint ?? null,
          accessKey: section.access_key ?? null,
          secretKey: section.secret_key ?? null,
          pathStyle: section.path_style ?? section.endpoint !== undefined,
          storageClass: section.storage_class ?? null,
          sse: section.sse ?? null,
          kmsKeyId: section.kms_key_id ?? null,
          checksums: section.checksums,
        },
  )

export const archive = z
  .strictObject({
    folder: path().optional().meta({
      description:
        'A folder that keeps every recording and voicemail beside Zendesk, as SITE/YYYY/MM/DD/ID.mp3, with a record of its call.',
      example: '/srv/calls',
    }),
    s3: s3.prefault({}).describe('Instead of a folder: a bucket of S3, or of a store that speaks it.'),
    retention: duration('1d', '36500d').optional().meta({
      description:
        'How long audio stays in the archive, from the day of the recording; then it is deleted with its record, unless it is held or not delivered yet. Absent: for ever.',
      example: '90d',
    }),
    public_url: webFolder().optional().meta({
      description:
        'Where agents reach that folder, or the bucket below its prefix, with a browser; the tickets link to it. The bridge does not serve it.',
      example: 'https://calls.example.com/',
    }),
  })
  .superRefine(({ folder, s3: bucket, public_url, retention }, context) => {
    const refuse = (key: string, why: string, fix: string) =>
      context.addIssue({ code: 'custom', path: [key], message: complain(why, fix) })
    if (folder !== undefined && bucket !== null)
      refuse('s3', 'is set, and so is archive.folder', 'keep the one that shall have the audio')
    if (public_url !== undefined && folder === undefined && bucket === null)
      refuse('folder', 'is missing: archive.public_url is set', 'add the folder that it shows: folder: /srv/calls')
    if (retention !== undefined && folder === undefined && bucket === null)
      refuse('folder', 'is missing: archive.retention is set', 'add the folder that it is about: folder: /srv/calls')
  })
  .transform(({ folder, s3: bucket, public_url, retention }) => ({
    folder: folder ?? null,
    s3: bucket,
    retentionMs: retention ?? null,
    publicUrl: public_url ?? null,
  }))
