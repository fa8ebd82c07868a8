/** The SDK's client as the archive needs it: one attempt for each request, its times bounded, and silent. */
import { createRequire } from 'node:module'
import { S3Client } from '@aws-sdk/client-s3'

export interface S3Account {
  readonly bucket: string
  /** Before every key, with a slash at its end where there shall be one; may be empty. */
  readonly prefix: string
  readonly region: string
  /** Of an S3-compatible store; `null`: Amazon's own for the region. */
  readonly endpoint: string | null
  /** `null`: wherever the tools of AWS look (environment, shared files, the instance's or the container's role). */
  readonly credentials: { readonly accessKey: string; readonly secretKey: string } | null
  /** The bucket's name in the path instead of the host name: what stores other than Amazon's mostly want. */
  readonly pathStyle: boolean
  /** Those from which audio can be heard at once. */
  readonly storageClass: 'STANDARD' | 'STANDARD_IA' | 'ONEZONE_IA' | 'INTELLIGENT_TIERING' | 'GLACIER_IR' | null
  readonly sse: 'AES256' | 'aws:kms' | 'aws:kms:dsse' | null
  readonly kmsKeyId: string | null
  /** `none` for stores that know nothing of x-amz-checksum-*: what is sent is still signed by its SHA-256. */
  readonly checksums: 'sha256' | 'none'
}

const connectMs = 10_000
/** A part of 8 MiB in one minute is 1.1 Mbit/s. */
const requestMs = 60_000
const maxSockets = 50

export function s3Client({ region, endpoint, credentials, pathStyle, checksums }: S3Account): S3Client {
  keepQuiet()
  return new S3Client({
    region,
    ...(endpoint === null ? {} : { endpoint }),
    ...(credentials === null
      ? {}
      : { credentials: { accessKeyId: credentials.accessKey, secretAccessKey: credentials.secretKey } }),
    forcePathStyle: pathStyle,
    // Only the outbox's worker retries; and a region that is wrong shall be corrected, not asked around for at every request.
    maxAttempts: 1,
    followRegionRedirects: false,
    requestChecksumCalculation: checksums === 'none' ? 'WHEN_REQUIRED' : 'WHEN_SUPPORTED',
    responseChecksumValidation: 'WHEN_REQUIRED', // what is fetched is compared with our own SHA-256
    requestHandler: {
      connectionTimeout: connectMs,
      requestTimeout: requestMs,
      throwOnRequestTimeout: true,
      socketTimeout: requestMs,
      httpAgent: { keepAlive: true, maxSockets },
      httpsAgent: { keepAlive: true, maxSockets },
    },
  })
}

/**
 * On Node 20 the SDK warns once about its versions of 2027; ours is pinned. Its own switch is an environment variable, which is for
 * whoever starts the process; this sets what the variable would. Where the SDK no longer has it, the warning is all that comes back.
 */
function keepQuiet(): void {
  const load = createRequire(createRequire(import.meta.url).resolve('@aws-sdk/client-s3'))
  const loaded: unknown = load('@aws-sdk/core/client')
  if (typeof loaded !== 'object' || loaded === null || !('state' in loaded)) return
  const { state } = loaded
  if (typeof state === 'object' && state !== null && 'warningEmitted' in state) state.warningEmitted = true
}
