/**
 * Speech-like audio for the demo, made from nothing: a buzzing voice whose pitch drifts, shaped by two resonances that move from
 * vowel to vowel, in syllables and words with pauses between. Nobody's voice and nobody's copyright; deterministic by seed.
 */

export interface SpeechOptions {
  readonly durationMs: number
  readonly sampleRate: number
  /** Pitch of the voice in Hz, about 100 to 220. */
  readonly pitch: number
  readonly seed: number
}

/** First and second formant in Hz of a few vowels. */
const vowels: readonly (readonly [number, number])[] = [
  [730, 1090],
  [270, 2290],
  [300, 870],
  [530, 1840],
  [570, 840],
  [440, 1020],
]

/** Signed 16-bit mono samples. */
export function speech(options: SpeechOptions): Int16Array {
  const { sampleRate } = options
  const samples = new Int16Array(Math.round((options.durationMs / 1000) * sampleRate))
  const random = generator(options.seed)
  const lower = resonator(sampleRate)
  const upper = resonator(sampleRate)
  let position = 0
  let phase = 0
  while (position < samples.length) {
    const isPause = random() < 0.18
    const length = Math.round(sampleRate * (isPause ? 0.12 + random() * 0.2 : 0.09 + random() * 0.14))
    const [first, second] = vowels[Math.floor(random() * vowels.length)] ?? [500, 1500]
    lower.tune(first, 90)
    upper.tune(second, 120)
    const pitch = options.pitch * (0.9 + random() * 0.25)
    for (let offset = 0; offset < length && position < samples.length; offset += 1, position += 1) {
      const envelope = isPause ? 0 : Math.sin((Math.PI * offset) / length)
      phase += pitch / sampleRate
      const pulse = phase >= 1 ? 1 : 0
      phase -= pulse
      const voice = lower.pass(pulse) + 0.5 * upper.pass(pulse) + (random() - 0.5) * 0.002
      samples[position] = Math.max(-32_000, Math.min(32_000, Math.round(voice * envelope * 90_000)))
    }
  }
  return samples
}

/** A two-pole resonance: what turns a buzz into a vowel. */
function resonator(sampleRate: number): { tune(frequency: number, bandwidth: number): void; pass(input: number): number } {
  let gain = 0
  let feedback1 = 0
  let feedback2 = 0
  let last1 = 0
  let last2 = 0
  return {
    tune(frequency, bandwidth) {
      const radius = Math.exp((-Math.PI * bandwidth) / sampleRate)
      feedback1 = 2 * radius * Math.cos((2 * Math.PI * frequency) / sampleRate)
      feedback2 = -radius * radius
      gain = 1 - radius
    },
    pass(input) {
      const output = gain * input + feedback1 * last1 + feedback2 * last2
      last2 = last1
      last1 = output
      return output
    },
  }
}

/** mulberry32: the same seed gives the same voice. */
function generator(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}
