/**
 * What a failed request to S3 means, and what to do about it:
 *
 *   SlowDown, 429, anything with Retry-After           wait, the whole archive: as long as it says, or a few seconds
 *   401, 403, no bucket, wrong region, no credentials  wait, the whole archive: nothing works until someone corrects something
 *   storage or quota full                              wait, the whole archive
 *   no answer, 5xx, 408, damaged on the way            retry
 *   any other 4xx                                      reject
 *   anything else                                      no failure of the store: a bug of ours, thrown as it is
 *
 * Messages hold the store's words, never a credential: the SDK sends none, and errors quote no request.
 */
import { type ArchiveBlame, ArchiveError, forGood, mayPass, needsOperator } from '../archive.ts'

const slowDownMs = 5_000
const longestMessage = 300

/** Codes of S3 that an operator has to do something about, and what. */
const advice: Readonly<Record<string, string>> = {
  AccessDenied:
    'the key needs s3:PutObject, GetObject, DeleteObject, AbortMultipartUpload and ListBucket on the bucket, and the use of the KMS key',
  InvalidAccessKeyId: 'correct archive.s3.access_key',
  SignatureDoesNotMatch: 'correct archive.s3.secret_key',
  ExpiredToken: 'renew the credentials',
  ExpiredTokenException: 'renew the credentials',
  CredentialsProviderError: 'set archive.s3.access_key and secret_key, or give the machine a role',
  TokenProviderError: 'set archive.s3.access_key and secret_key, or give the machine a role',
  RequestTimeTooSkewed: "set this machine's clock",
  NoSuchBucket: 'create the bucket, or correct archive.s3.bucket',
  InvalidBucketName: 'correct archive.s3.bucket',
  PermanentRedirect: 'correct archive.s3.region or endpoint',
  TemporaryRedirect: 'the bucket is being moved: wait, or set archive.s3.region',
  AuthorizationHeaderMalformed: 'correct archive.s3.region',
  IllegalLocationConstraintException: 'correct archive.s3.region',
  NotImplemented:
    'the store does not know something it is asked for: try archive.s3.checksums: none, without sse and storage_class',
  InvalidStorageClass: 'correct archive.s3.storage_class',
  ServerSideEncryptionConfigurationNotFoundError: 'correct archive.s3.sse',
  AccountProblem: 'the account is not in order: ask whoever runs the store',
  AllAccessDisabled: 'the account is not in order: ask whoever runs the store',
  QuotaExceeded: 'make room in the store, or raise its quota',
  InsufficientStorage: 'make room in the store, or raise its quota',
  XMinioStorageFull: 'make room in the store, or raise its quota',
}

const busy: ReadonlySet<string> = new Set([
  'SlowDown',
  'TooManyRequests',
  'Throttling',
  'ThrottlingException',
  'RequestLimitExceeded',
])

/** 4xx of which the next attempt may know nothing. */
const passing: ReadonlySet<string> = new Set([
  'BadDigest',
  'IncompleteBody',
  'InvalidPart',
  'NoSuchUpload',
  'OperationAborted',
  'RequestTimeout',
  'XAmzContentSHA256Mismatch',
])

/** `doing` says what was tried: `keep hq/2026/11/22/rec_x.mp3`. Throws whatever is no failure of the store. */
export function archiveError(cause: unknown, doing: string): ArchiveError {
  const failure = failureIn(cause)
  if (failure === null) throw cause
  const { code, status, said } = failure
  // A refused HEAD says nothing but its status; the SDK then makes up these words.
  const words = code === 'Unknown' ? [] : [code, said]
  const told = [status === null ? '' : `${status}`, ...words]
    .filter(text => text !== '')
    .join(' ')
    .slice(0, longestMessage)
  const correct = correction(failure)
  const reason = `the archive did not ${doing} (${told})${correct === null ? '' : `: ${correct}`}`
  return new ArchiveError(reason, blameFor(failure, correct !== null), { cause })
}

interface Failure {
  /** The store's word for it, or the system's, or the SDK's. */
  readonly code: string
  /** `null`: there was no answer. */
  readonly status: number | null
  readonly said: string
  readonly headers: Readonly<Record<string, unknown>>
}

function blameFor({ code, status, headers }: Failure, needsCorrection: boolean): ArchiveBlame {
  const askedToWait = retryAfterMs(headers['retry-after'])
  if (status === 429 || busy.has(code) || askedToWait !== null) {
    return { kind: 'wait', scope: 'sink', afterMs: askedToWait ?? slowDownMs }
  }
  if (needsCorrection) return needsOperator
  if (status === null || status >= 500 || status < 400 || status === 408 || passing.has(code)) return mayPass
  return forGood
}

function correction({ code, status, headers }: Failure): string | null {
  const region = headers['x-amz-bucket-region']
  const elsewhere = status === 301 || status === 307 || code === 'AuthorizationHeaderMalformed'
  if (elsewhere && typeof region === 'string')
    return `the bucket is in ${region.slice(0, 40)}: write archive.s3.region: ${region.slice(0, 40)}`
  const known = Object.hasOwn(advice, code) ? advice[code] : undefined
  if (known !== undefined) return known
  if (code.startsWith('KMS.')) return 'correct archive.s3.kms_key_id, or see that the key is enabled'
  if (status === 401 || status === 403) return `correct archive.s3.access_key and secret_key; ${advice.AccessDenied}`
  if (status === 301 || status === 307) return 'correct archive.s3.region or endpoint'
  if (status === 507) return advice.InsufficientStorage ?? null
  return null
}

/** What the SDK throws: its service exceptions, errors of reading an answer, system errors of the connection. */
function failureIn(cause: unknown): Failure | null {
  if (!(cause instanceof Error) || cause instanceof TypeError || cause instanceof RangeError) return null
  const metadata = recordIn(cause, '$metadata')
  const response = recordIn(cause, '$response')
  const status = metadata.httpStatusCode ?? response.statusCode
  const answered = typeof status === 'number'
  const systemCode = 'code' in cause && typeof cause.code === 'string' ? cause.code : null
  const local = cause.name === 'TimeoutError' || cause.name === 'CredentialsProviderError' || cause.name === 'TokenProviderError'
  if (!answered && systemCode === null && !local) return null
  return {
    code: answered ? cause.name : (systemCode ?? cause.name),
    status: answered ? status : null,
    said: cause.message.replace(/\s+/g, ' ').trim(),
    headers: recordIn(response, 'headers'),
  }
}

function recordIn(holder: object, name: string): Readonly<Record<string, unknown>> {
  const value: unknown = Reflect.get(holder, name)
  return typeof value === 'object' && value !== null ? Object.fromEntries(Object.entries(value)) : {}
}

/** Seconds; the other form, a date, is not known of any S3. */
function retryAfterMs(value: unknown): number | null {
  return typeof value === 'string' && /^\d{1,5}$/.test(value) ? Number(value) * 1000 : null
}
