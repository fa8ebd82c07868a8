/** What the recording server tells of its sessions. */
import type { RecordingSession } from './recording-session.ts'

/** What happens to a recording session. Times are epoch milliseconds, when the message came. */
export type RecordingEvent =
  | { readonly kind: 'started'; readonly at: number; readonly dialog: RecordingDialog; readonly session: RecordingSession }
  | {
      readonly kind: 'changed'
      readonly at: number
      readonly dialog: RecordingDialog
      readonly session: RecordingSession
      readonly before: RecordingSession
    }
  | {
      readonly kind: 'ended'
      readonly at: number
      readonly dialog: RecordingDialog
      readonly session: RecordingSession
      /** `lost`: nothing was heard for `orphanAfterMs`; `stopped`: the bridge ends it. */
      readonly reason: 'hung-up' | 'lost' | 'stopped'
    }

/** The tags of a session's dialog; its Call-ID is the session's. */
export interface RecordingDialog {
  readonly fromTag: string
  readonly toTag: string
}
