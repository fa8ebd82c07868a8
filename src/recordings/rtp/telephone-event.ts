/** Keys pressed, sent as named events instead of tones (RFC 4733 2.3). */

export interface PressedKey {
  readonly key: string
  /** In ticks of the stream's clock, so far. */
  readonly ticks: number
  readonly ended: boolean
}

const keys = '0123456789*#ABCD'

/** Total; `null` for what is no event, or one that is no key (a flash, a modem's tone). */
export function parseTelephoneEvent(payload: Uint8Array): PressedKey | null {
  if (payload.length < 4) return null
  const key = keys[payload[0] ?? 0xff]
  if (key === undefined) return null
  return { key, ended: ((payload[1] ?? 0) & 0x80) !== 0, ticks: ((payload[2] ?? 0) << 8) | (payload[3] ?? 0) }
}
