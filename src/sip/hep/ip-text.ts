/** Addresses as bytes to the text that the rest of the bridge compares: one spelling for one address. */

/** Four bytes to `192.0.2.1`. */
export function ipv4Text(bytes: Uint8Array): string {
  return bytes.join('.')
}

/** Sixteen bytes to the spelling of RFC 5952; an IPv4-mapped address (::ffff:192.0.2.1) becomes the IPv4 address that it is. */
export function ipv6Text(bytes: Uint8Array): string {
  if (bytes.subarray(0, 10).every(byte => byte === 0) && bytes[10] === 255 && bytes[11] === 255)
    return ipv4Text(bytes.subarray(12))
  const groups: number[] = []
  for (let i = 0; i < 16; i += 2) groups.push((bytes[i] ?? 0) * 256 + (bytes[i + 1] ?? 0))
  const { start, length } = longestZeroRun(groups)
  const text = (part: readonly number[]): string => part.map(group => group.toString(16)).join(':')
  // RFC 5952 section 4.2.2: a single zero group is written out.
  if (length < 2) return text(groups)
  return `${text(groups.slice(0, start))}::${text(groups.slice(start + length))}`
}

/** A far end's address as sockets report it, without what is not part of it: `::ffff:` before an IPv4 address, `%eth0` behind a link-local one. */
export function plainAddress(address: string): string {
  const zone = address.indexOf('%')
  const plain = zone === -1 ? address : address.slice(0, zone)
  return plain.startsWith('::ffff:') && plain.includes('.') ? plain.slice(7) : plain
}

function longestZeroRun(groups: readonly number[]): { readonly start: number; readonly length: number } {
  let best = { start: 0, length: 0 }
  let length = 0
  for (const [i, group] of groups.entries()) {
    length = group === 0 ? length + 1 : 0
    if (length > best.length) best = { start: i - length + 1, length }
  }
  return best
}
