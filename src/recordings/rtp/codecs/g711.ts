/** G.711 (ITU-T G.711): 8 bits a sample, A-law or µ-law, to 16-bit linear, by tables. */

export type Law = 'a-law' | 'mu-law'

/** Decodes whole packets; keeps no state between them. */
export function decodeG711(law: Law, payload: Uint8Array): Int16Array {
  const table = law === 'a-law' ? aLaw : muLaw
  const samples = new Int16Array(payload.length)
  for (let index = 0; index < payload.length; index += 1) samples[index] = table[payload[index] ?? 0] ?? 0
  return samples
}

const aLaw = Int16Array.from({ length: 256 }, (_, code) => {
  // Even bits are sent inverted; 1 in the sign bit is positive.
  const bits = code ^ 0x55
  const exponent = (bits >> 4) & 7
  const mantissa = ((bits & 0x0f) << 4) + 8
  const magnitude = exponent === 0 ? mantissa : (mantissa + 0x100) << (exponent - 1)
  return (bits & 0x80) === 0 ? -magnitude : magnitude
})

const muLaw = Int16Array.from({ length: 256 }, (_, code) => {
  // All bits are sent inverted; the bias of 33 (in 14 bits) makes each segment start at a power of two.
  const bits = ~code & 0xff
  const magnitude = ((((bits & 0x0f) << 3) + 0x84) << ((bits >> 4) & 7)) - 0x84
  return (bits & 0x80) === 0 ? magnitude : -magnitude
})
