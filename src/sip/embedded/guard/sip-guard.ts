/**
 * Stands before the SIP server: who may come in, how often, and who is not even heard any more. Asked once for each new request; holds what it
 * knows of each source.
 *
 *   peer ──────────── within its rate ──▶ in
 *   stranger, banned or above its rate ──▶ dropped
 *   stranger, scanner ──▶ dropped, an offence
 *   stranger, else ──▶ what `authenticate` says; without it 403, an offence
 *
 * Invariants: (1) a peer is never refused nor banned, only slowed down when it sends more than any PBX can; (2) a stranger gets at most one
 * answer for each request, never larger than that and never repeated: the server keeps nothing of it; (3) every table is bounded.
 */
import type { HopAddress, SipRequest } from '../../message/message.ts'
import type { SipLog } from '../sip-log.ts'
import type { Verdict } from '../transaction/admission.ts'
import { type BanLimits, BanList } from './ban-list.ts'
import { BoundedMap } from './bounded-map.ts'
import { scannerDetector } from './scanner.ts'
import { sourceOf } from './source.ts'
import { type Bucket, type Rate, take } from './token-bucket.ts'

export interface GuardLimits extends BanLimits {
  /** Requests of one stranger that are looked at. */
  readonly stranger: Rate
  /** Requests of one peer. */
  readonly peer: Rate
}

export const DEFAULT_GUARD_LIMITS: GuardLimits = {
  stranger: { perSecond: 10, burst: 20 },
  // Several times what one core can pass on: what is above it is a loop or a flood.
  peer: { perSecond: 10_000, burst: 20_000 },
  offences: 30,
  windowMs: 60_000,
  banMs: 3_600_000,
  maxSources: 10_000,
}

export interface SipGuardOptions {
  /** Whether an address is a configured peer's. */
  readonly isPeer: (address: string) => boolean
  /** User-Agent texts of known scanners, compared without case anywhere in the header. */
  readonly scanners: readonly string[]
  /** What becomes of a stranger who is no scanner: it may show who it is. Without this it gets 403. */
  readonly authenticate?: (source: HopAddress, request: SipRequest) => Verdict
  readonly limits?: Partial<GuardLimits>
  /** Epoch milliseconds. */
  readonly now: () => number
  readonly log: Pick<SipLog, 'warn'>
}

export interface GuardCounters {
  /** Requests of strangers that were refused (403), or asked who they are (401, 407). */
  strangers: number
  scanners: number
  /** Requests above the rate of a stranger, and of a peer. */
  strangersLimited: number
  peersLimited: number
  /** Sources that were banned, and what they sent while they were. */
  bans: number
  bannedDropped: number
}

const FORBIDDEN: Verdict = { status: 403, headers: [[]] }

export class SipGuard {
  readonly counters: GuardCounters = {
    strangers: 0,
    scanners: 0,
    strangersLimited: 0,
    peersLimited: 0,
    bans: 0,
    bannedDropped: 0,
  }
  readonly #options: SipGuardOptions
  readonly #limits: GuardLimits
  readonly #isScanner: (request: SipRequest) => boolean
  readonly #bans: BanList
  readonly #buckets: BoundedMap<string, Bucket>
  readonly #peerBuckets: BoundedMap<string, Bucket>

  constructor(options: SipGuardOptions) {
    this.#options = options
    this.#limits = { ...DEFAULT_GUARD_LIMITS, ...options.limits }
    this.#isScanner = scannerDetector(options.scanners)
    this.#bans = new BanList(this.#limits, options.now)
    this.#buckets = new BoundedMap(this.#limits.maxSources)
    // Of its own, so that no flood of strangers makes a peer's bucket full again.
    this.#peerBuckets = new BoundedMap(this.#limits.maxSources)
  }

  /** What becomes of a new request. */
  admit(address: HopAddress, request: SipRequest): Verdict {
    const source = sourceOf(address.address)
    if (this.#options.isPeer(address.address)) return this.#peer(source)
    if (this.#bans.isBanned(source)) {
      this.counters.bannedDropped++
      return 'drop'
    }
    if (!this.#takes(this.#buckets, source, this.#limits.stranger)) {
      this.counters.strangersLimited++
      return 'drop'
    }
    if (this.#isScanner(request)) {
      this.counters.scanners++
      this.#offence(source)
      return 'drop'
    }
    const verdict = this.#options.authenticate?.(address, request) ?? FORBIDDEN
    if (verdict === 'accept') this.#bans.forgive(source)
    else if (verdict !== 'drop') this.#refused(source, address, request, verdict.status)
    return verdict
  }

  /** Bytes that are no message came from there. */
  malformed(address: HopAddress): void {
    if (this.#options.isPeer(address.address)) return
    const source = sourceOf(address.address)
    if (!this.#bans.isBanned(source)) this.#offence(source)
  }

  /** Who is ignored now: IPv4 addresses and IPv6 networks, and until when (epoch ms). */
  banned(): readonly { readonly source: string; readonly until: number }[] {
    return this.#bans.list()
  }

  #peer(source: string): Verdict {
    if (this.#takes(this.#peerBuckets, source, this.#limits.peer)) return 'accept'
    this.counters.peersLimited++
    if (this.counters.peersLimited % 1000 === 1)
      this.#options.log.warn(
        { source, dropped: this.counters.peersLimited },
        'peer sends more than any pbx can: is there a loop?',
      )
    return 'drop'
  }

  #takes(buckets: BoundedMap<string, Bucket>, source: string, rate: Rate): boolean {
    const { bucket, taken } = take(buckets.get(source) ?? null, rate, this.#options.now())
    buckets.set(source, bucket)
    return taken
  }

  #refused(source: string, { address, port }: HopAddress, { method }: SipRequest, status: number): void {
    this.counters.strangers++
    this.#offence(source)
    if (status !== 403) return
    // The first of them, then every 1,000th: a scan must not fill the log.
    if (this.counters.strangers % 1000 === 1) {
      const fields = { source: `${address}:${port}`, method, refused: this.counters.strangers }
      this.#options.log.warn(
        fields,
        'request from an address that is no peer refused with 403: if it is yours, add it to sip.trunk',
      )
    }
  }

  #offence(source: string): void {
    if (!this.#bans.offence(source)) return
    this.counters.bans++
    const fields = { source, bans: this.counters.bans, forMs: this.#limits.banMs }
    if (this.counters.bans % 100 === 1) this.#options.log.warn(fields, 'source of refused sip requests is ignored for a time')
  }
}
