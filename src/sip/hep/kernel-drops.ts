/**
 * Datagrams that never reached us because the socket's receive buffer was full. Linux counts them a socket, in the last column of
 * /proc/net/udp and /proc/net/udp6; no other system call tells.
 */
import { isIP } from 'node:net'

/** The drops of the socket bound to that address and port, summed where several share it; `null` when the table has no such socket. */
export function dropsIn(table: string, address: string, port: number): number | null {
  const wanted = `${hexAddress(address)}:${port.toString(16).toUpperCase().padStart(4, '0')}`
  let drops: number | null = null
  for (const line of table.split('\n')) {
    // sl  local_address rem_address st tx_queue:rx_queue tr:tm->when retrnsmt uid timeout inode ref pointer drops
    const fields = line.trim().split(/\s+/)
    if (fields[1] !== wanted) continue
    const count = Number(fields[12])
    if (Number.isSafeInteger(count)) drops = (drops ?? 0) + count
  }
  return drops
}

/** The kernel's own spelling: words of four bytes in the order of a little-endian machine, as hexadecimal. */
function hexAddress(address: string): string {
  const bytes = isIP(address) === 6 ? ipv6Bytes(address) : address.split('.').map(Number)
  let text = ''
  for (let i = 0; i < bytes.length; i += 4) {
    for (const byte of bytes.slice(i, i + 4).reverse()) text += byte.toString(16).toUpperCase().padStart(2, '0')
  }
  return text
}

/** Of a valid IPv6 address. */
function ipv6Bytes(address: string): number[] {
  const [plain = ''] = address.split('%')
  const dotted = /^(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(plain)
  const group = (high: string | undefined, low: string | undefined): string => (Number(high) * 256 + Number(low)).toString(16)
  const text = dotted === null ? plain : `${dotted[1]}${group(dotted[2], dotted[3])}:${group(dotted[4], dotted[5])}`
  const [head = '', tail] = text.split('::')
  const groups = (part: string): number[] => (part === '' ? [] : part.split(':').map(each => Number.parseInt(each, 16)))
  const left = groups(head)
  const right = tail === undefined ? [] : groups(tail)
  const zeros = Array.from({ length: Math.max(0, 8 - left.length - right.length) }, () => 0)
  return [...left, ...zeros, ...right].flatMap(each => [each >> 8, each & 255])
}
