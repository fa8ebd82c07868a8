/** L16 (RFC 3551 4.5.11): 16-bit samples in network byte order, interleaved. */

/** One channel; several are mixed down to their mean, because a participant has one channel. An incomplete last frame is left out. */
export function decodeL16(channels: number, payload: Uint8Array): Int16Array {
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength)
  const samples = new Int16Array(Math.floor(payload.length / (2 * channels)))
  for (let index = 0; index < samples.length; index += 1) {
    let sum = 0
    for (let channel = 0; channel < channels; channel += 1) sum += view.getInt16((index * channels + channel) * 2)
    samples[index] = Math.trunc(sum / channels)
  }
  return samples
}
