/** The codecs that can be recorded, and how a payload type's packets become samples of the recording's rate. */
import { decodeG711 } from './g711.ts'
import { G722Decoder } from './g722.ts'
import { decodeL16 } from './l16.ts'
import { Doubler, Halver } from './resample.ts'

/** A payload type of an SDP answer, by its rtpmap. */
export interface AudioPayload {
  /** 0–127. */
  readonly type: number
  readonly codec: 'PCMU' | 'PCMA' | 'G722' | 'L16'
  /** Of the RTP timestamps, Hz. G.722 says 8000 and means 16,000 samples (RFC 3551 4.5.2). */
  readonly clockRate: number
  readonly channels: number
}

export type SampleRate = 8000 | 16000

/** Samples a second that such a payload holds; `null` when it cannot be recorded. */
export function sampleRateOf(payload: AudioPayload): SampleRate | null {
  const { codec, clockRate, channels } = payload
  if (codec === 'L16') {
    const rate = clockRate === 8000 || clockRate === 16000 ? clockRate : null
    return channels === 1 || channels === 2 ? rate : null
  }
  if (clockRate !== 8000 || channels !== 1) return null
  return codec === 'G722' ? 16000 : 8000
}

/** How many ticks of the RTP clock this much payload lasts. */
export function ticksOf(payload: AudioPayload, bytes: number): number {
  return payload.codec === 'L16' ? Math.floor(bytes / (2 * payload.channels)) : bytes
}

/** Makes samples of the recording's rate from payloads in order. Throws for a payload whose `sampleRateOf` is null. */
export function createDecoder(payload: AudioPayload, rate: SampleRate): (bytes: Uint8Array) => Int16Array {
  const own = sampleRateOf(payload)
  if (own === null) throw new Error(`${payload.codec}/${payload.clockRate}/${payload.channels} cannot be recorded`)
  const decode = rawDecoder(payload)
  if (own === rate) return decode
  const resampler = own < rate ? new Doubler() : new Halver()
  return bytes => resampler.push(decode(bytes))
}

function rawDecoder({ codec, channels }: AudioPayload): (bytes: Uint8Array) => Int16Array {
  switch (codec) {
    case 'PCMA':
      return bytes => decodeG711('a-law', bytes)
    case 'PCMU':
      return bytes => decodeG711('mu-law', bytes)
    case 'L16':
      return bytes => decodeL16(channels, bytes)
    case 'G722': {
      const decoder = new G722Decoder()
      return bytes => decoder.decode(bytes)
    }
    default:
      return codec satisfies never
  }
}
