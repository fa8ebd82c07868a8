/** Which uploads an operator means. Pure. */
import type { SinkName } from '../job.ts'
import type { Upload, UploadState } from './upload.ts'

/** All that are named have to fit; what is absent or `null` fits anything. Times are epoch ms. */
export interface UploadFilter {
  readonly state?: UploadState | null
  readonly sink?: SinkName | null
  readonly kind?: Upload['kind'] | null
  readonly callId?: string | null
  /** Made at this time or later. */
  readonly since?: number | null
  /** Made before this time. */
  readonly until?: number | null
  /** A part of the reason, in upper or lower case. */
  readonly reasonContains?: string | null
}

/** The filter as a question to one upload. */
export const filterOf = (filter: UploadFilter): ((upload: Upload) => boolean) => {
  const { state, sink, kind, callId, since, until } = filter
  const part = filter.reasonContains?.toLowerCase() ?? null
  const fits = <T>(asked: T | null | undefined, has: T | null): boolean => asked === null || asked === undefined || asked === has
  return upload =>
    fits(state, upload.state) &&
    fits(sink, upload.sink) &&
    fits(kind, upload.kind) &&
    fits(callId, upload.callId) &&
    upload.createdAt >= (since ?? Number.NEGATIVE_INFINITY) &&
    upload.createdAt < (until ?? Number.POSITIVE_INFINITY) &&
    (part === null || (upload.reason?.toLowerCase().includes(part) ?? false))
}
