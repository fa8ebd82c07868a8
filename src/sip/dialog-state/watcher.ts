/**
 * Watches extensions of a PBX by dialog-state subscriptions (RFC 4235 over RFC 6665): who rings, who talks, who is free; and, where the
 * PBX names its dialogs, the signals of their calls.
 *
 *   PBX ──NOTIFY──▶ drachtio-srf ──▶ watcher ──▶ Subscriber (is the subscription up?)
 *                                        └─────▶ WatchedExtension ──▶ presence, signals
 *
 * Invariants: (1) one Subscriber and one WatchedExtension for each URI, made once; (2) subscriptions live as long as the connection to
 * the SIP server does, and begin anew with each; (3) a NOTIFY whose Call-ID is none of ours is passed on, untouched.
 */
import type Srf from 'drachtio-srf'
import type { CallSignal } from '../../events/signal.ts'
import { parseParams } from '../message/params.ts'
import { parseUri } from '../message/uri.ts'
import { Pace } from './pace.ts'
import type { ExtensionPresence } from './presence.ts'
import { pauses } from './retry.ts'
import { callIdSuffix, type Notify, Subscriber, seconds } from './subscriber.ts'
import { WatchedExtension } from './watched-extension.ts'

export interface DialogWatcherOptions {
  /** Not connected yet: the watcher listens to its connections. Make the watcher before others that handle NOTIFY (trunk.ts). */
  readonly srf: Srf
  /** `sip:1001@192.0.2.10:5060;transport=tcp`; at most 2,000 are watched. */
  readonly subscribe: readonly string[]
  /** `null` where the PBX asks for none. */
  readonly username: string | null
  readonly password: string | null
  /** How long a subscription is asked to last, ms. */
  readonly expiresMs: number
  /** Epoch ms. */
  readonly now: () => number
  /** That many random bytes. */
  readonly random: (bytes: number) => Buffer
  readonly log: {
    debug(fields: object, message: string): void
    info(fields: object, message: string): void
    warn(fields: object, message: string): void
  }
  readonly onSignal: (signal: CallSignal) => void
  readonly onPresence: (presence: ExtensionPresence) => void
}

export interface DialogWatcherStatus {
  readonly watched: number
  /** Subscriptions that stand. */
  readonly up: number
  /** Extensions that are not heard of, with the reason; the first 20. */
  readonly problems: readonly { readonly uri: string; readonly reason: string }[]
}

interface Watched {
  readonly uri: string
  readonly subscriber: Subscriber
  readonly extension: WatchedExtension
  /** Of the dialog that there is; '' before the first. */
  callId: string
  /** Why it fell last; '' while it is up, or before it was. */
  reason: string
}

export const maxWatched = 2_000

/** To one PBX: so many SUBSCRIBEs under way, and so many ms between two. */
const gentle = { slots: 16, spacingMs: 20 } as const
/** So many unsubscribes under way while the bridge stops. */
const slotsAtTheEnd = 64

export class DialogWatcher {
  readonly counters = { notifies: 0, documents: 0, refused: 0, gaps: 0, unknown: 0 }
  readonly #options: DialogWatcherOptions
  readonly #watched: readonly Watched[]
  readonly #byCallId = new Map<string, Watched>()
  readonly #paces = new Map<string, Pace>()
  #running = false
  #connected = false

  constructor(options: DialogWatcherOptions) {
    this.#options = options
    const uris = [...new Set(options.subscribe)].slice(0, maxWatched)
    this.#watched = uris.map(uri => this.#watch(uri))
    const { srf } = options
    srf.use('notify', (req, res, next) => this.#notify(req, res, () => next()))
    srf.on('connect', error => this.#connection(error === null || error === undefined))
    // `error` stands for a dial that failed, `close` (which the library's types leave out) for a connection that ended.
    srf.on('error', () => this.#connection(false))
    const untyped: NodeJS.EventEmitter = srf
    untyped.on('close', () => this.#connection(false))
  }

  /** Subscribes, at once or as soon as the SIP server is connected. */
  start(): void {
    this.#running = true
    if (this.#connected) for (const { subscriber } of this.#watched) subscriber.start()
  }

  /** Unsubscribes from as much as it can in the time; resolves when that is done, after 2 s at the latest. The rest expires at the PBX. */
  async stop(): Promise<void> {
    this.#running = false
    for (const pace of this.#paces.values()) pace.hurry(slotsAtTheEnd)
    const leaving = this.#watched.map(({ subscriber }) => subscriber.stop())
    // Before their own time is up: one that gives up must not let out the next, who would then be too late.
    const last = setTimeout(() => this.#closePaces(), pauses.leaveMs * 0.9)
    await Promise.all(leaving)
    clearTimeout(last)
    this.#closePaces()
    this.#byCallId.clear()
  }

  /** Every extension as it is now. */
  presences(): readonly ExtensionPresence[] {
    return this.#watched.map(({ extension }) => extension.presence)
  }

  status(): DialogWatcherStatus {
    const down = this.#watched.filter(({ subscriber }) => subscriber.phase.kind !== 'active')
    return {
      watched: this.#watched.length,
      up: this.#watched.length - down.length,
      problems: down.flatMap(({ uri, reason }) => (reason === '' ? [] : { uri, reason })).slice(0, 20),
    }
  }

  /** Sums over all subscriptions. */
  requests(): { readonly requests: number; readonly challenges: number; readonly failures: number } {
    const sum = { requests: 0, challenges: 0, failures: 0 }
    for (const { subscriber } of this.#watched) {
      sum.requests += subscriber.counters.requests
      sum.challenges += subscriber.counters.challenges
      sum.failures += subscriber.counters.failures
    }
    return sum
  }

  #watch(uri: string): Watched {
    const { srf, username, password, expiresMs, now, random, onSignal, onPresence } = this.#options
    const extension = new WatchedExtension({ uri, at: now(), onSignal, onPresence })
    const subscriber = new Subscriber({
      srf,
      uri,
      from: fromUri(uri, username ?? 'tpe-bridge'),
      credentials: username === null || password === null ? null : { username, password },
      intervalMs: expiresMs,
      pace: this.#paceTo(uri),
      now,
      random,
      onDialog: callId => this.#named(watched, callId),
      onUp: () => this.#up(watched),
      onDown: reason => this.#down(watched, reason),
    })
    const watched: Watched = { uri, subscriber, extension, callId: '', reason: '' }
    return watched
  }

  #connection(connected: boolean): void {
    if (connected === this.#connected) return
    this.#connected = connected
    if (!this.#running) return
    for (const { subscriber } of this.#watched) {
      if (connected) subscriber.start()
      else subscriber.lost()
    }
  }

  #closePaces(): void {
    for (const pace of this.#paces.values()) pace.stop()
  }

  #named(watched: Watched, callId: string): void {
    this.#byCallId.delete(watched.callId)
    watched.callId = callId
    this.#byCallId.set(callId, watched)
  }

  #up(watched: Watched): void {
    if (watched.reason !== '') this.#options.log.info({ to: watched.uri }, 'dialog subscription stands again')
    watched.reason = ''
  }

  #down(watched: Watched, reason: string): void {
    // Once for each reason: a PBX that stays away must not fill the log.
    if (watched.reason !== reason) this.#options.log.warn({ to: watched.uri, reason }, 'dialog subscription is down')
    watched.reason = reason
    watched.extension.lost(this.#options.now())
  }

  #notify(req: Srf.SrfRequest, res: Srf.SrfResponse, passOn: () => void): void {
    const callId = req.get('Call-ID') ?? ''
    const watched = this.#byCallId.get(callId)
    if (watched === undefined) {
      if (!callId.endsWith(callIdSuffix)) {
        passOn()
        return
      }
      this.counters.unknown += 1
      res.send(481) // RFC 6665 section 4.1.3: the notifier forgets it, too
      return
    }
    this.counters.notifies += 1
    if (!/^dialog\s*(;|$)/i.test(req.get('Event') ?? '')) {
      res.send(489)
      return
    }
    const notify = subscriptionStateIn(req.get('Subscription-State') ?? '')
    if (notify === null) {
      res.send(400)
      return
    }
    res.send(200)
    this.#heard(watched, notify, req)
  }

  #heard(watched: Watched, notify: Notify, req: Srf.SrfRequest): void {
    const { subscriber, extension } = watched
    if (notify.state === 'active') subscriber.notified(notify)
    // The last NOTIFY tells the state as well, and that of one which we asked to end counts no more.
    const isUp = subscriber.phase.kind === 'active'
    if (isUp && req.body !== undefined && req.body.trim() !== '') {
      this.counters.documents += 1
      const told = extension.told(req.body, this.#options.now(), req.get('User-Agent') ?? '')
      if (told.kind === 'refused') this.#refused(watched, told.reason)
      if (told.kind === 'incomplete' && notify.state === 'active') {
        this.counters.gaps += 1
        subscriber.askForAll()
      }
    }
    if (notify.state === 'terminated') subscriber.notified(notify)
  }

  #refused({ uri }: Watched, reason: string): void {
    this.counters.refused += 1
    if (this.counters.refused % 1000 === 1)
      this.#options.log.warn({ to: uri, reason, refused: this.counters.refused }, 'dialog-info document refused')
  }

  /** One for each PBX: one that does not answer holds up no other. */
  #paceTo(uri: string): Pace {
    const parsed = parseUri(uri)
    const key = `${parsed?.host.toLowerCase()} ${parsed?.port}`
    const pace = this.#paces.get(key) ?? new Pace({ ...gentle, now: () => performance.now() })
    this.#paces.set(key, pace)
    return pace
  }
}

/** We are a user of the PBX: registrars look up who subscribes by user and domain. */
function fromUri(uri: string, user: string): string {
  const host = parseUri(uri)?.host ?? 'localhost'
  const safeUser = user.replace(/[^A-Za-z0-9\-_.!~*'()&=+$,/]/g, character => encodeURIComponent(character))
  return `sip:${safeUser}@${host.includes(':') ? `[${host}]` : host}`
}

/** The Subscription-State header (RFC 6665 section 4.1.3). `pending` is active without anything to tell yet. */
function subscriptionStateIn(value: string): Notify | null {
  const state = /^\s*(active|pending|terminated)\s*(?:;|$)/i.exec(value)?.[1]?.toLowerCase()
  if (state === undefined) return null
  const params = parseParams(value.slice(value.indexOf(';') === -1 ? value.length : value.indexOf(';')))
  return {
    state: state === 'terminated' ? 'terminated' : 'active',
    expiresMs: seconds(params.get('expires') ?? null),
    reason: params.get('reason')?.toLowerCase() ?? '',
    retryAfterMs: seconds(params.get('retry-after') ?? null),
  }
}
