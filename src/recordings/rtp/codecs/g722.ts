/**
 * G.722 at 64 kbit/s (ITU-T G.722 section 6, mode 1): one byte is one sample of each of two sub-bands, adaptively predicted, which a
 * quadrature mirror filter joins into two samples of 16 kHz. Names of blocks are the recommendation's.
 */

/** Keeps the predictors' state: one instance a stream, packets in order. */
export class G722Decoder {
  readonly #low = new SubBand(lowBand)
  readonly #high = new SubBand(highBand)
  /** The last 24 values of the receiving filter, the newest last. */
  readonly #history = new Int32Array(24)

  /** 16-bit samples at 16 kHz, two for each byte. */
  decode(payload: Uint8Array): Int16Array {
    const samples = new Int16Array(payload.length * 2)
    const history = this.#history
    for (let index = 0; index < payload.length; index += 1) {
      const code = payload[index] ?? 0
      const lowCode = code & 0x3f
      // The predictor follows the four upper bits only, so that the two lower ones may carry data in modes 2 and 3.
      const low = this.#low.reconstruct(quantized6[lowCode] ?? 0)
      this.#low.adapt(quantized4[lowCode >> 2] ?? 0, lowSteps[lowCode >> 2] ?? 0)
      const highCode = code >> 6
      const high = this.#high.reconstruct(quantized2[highCode] ?? 0)
      this.#high.adapt(quantized2[highCode] ?? 0, highSteps[highCode] ?? 0)

      history.copyWithin(0, 2)
      history[22] = low + high
      history[23] = low - high
      let odd = 0
      let even = 0
      for (let tap = 0; tap < 12; tap += 1) {
        odd += (history[2 * tap] ?? 0) * (mirror[tap] ?? 0)
        even += (history[2 * tap + 1] ?? 0) * (mirror[11 - tap] ?? 0)
      }
      samples[2 * index] = saturate(even >> 11)
      samples[2 * index + 1] = saturate(odd >> 11)
    }
    return samples
  }
}

interface Band {
  /** The scale factor to begin with. */
  readonly firstScale: number
  readonly highestLogScale: number
  readonly scaleShift: number
}

/** The adaptive quantizer and predictor of one sub-band. */
class SubBand {
  readonly #band: Band
  /** Signal estimate, and its part that comes of the zeros. */
  #estimate = 0
  #zeroEstimate = 0
  #scale: number
  #logScale = 0
  /** Two poles and six zeros; what they weigh, the newest first. */
  #pole1 = 0
  #pole2 = 0
  readonly #zeros = new Int32Array(6)
  readonly #differences = new Int32Array(6)
  #signal1 = 0
  #signal2 = 0
  #partial1 = 0
  #partial2 = 0

  constructor(band: Band) {
    this.#band = band
    this.#scale = band.firstScale
  }

  /** INVQAL/INVQAH, RECONS and LIMIT: the sub-band's sample of 15 bits. */
  reconstruct(quantized: number): number {
    return clamp(this.#estimate + ((this.#scale * quantized) >> 15), -16384, 16383)
  }

  /** What the encoder did with the same code: the next sample's scale and estimate. */
  adapt(quantized: number, step: number): void {
    const difference = (this.#scale * quantized) >> 15
    this.#adaptScale(step)
    this.#adaptPredictor(difference)
  }

  /** LOGSCL and SCALEL, or LOGSCH and SCALEH. */
  #adaptScale(step: number): void {
    const { highestLogScale, scaleShift } = this.#band
    this.#logScale = clamp(((this.#logScale * 127) >> 7) + step, 0, highestLogScale)
    const shift = scaleShift - (this.#logScale >> 11)
    const mantissa = inverseLog[(this.#logScale >> 6) & 31] ?? 0
    this.#scale = (shift < 0 ? mantissa << -shift : mantissa >> shift) << 2
  }

  #adaptPredictor(difference: number): void {
    // PARREC, RECONS
    const partial = saturate(this.#zeroEstimate + difference)
    const signal = saturate(this.#estimate + difference)
    // UPPOL2, UPPOL1
    const same1 = partial < 0 === this.#partial1 < 0
    const same2 = partial < 0 === this.#partial2 < 0
    const turn = Math.min(32767, same1 ? -saturate(this.#pole1 << 2) : saturate(this.#pole1 << 2))
    const pole2 = clamp((same2 ? 128 : -128) + (turn >> 7) + ((this.#pole2 * 32512) >> 15), -12288, 12288)
    const most = saturate(15360 - pole2)
    const pole1 = clamp(saturate((same1 ? 192 : -192) + ((this.#pole1 * 32640) >> 15)), -most, most)
    // UPZERO
    const zeros = this.#zeros
    const differences = this.#differences
    const gain = difference === 0 ? 0 : 128
    for (let index = 0; index < 6; index += 1) {
      const towards = (differences[index] ?? 0) < 0 === difference < 0 ? gain : -gain
      zeros[index] = saturate(towards + (((zeros[index] ?? 0) * 32640) >> 15))
    }
    // DELAYA
    differences.copyWithin(1, 0)
    differences[0] = difference
    this.#signal2 = this.#signal1
    this.#signal1 = signal
    this.#partial2 = this.#partial1
    this.#partial1 = partial
    this.#pole1 = pole1
    this.#pole2 = pole2
    // FILTEP, FILTEZ, PREDIC
    const poles = saturate(weigh(pole1, this.#signal1) + weigh(pole2, this.#signal2))
    let sum = 0
    for (let index = 5; index >= 0; index -= 1) sum += weigh(zeros[index] ?? 0, differences[index] ?? 0)
    this.#zeroEstimate = saturate(sum)
    this.#estimate = saturate(poles + this.#zeroEstimate)
  }
}

function weigh(coefficient: number, value: number): number {
  return (coefficient * saturate(value + value)) >> 15
}

function saturate(value: number): number {
  return clamp(value, -32768, 32767)
}

function clamp(value: number, low: number, high: number): number {
  return value < low ? low : value > high ? high : value
}

const lowBand: Band = { firstScale: 32, highestLogScale: 18432, scaleShift: 8 }
const highBand: Band = { firstScale: 8, highestLogScale: 22528, scaleShift: 10 }

// Tables 7, 14, 15, 17, 18 and 11 of the recommendation, by code.
const quantized6 = Int32Array.from([
  -136, -136, -136, -136, -24808, -21904, -19008, -16704, -14984, -13512, -12280, -11192, -10232, -9360, -8576, -7856, -7192,
  -6576, -6000, -5456, -4944, -4464, -4008, -3576, -3168, -2776, -2400, -2032, -1688, -1360, -1040, -728, 24808, 21904, 19008,
  16704, 14984, 13512, 12280, 11192, 10232, 9360, 8576, 7856, 7192, 6576, 6000, 5456, 4944, 4464, 4008, 3576, 3168, 2776, 2400,
  2032, 1688, 1360, 1040, 728, 432, 136, -432, -136,
])
const quantized4 = Int32Array.from([
  0, -20456, -12896, -8968, -6288, -4240, -2584, -1200, 20456, 12896, 8968, 6288, 4240, 2584, 1200, 0,
])
const quantized2 = Int32Array.from([-7408, -1616, 7408, 1616])
const lowSteps = Int32Array.from([-60, 3042, 1198, 538, 334, 172, 58, -30, 3042, 1198, 538, 334, 172, 58, -30, -60])
const highSteps = Int32Array.from([798, -214, 798, -214])
const inverseLog = Int32Array.from([
  2048, 2093, 2139, 2186, 2233, 2282, 2332, 2383, 2435, 2489, 2543, 2599, 2656, 2714, 2774, 2834, 2896, 2960, 3025, 3091, 3158,
  3228, 3298, 3371, 3444, 3520, 3597, 3676, 3756, 3838, 3922, 4008,
])
const mirror = Int32Array.from([3, -11, 12, 32, -210, 951, 3876, -805, 362, -156, 53, -11])
