/** From whom a stream takes packets: the first that may send and says something sensible, and nobody else while that one speaks. */

export interface Sender {
  readonly address: string
  readonly port: number
}

/** How long the one that was chosen is silent before another may take its place (a media server that failed over), ms. */
const silentMs = 2_000

export class SourceLock {
  readonly #mayAlsoSend: (address: string) => boolean
  #offered: string | null = null
  #chosen: { readonly sender: Sender; lastAt: number } | null = null

  /** `mayAlsoSend`: whether an IP address may besides the one that was offered, for senders behind a NAT or with several interfaces. */
  constructor(mayAlsoSend: (address: string) => boolean) {
    this.#mayAlsoSend = mayAlsoSend
  }

  /** `null`: the offer named no address, so only those that may also send do. Whoever was chosen stays, if it still may. */
  offer(address: string | null): void {
    this.#offered = address === null ? null : plain(address)
    if (this.#chosen !== null && !this.mayBeSent(this.#chosen.sender.address)) this.#chosen = null
  }

  /** The next sender is chosen anew. */
  release(): void {
    this.#chosen = null
  }

  /** Whom the packets come from now. */
  get sender(): Sender | null {
    return this.#chosen?.sender ?? null
  }

  /** Whether this address may send here at all. The port is never asked for: many senders use another one than they offer. */
  mayBeSent(address: string): boolean {
    const from = plain(address)
    return from === this.#offered || this.#mayAlsoSend(from)
  }

  /** Whether to take a valid packet of this sender, which is chosen when nobody is. `at`: ms, never less than before. */
  takes(sender: Sender, at: number): boolean {
    const chosen = this.#chosen
    if (chosen !== null && chosen.sender.port === sender.port && chosen.sender.address === sender.address) {
      chosen.lastAt = at
      return true
    }
    if (chosen !== null && at - chosen.lastAt < silentMs) return false
    if (!this.mayBeSent(sender.address)) return false
    this.#chosen = { sender: { address: sender.address, port: sender.port }, lastAt: at }
    return true
  }
}

/** A socket for both families sees IPv4 senders as ::ffff:192.0.2.1. */
function plain(address: string): string {
  return address.toLowerCase().replace(/^::ffff:(?=\d+\.)/, '')
}
