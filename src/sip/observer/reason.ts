/** The Reason header (RFC 3326): why a call was cancelled, refused or hung up. */

export interface Reasons {
  /** ITU-T Q.850 cause, 1 to 127. */
  readonly q850: number | null
  /** The SIP status that ended it. */
  readonly sipCode: number | null
}

/** Reads every Reason value; the first of each protocol counts. Total: what is malformed is passed over. */
export function readReasons(values: readonly string[]): Reasons {
  let q850: number | null = null
  let sipCode: number | null = null
  for (const value of values) {
    const match = /^\s*(q\.850|sip)\s*(?:;[^;]*)*?;\s*cause\s*=\s*(\d{1,3})(?!\d)/i.exec(value)
    if (match === null) continue
    const [, protocol = '', digits = ''] = match
    const cause = Number(digits)
    if (protocol.toLowerCase() === 'sip') sipCode ??= cause >= 100 && cause <= 699 ? cause : null
    else q850 ??= cause >= 1 && cause <= 127 ? cause : null
  }
  return { q850, sipCode }
}

/** `SIP;cause=200;text="Call completed elsewhere"`: another phone answered, so this one missed nothing. */
export function isAnsweredElsewhere(reasons: Reasons): boolean {
  return reasons.sipCode === 200 || reasons.q850 === 26
}
