/**
 * The bit rate from the length: a recording for a place that takes files only up to a size gets a lower one, so that it fits. Pure.
 *
 * Constant bit rates of layer III: MPEG-1 (32 kHz and above) begins at 32 kbit/s (ISO 11172-3 section 2.4.2.3), MPEG-2 (16 to 24 kHz)
 * and MPEG-2.5 (8 to 12 kHz) at 8 (ISO 13818-3 section 2.4.2.3). What speech needs at the least decides the rest of the table.
 */
import type { AudioFormat } from '../../events/recording.ts'
import type { EncodeSettings } from './encode-run.ts'

interface Rung {
  readonly kbits: number
  /** Two channels at less than 12 kbit/s each are two that nobody understands. */
  readonly stereo: boolean
  /** The highest sample rate that this many bits serve, Hz. */
  readonly sampleRate: number
}

const ladder: readonly Rung[] = [
  { kbits: 64, stereo: true, sampleRate: 48_000 },
  { kbits: 56, stereo: true, sampleRate: 48_000 },
  { kbits: 48, stereo: true, sampleRate: 48_000 },
  { kbits: 40, stereo: true, sampleRate: 48_000 },
  { kbits: 32, stereo: true, sampleRate: 48_000 },
  { kbits: 24, stereo: true, sampleRate: 24_000 },
  { kbits: 16, stereo: false, sampleRate: 16_000 },
  { kbits: 8, stereo: false, sampleRate: 8_000 },
]

/** What an MP3 may take of the limit; the rest is for its first frame, padding and what travels around it. */
const share = 0.97

/**
 * How to encode audio of this length and format so that it stays within `maxBytes` (`null`: no limit): as configured when that fits,
 * else with the highest lower bit rate that does. When not even the lowest fits, the lowest: whoever takes it decides.
 * A configured sample rate (for players that refuse others) is kept, and with it the lowest bit rate that serves it.
 */
export function encodingFor(format: AudioFormat, settings: EncodeSettings, maxBytes: number | null): EncodeSettings {
  if (maxBytes === null || fits(format.durationMs, settings.kbits, maxBytes)) return settings
  const { sampleRate } = settings
  const lower = ladder.filter(rung => rung.kbits < settings.kbits && (sampleRate === 'source' || sampleRate <= rung.sampleRate))
  const rung = lower.find(({ kbits }) => fits(format.durationMs, kbits, maxBytes)) ?? lower.at(-1)
  if (rung === undefined) return settings
  return {
    kbits: rung.kbits,
    channels: rung.stereo ? settings.channels : 'mono',
    sampleRate: sampleRate === 'source' && format.sampleRate > rung.sampleRate ? rung.sampleRate : sampleRate,
  }
}

function fits(durationMs: number, kbits: number, maxBytes: number): boolean {
  return (durationMs * kbits) / 8 <= maxBytes * share
}
