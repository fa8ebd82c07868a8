/** What the configuration decides about this dialect (`zendesk` in the file). */

export interface CallsSettings {
  /** The app that call records name. */
  readonly appId: number
  readonly brandId: number | null
  /** `none`: no call records and no screen pops, tickets only. */
  readonly licence: 'partner-edition' | 'none'
  /** When the caller's profile opens on the agent's screen. */
  readonly display: 'off' | 'ringing' | 'answered'
  /** What becomes of audio whose call has no ticket. */
  readonly recordingsWithoutTicket: 'ticket' | 'skip'
}
