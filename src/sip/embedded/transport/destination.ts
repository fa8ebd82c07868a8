/** Where a message goes. */
import type { HopAddress } from '../../message/message.ts'

export interface Destination extends HopAddress {
  /** Over TLS: the host that the URI named, whose certificate the far end must show (RFC 5922). Absent: the address itself. */
  readonly domain?: string
}
