/**
 * The in-path trunk: passes calls between the PBX and the carrier, both ways, and stays in their dialogs (Record-Route).
 *
 *   PBX ──INVITE──▶ trunk ──▶ carrier 1 ──no answer or 503──▶ carrier 2 …
 *
 * It decides only who may call and where the call goes; the SIP server does the rest (transactions, forwarding, CANCEL, ACK).
 * What happens in a call is reported by the observer, which sees the messages themselves.
 */
import type Srf from 'drachtio-srf'
import type { HopAddress } from '../message/message.ts'
import type { GatewayOrder } from './gateway-order.ts'
import type { ResolvedPeer, TrunkSide } from './peers.ts'

export interface TrunkOptions {
  /** Who an address is and where its calls go (trunk-peers.ts). */
  readonly peers: {
    sideOf(peer: HopAddress, sentByPort: number | null): TrunkSide | null
    opposite(side: TrunkSide): readonly ResolvedPeer[]
    readonly counters: { strangers: number }
  }
  readonly order: GatewayOrder
  /** An address that has answered nothing at all for this long has failed; the next one is tried. */
  readonly noAnswerMs: number
  /** Any clock in ms that only goes on. */
  readonly now: () => number
  readonly log: {
    warn(fields: object, message: string): void
    error(fields: object, message: string): void
  }
}

/** What drachtio-srf reports of a finished proxy operation: the final responses, grouped by the address they came from. */
interface ProxyResult {
  readonly responses: readonly {
    readonly address: string
    readonly port: number
    readonly msgs: readonly { readonly status: number }[]
  }[]
}

/** Requests outside a dialog that are passed on as INVITEs are; OPTIONS is a keep-alive and is answered here. */
const relayedMethods = ['register', 'message', 'subscribe', 'publish', 'notify', 'refer', 'info'] as const

export class Trunk {
  readonly counters = { calls: 0, failovers: 0, noRoute: 0, failed: 0 }
  readonly #options: TrunkOptions

  constructor(options: TrunkOptions) {
    this.#options = options
  }

  /** Registers the trunk's handlers; to be called before the listener dials. */
  attach(srf: Srf): void {
    srf.invite((req, res) => void this.#pass(req, res))
    for (const method of relayedMethods) srf.use(method, (req, res) => void this.#pass(req, res))
    srf.use('options', (req, res) => {
      if (this.#sideOf(req) === null) this.#refuse(req, res)
      else
        res.send(200, {
          headers: { Allow: 'INVITE, ACK, CANCEL, BYE, OPTIONS, PRACK, UPDATE, INFO, REFER, NOTIFY, MESSAGE, REGISTER' },
        })
    })
  }

  async #pass(req: Srf.SrfRequest, res: Srf.SrfResponse): Promise<void> {
    const side = this.#sideOf(req)
    if (side === null) {
      this.#refuse(req, res)
      return
    }
    const destinations = this.#options.order.sort(
      this.#options.peers.opposite(side).flatMap(peer => destinationsOf(peer, req.uri)),
    )
    if (destinations.length === 0) {
      this.counters.noRoute += 1
      this.#options.log.error({ side }, 'no address to pass the call to: set sip.trunk.pbx and sip.trunk.carrier')
      res.send(503, { headers: { 'Retry-After': '5' } })
      return
    }
    this.counters.calls += 1
    try {
      const startedAt = this.#options.now()
      const result: unknown = await this.#proxy(req, destinations)
      this.#learn(destinations, result, this.#options.now() - startedAt)
    } catch (error) {
      // The server has answered the caller itself (483, 500); what it said is in the message.
      this.counters.failed += 1
      this.#options.log.warn(
        { reason: error instanceof Error ? error.message : String(error), method: req.method },
        'call could not be passed on',
      )
    }
  }

  #proxy(req: Srf.SrfRequest, destinations: readonly Destination[]): Promise<unknown> {
    return new Promise((resolve, reject) => {
      req.srf.proxyRequest(
        req,
        destinations.map(({ uri }) => uri),
        { remainInDialog: req.method === 'INVITE', forking: 'sequential', provisionalTimeout: `${this.#options.noAnswerMs}ms` },
        (error: unknown, result: unknown) =>
          error ? reject(error instanceof Error ? error : new Error(String(error))) : resolve(result),
      )
    })
  }

  /** Gateways tried before the one that answered have failed; a 503 is a failure too (RFC 3263 section 4.3). */
  #learn(destinations: readonly Destination[], result: unknown, tookMs: number): void {
    if (!isProxyResult(result)) return
    if (result.responses.length === 0) {
      // Nobody answered: each gateway whose time ran out has failed. A caller who gave up before that says nothing about any.
      const failed = destinations.slice(0, Math.floor(tookMs / this.#options.noAnswerMs))
      for (const { gateway } of failed) this.#options.order.failed(gateway)
      this.counters.failovers += Math.min(failed.length, destinations.length - 1)
      return
    }
    const statusFrom = ({ address, port }: Destination): number | null =>
      result.responses.find(response => response.address === address && response.port === port)?.msgs[0]?.status ?? null
    const statuses = destinations.map(statusFrom)
    // drachtio-srf 5.0.29 files an answer from another port of the same address under the answer before it.
    const answers = result.responses.reduce((count, { msgs }) => count + msgs.length, 0)
    const lastTried = Math.max(
      statuses.findLastIndex(status => status !== null),
      answers - 1,
    )
    for (const [position, { gateway }] of destinations.entries()) {
      const status = statuses[position] ?? null
      const hasFailed = status === 503 || (status === null && position < lastTried)
      if (hasFailed) this.#options.order.failed(gateway)
      else if (status !== null) this.#options.order.worked(gateway)
      if (hasFailed && position < lastTried) this.counters.failovers += 1
    }
  }

  #sideOf(req: Srf.SrfRequest): TrunkSide | null {
    const transport = req.protocol === 'tcp' || req.protocol === 'tls' ? req.protocol : 'udp'
    const [via] = req.getParsedHeader('via')
    const sentByPort = via?.port ? Number(via.port) : null
    return this.#options.peers.sideOf({ transport, address: req.source_address, port: Number(req.source_port) }, sentByPort)
  }

  #refuse(req: Srf.SrfRequest, res: Srf.SrfResponse): void {
    const { counters } = this.#options.peers
    counters.strangers += 1
    // The first of them, then every 1,000th: a scan must not fill the log.
    if (counters.strangers % 1000 === 1) {
      const fields = { source: `${req.source_address}:${req.source_port}`, method: req.method, refused: counters.strangers }
      this.#options.log.warn(
        fields,
        'request from an address that is no peer refused with 403: if it is yours, add it to sip.trunk',
      )
    }
    res.send(403)
  }
}

/** Where a call may go: one IP address of one peer. */
interface Destination {
  readonly uri: string
  readonly gateway: string
  readonly address: string
  readonly port: number
}

/** The user part is the request's own, made safe for the control protocol, whose separator is `|`. */
function destinationsOf(peer: ResolvedPeer, requestUri: string): Destination[] {
  const user = /^sips?:([^@;?]*)@/i.exec(requestUri)?.[1] ?? ''
  const safeUser = user.replace(/[^A-Za-z0-9\-_.!~*'()&=+$,/%]/g, character => encodeURIComponent(character))
  const transport = peer.transport === 'udp' ? '' : `;transport=${peer.transport}`
  return peer.addresses.map(address => {
    const gateway = `${address.includes(':') ? `[${address}]` : address}:${peer.port}${transport}`
    return { uri: `sip:${safeUser === '' ? '' : `${safeUser}@`}${gateway}`, gateway, address, port: peer.port }
  })
}

function isProxyResult(value: unknown): value is ProxyResult {
  return typeof value === 'object' && value !== null && 'responses' in value && Array.isArray(value.responses)
}
