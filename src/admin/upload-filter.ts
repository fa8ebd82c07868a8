/** Which uploads a client means, in a query string or a body. */
import { z } from 'zod'
import { type SinkName, sinks, type Upload, type UploadState, uploadStates } from './upload-view.ts'

/** All that are not `null` have to fit. Times are epoch ms. */
export interface UploadFilter {
  readonly state: UploadState | null
  readonly sink: SinkName | null
  readonly kind: Upload['kind'] | null
  readonly callId: string | null
  readonly since: number | null
  readonly until: number | null
  readonly reasonContains: string | null
}

const moment = z.iso
  .datetime({ offset: true })
  .describe('RFC 3339')
  .transform(text => Date.parse(text))

/** As a client names them. */
export const filterFields = {
  sink: z.enum(sinks).optional(),
  kind: z.enum(['event', 'recording', 'voicemail']).optional(),
  call_id: z.string().max(200).optional(),
  since: moment.optional().describe('made at this time or later'),
  until: moment.optional().describe('made before this time'),
  reason_contains: z.string().min(1).max(200).optional().describe('in upper or lower case'),
}

const fields = z.object({ ...filterFields, state: z.enum(uploadStates).optional() })

export const filterFrom = (said: z.output<typeof fields>): UploadFilter => ({
  state: said.state ?? null,
  sink: said.sink ?? null,
  kind: said.kind ?? null,
  callId: said.call_id ?? null,
  since: said.since ?? null,
  until: said.until ?? null,
  reasonContains: said.reason_contains ?? null,
})
