/** The sections about audio: recordings, voicemail, transcode. */
import { isAbsolute, relative } from 'node:path'
import { z } from 'zod'
import { complain, duration, fileNamePattern, flag, path, size, wordOrInteger } from './fields.ts'
import { consent } from './section-consent.ts'

/** What becomes of a source file once every sink has acknowledged it. */
export type AfterUpload =
  | { readonly kind: 'keep' }
  | { readonly kind: 'delete' }
  | { readonly kind: 'move'; readonly path: string }

const audioFiles = '\\.(wav|WAV)$'

/** Keys that a folder of recordings and one of voicemails share. */
const settling = {
  settle: duration('0s', '1h')
    .prefault('10s')
    .describe('A file whose header does not say that it is finished must not have changed for this long.'),
  unfinished_after: duration('1s', '7d')
    .prefault('5m')
    .describe(
      'A file whose header says that it is still being written is taken all the same after no change for this long: the PBX crashed.',
    ),
  max_age: duration('1m', '3650d')
    .prefault('30d')
    .describe('Files that were last written longer ago are history: they are counted and left alone.'),
  polling: flag()
    .prefault(false)
    .describe('Look for changes instead of waiting to be told: needed for network folders (NFS, SMB).'),
}

const recordingFolder = z
  .strictObject({
    path: path().meta({
      description: 'The folder; everything below it is watched too.',
      example: '/var/spool/asterisk/monitor',
    }),
    match: fileNamePattern().prefault(audioFiles).meta({
      description:
        'Which files: a regular expression on the name, or, when it holds a /, on the path below the folder. Named groups tie a file to its call: call_id, unique, from, to, time; consent (yes, no) is what the caller chose. The default takes every WAV file.',
      example: '(?<unique>[^_]+)_(?<call_id>.+)\\.(wav|WAV)$',
    }),
    sidecar: z
      .enum(['none', 'json'])
      .prefault('none')
      .describe(
        'json: the recorder leaves NAME.json beside NAME.wav, in which {"consent": true} or false is what the caller chose.',
      ),
    ...settling,
  })
  .transform(folder => ({
    path: folder.path,
    match: folder.match,
    sidecar: folder.sidecar,
    settleMs: folder.settle,
    unfinishedAfterMs: folder.unfinished_after,
    maxAgeMs: folder.max_age,
    polling: folder.polling,
  }))

const voicemailFolder = z
  .strictObject({
    path: path().meta({
      description: 'The folder; everything below it is watched too.',
      example: '/var/spool/asterisk/voicemail',
    }),
    format: z
      .enum(['asterisk', 'plain'])
      .prefault('asterisk')
      .describe('asterisk: CONTEXT/MAILBOX/INBOX/msgNNNN.txt with its audio. plain: every audio file is one message.'),
    match: fileNamePattern().prefault(audioFiles).meta({
      description:
        'For `format: plain`: which files, as for recordings; `to` is the mailbox (without it, the name of the folder is).',
      example: '(?<to>\\d+)/(?<from>\\+?\\d+)-(?<time>\\d+)\\.(wav|WAV)$',
    }),
    ...settling,
  })
  .transform(folder => ({
    path: folder.path,
    format: folder.format,
    match: folder.match,
    settleMs: folder.settle,
    unfinishedAfterMs: folder.unfinished_after,
    maxAgeMs: folder.max_age,
    polling: folder.polling,
  }))

const rescanEvery = duration('1s', '1d')
  .prefault('60s')
  .describe('How often the folders are searched for files that no notification told of.')

const afterUpload = z
  .string()
  .meta({ pattern: '^(keep|delete|move:/.+)$' })
  .transform((text, context): AfterUpload => {
    if (text === 'keep' || text === 'delete') return { kind: text }
    const folder = text.startsWith('move:') ? text.slice('move:'.length) : ''
    if (isAbsolute(folder) && !folder.includes('\0')) return { kind: 'move', path: folder }
    const reason = text.startsWith('move:') ? 'moves to a path that is not absolute' : 'is not keep, delete or move:PATH'
    context.addIssue({ code: 'custom', message: complain(reason, 'write keep, delete or move:/absolute/folder') })
    return z.NEVER
  })

export const recordings = z
  .strictObject({
    folders: z.array(recordingFolder).max(64).prefault([]).describe('Folders in which the PBX leaves recordings.'),
    http: flag().prefault(true).describe('Accept recordings at POST /v1/recordings of the admin server.'),
    after_upload: afterUpload
      .prefault('keep')
      .describe('What becomes of a file of the PBX once it was delivered: keep, delete, or move:/absolute/folder.'),
    retention: duration('1d', '36500d').optional().meta({
      description:
        'With after_upload: keep, how long a file stays in its folder after it was last changed; then it is deleted, once every sink has it and unless it is held. Absent: the bridge deletes none.',
      example: '30d',
    }),
    match_wait: duration('0s').prefault('15m').describe('A recording may come before its call is known: it waits this long.'),
    unmatched: z
      .enum(['quarantine', 'upload'])
      .prefault('quarantine')
      .describe('Then: hold it back for an operator, or deliver it without a call.'),
    rescan_every: rescanEvery,
    consent: consent
      .prefault({})
      .describe('Which recordings may be kept at all; of voicemails all may, who leaves one consents.'),
    max_upload: size().prefault('2GiB').describe('The largest recording accepted at POST /v1/recordings.'),
  })
  .superRefine(({ folders, after_upload, retention }, context) => {
    if (retention !== undefined && after_upload.kind !== 'keep')
      context.addIssue({
        code: 'custom',
        path: ['retention'],
        message: complain('is set, and so is recordings.after_upload', 'keep the one that you mean'),
      })
    if (after_upload.kind !== 'move') return
    const target = after_upload.path
    const inside = folders.findIndex(folder => isAbsolute(folder.path) && !relative(folder.path, target).startsWith('..'))
    if (inside >= 0)
      context.addIssue({
        code: 'custom',
        path: ['after_upload'],
        message: complain(`moves into recordings.folders[${inside}], which is watched`, 'move to a folder outside of it'),
      })
  })
  .transform(section => ({
    folders: section.folders,
    http: section.http,
    afterUpload: section.after_upload,
    retentionMs: section.retention ?? null,
    matchWaitMs: section.match_wait,
    unmatched: section.unmatched,
    consent: section.consent,
    rescanEveryMs: section.rescan_every,
    maxUploadBytes: section.max_upload,
  }))

export const voicemail = z
  .strictObject({
    folders: z.array(voicemailFolder).max(64).prefault([]).describe('Folders in which the PBX leaves voicemails.'),
    rescan_every: rescanEvery,
  })
  .transform(({ folders, rescan_every }) => ({ folders, rescanEveryMs: rescan_every }))

/** Bit rates that MPEG-2.5 (8 kHz telephone audio) has, too; speech needs no more. */
const bitrates = ['8k', '16k', '24k', '32k', '40k', '48k', '56k', '64k'] as const

export const transcode = z
  .strictObject({
    bitrate: z.enum(bitrates).prefault('32k').describe('Of the MP3, constant, in kbit/s for all channels together.'),
    channels: z
      .enum(['source', 'mono'])
      .prefault('source')
      .describe('source keeps caller and agent on their own channels where the PBX recorded them so.'),
    sample_rate: z
      .preprocess(value => (value === '16000' ? 16_000 : value), z.literal(['source', 16_000]))
      .prefault('source')
      .describe('16000 for players and transcribers that refuse 8000 Hz.'),
    workers: wordOrInteger('auto', 1, 64)
      .prefault('auto')
      .describe('How many ffmpeg processes run at a time; auto is one for each processor.'),
    timeout: duration('1s', '1d').optional().meta({
      description: 'Kill an ffmpeg that takes longer. Absent: in proportion to the recording’s length.',
      example: '30m',
    }),
    ffmpeg: path().optional().meta({
      description: 'Path of ffmpeg. Absent: FFMPEG_PATH, then the one on the PATH, then the one that npm brings.',
      example: '/usr/bin/ffmpeg',
    }),
  })
  .transform(section => ({
    bitrateKbps: Number.parseInt(section.bitrate, 10),
    channels: section.channels,
    sampleRate: section.sample_rate,
    workers: section.workers,
    timeoutMs: section.timeout ?? null,
    ffmpeg: section.ffmpeg ?? null,
  }))
