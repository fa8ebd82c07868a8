/** `udp://127.0.0.1:5060`, as the configuration names the sockets to open. */
import { isIP } from 'node:net'
import type { HopAddress } from '../../message/message.ts'

/** RFC 3261 section 19.1.2: where SIP listens unless told otherwise. */
export const SIP_PORT = 5060

/** Transport, IP address (IPv6 in brackets) and port; 0 lets the system choose, absent means 5060. `null` for anything else. */
export function parseListenAddress(text: string): HopAddress | null {
  const match = /^(udp|tcp):\/\/(?:\[([0-9A-Fa-f:.]+)\]|([0-9.]+))(?::(\d{1,5}))?$/.exec(text)
  const transport = match?.[1]
  const address = match?.[2] ?? match?.[3] ?? ''
  const port = Number(match?.[4] ?? SIP_PORT)
  if ((transport !== 'udp' && transport !== 'tcp') || isIP(address) === 0 || port > 65_535) return null
  return { transport, address, port }
}
