/** What the payload types of an RTP `m=` line mean: its rtpmap and fmtp attributes, and the static assignments of RFC 3551. */
import type { Attribute, Payload } from './description.ts'

type Meaning = Pick<Payload, 'encoding' | 'clockRate' | 'channels'>

const meaning = (encoding: string, clockRate: number, channels = 1): Meaning => ({ encoding, clockRate, channels })

/** RFC 3551 table 4, the types that were ever in use; DVI4 and the video types are left out. */
const STATIC: ReadonlyMap<number, Meaning> = new Map([
  [0, meaning('PCMU', 8000)],
  [3, meaning('GSM', 8000)],
  [4, meaning('G723', 8000)],
  [8, meaning('PCMA', 8000)],
  [9, meaning('G722', 8000)],
  [10, meaning('L16', 44_100, 2)],
  [11, meaning('L16', 44_100)],
  [13, meaning('CN', 8000)],
  [15, meaning('G728', 8000)],
  [18, meaning('G729', 8000)],
])

/** One payload for each format that is a payload type, in the line's order; of a repeated one the first. */
export function payloadsOf(formats: readonly string[], attributes: readonly Attribute[]): Payload[] {
  const mapped = new Map<number, Meaning>()
  const parameters = new Map<number, string>()
  for (const { name, value } of attributes) {
    if (value === null) continue
    if (name === 'rtpmap') {
      const match = /^(\d{1,3})\s+([^\s/]{1,64})\/(\d{1,7})(?:\/(\d{1,2}))?\s*$/.exec(value)
      if (match === null) continue
      const [, type = '', encoding = '', rate = '', channels = '1'] = match
      if (!mapped.has(Number(type))) mapped.set(Number(type), meaning(encoding.toUpperCase(), Number(rate), Number(channels)))
    } else if (name === 'fmtp') {
      const match = /^(\d{1,3})\s+(.*)$/.exec(value)
      if (match !== null && !parameters.has(Number(match[1]))) parameters.set(Number(match[1]), match[2] ?? '')
    }
  }
  const payloads = new Map<number, Payload>()
  for (const format of formats) {
    const type = /^\d{1,3}$/.test(format) ? Number(format) : Number.NaN
    if (!(type <= 127) || payloads.has(type)) continue
    const known = mapped.get(type) ?? STATIC.get(type) ?? { encoding: null, clockRate: 8000, channels: 1 }
    payloads.set(type, { type, ...known, parameters: parameters.get(type) ?? null })
  }
  return [...payloads.values()]
}
