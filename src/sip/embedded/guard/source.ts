/** What counts as one source: an IPv4 address, or the /64 network that every IPv6 host may choose its addresses from. */
import { isIPv6 } from 'node:net'

/** The name of the source that an IP address belongs to; `::ffff:192.0.2.1` is 192.0.2.1. */
export function sourceOf(address: string): string {
  const mapped = /^::ffff:(\d{1,3}(?:\.\d{1,3}){3})$/i.exec(address)?.[1]
  if (mapped !== undefined) return mapped
  if (!isIPv6(address)) return address
  const [head = '', tail] = (address.split('%')[0] ?? '').split('::')
  const groups = (text: string): string[] => (text === '' ? [] : text.split(':'))
  const before = groups(head)
  // An IPv4 tail is two groups.
  const after = groups(tail ?? '').flatMap(group => (group.includes('.') ? ['0', '0'] : [group]))
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - before.length - after.length)
  const all = [...before, ...Array.from({ length: zeros }, () => '0'), ...after]
  const network = all.slice(0, 4).map(group => Number.parseInt(group, 16).toString(16))
  return `${network.join(':')}::/64`
}
