/**
 * The live feed: every event, in the order in which it was stored, to each client that follows.
 *
 *   notify ─▶ version + 1 ─▶ each client:  read the page after my cursor ─▶ send it ─▶ wait until it is flushed ─▶ again
 *                                               ▲                                                     │
 *                                               └──────────── up to date: wait for the next version ◀─┘
 *
 * Invariants:
 * 1 What is sent comes from storage alone, by cursor: no gap and no double, whether a client is fast, slow or comes back.
 *   Nobody's word is taken for what was stored: a notification says "look", not "this".
 * 2 At most one page a client is in memory. A client that takes nothing of its page for `stallMs` is closed as too slow; one
 *   that takes it slowly lags, and costs nothing.
 * 3 There are at most `maxClients`; a client that vanished without a word is found by a ping within two heartbeats.
 *
 * Owned by the app (app.ts); `follow` is called by the /ws route.
 */
import { once } from 'node:events'
import type { WebSocket } from 'ws'
import { FeedPages, type StoredEvents } from './feed-pages.ts'
import { type FeedEnd, sendPage, tellEnd } from './feed-socket.ts'
import type { PartHealth } from './health.ts'
import type { AdminLog } from './log.ts'
import type { MetricFamily } from './metrics.ts'

/** Durations in ms. */
export interface LiveFeedLimits {
  readonly maxClients: number
  /** How long a client may take nothing while something waits for it. */
  readonly stallMs: number
  readonly heartbeatMs: number
}

/** Fit for dashboards and wallboards on a LAN. */
export const defaultFeedLimits: LiveFeedLimits = { maxClients: 32, stallMs: 15_000, heartbeatMs: 30_000 }

const closeGraceMs = 1_000

export class LiveFeed {
  readonly #stored: StoredEvents
  readonly #pages: FeedPages
  readonly #limits: LiveFeedLimits
  readonly #log: AdminLog
  readonly #clients = new Map<WebSocket, { alive: boolean }>()
  readonly #waiting = new Set<() => void>()
  readonly #ended = new Map<FeedEnd, number>()
  #refused = 0
  #version = 0
  #heartbeat: NodeJS.Timeout | null = null

  constructor(options: { readonly stored: StoredEvents; readonly limits: LiveFeedLimits; readonly log: AdminLog }) {
    this.#stored = options.stored
    this.#pages = new FeedPages(options.stored)
    this.#limits = options.limits
    this.#log = options.log
  }

  /** Begins to look for vanished clients. */
  start(): void {
    this.#heartbeat ??= setInterval(() => this.#ping(), this.#limits.heartbeatMs)
  }

  /** Closes every client (1001); those that do not answer within a second are cut off. */
  async stop(): Promise<void> {
    if (this.#heartbeat !== null) clearInterval(this.#heartbeat)
    this.#heartbeat = null
    const closing = [...this.#clients.keys()].map(async socket => {
      const closed = once(socket, 'close')
      tellEnd(socket, 'stopping')
      const cut = setTimeout(() => socket.terminate(), closeGraceMs)
      await closed
      clearTimeout(cut)
    })
    await Promise.all(closing)
  }

  /** Events may have been stored. Cheap; call it after each commit. */
  notify(): void {
    this.#version += 1
    for (const wake of this.#waiting) wake()
  }

  /** Where a client begins that wants only what is stored from now on: the newest event; `null` when there is none. */
  newest(): Promise<string | null> {
    return this.#stored.newestEventId()
  }

  /** Whether one more client fits; a refusal is counted. */
  admits(): boolean {
    if (this.#clients.size < this.#limits.maxClients) return true
    this.#refused += 1
    return false
  }

  /**
   * Serves a client until it leaves or has to. `after` is the last event it has; `null` when nothing is stored before it came.
   * Never rejects: what ends it is told to the client by its close code (feed-socket.ts).
   */
  async follow(socket: WebSocket, after: string | null): Promise<void> {
    const client = { alive: true }
    const gone = new AbortController()
    this.#clients.set(socket, client)
    socket.on('pong', () => {
      client.alive = true
    })
    socket.on('close', () => {
      this.#clients.delete(socket)
      gone.abort()
    })
    // A frame that is too big or malformed: ws tells the client which and closes; 'close' does the rest.
    socket.on('error', error => this.#log.debug({ err: error }, 'live feed client broke the protocol'))
    const end = await this.#serve(socket, after, gone.signal)
    this.#ended.set(end, (this.#ended.get(end) ?? 0) + 1)
    tellEnd(socket, end)
  }

  /** A line for /readyz. */
  health(): PartHealth {
    const { size } = this.#clients
    if (size < this.#limits.maxClients) return { state: 'ok', reason: null }
    return { state: 'degraded', reason: `the live feed has ${size} clients, its limit: more are refused` }
  }

  /** For /metrics. */
  metrics(): readonly MetricFamily[] {
    const plain = (value: number) => [{ labels: {}, value }]
    return [
      {
        name: 'tpe_bridge_admin_feed_clients',
        help: 'Clients of the live feed now',
        type: 'gauge',
        samples: plain(this.#clients.size),
      },
      {
        name: 'tpe_bridge_admin_feed_refused_total',
        help: 'Clients refused because the live feed was full',
        type: 'counter',
        samples: plain(this.#refused),
      },
      {
        name: 'tpe_bridge_admin_feed_ended_total',
        help: 'Clients of the live feed that ended, by why',
        type: 'counter',
        samples: [...this.#ended].map(([reason, value]) => ({ labels: { reason }, value })),
      },
    ]
  }

  async #serve(socket: WebSocket, after: string | null, gone: AbortSignal): Promise<FeedEnd> {
    try {
      let cursor = after
      while (!gone.aborted) {
        const version = this.#version
        const page = await this.#pages.after(cursor, version)
        if (page === null) return 'unknown-event'
        if (page.length === 0) await this.#changed(version, gone)
        else if (!(await sendPage(socket, page, this.#limits.stallMs)))
          return socket.readyState === socket.OPEN ? 'too-slow' : 'left'
        cursor = page.at(-1)?.id ?? cursor
      }
      return 'left'
    } catch (error) {
      this.#log.error({ err: error }, 'live feed cannot read the store')
      return 'store-failed'
    }
  }

  /** Until the version is no longer this one, or the client has gone. */
  #changed(version: number, gone: AbortSignal): Promise<void> {
    if (this.#version !== version || gone.aborted) return Promise.resolve()
    return new Promise(resolve => {
      const wake = () => {
        this.#waiting.delete(wake)
        gone.removeEventListener('abort', wake)
        resolve()
      }
      this.#waiting.add(wake)
      gone.addEventListener('abort', wake, { once: true })
    })
  }

  #ping(): void {
    for (const [socket, client] of this.#clients) {
      if (!client.alive) {
        socket.terminate()
        continue
      }
      client.alive = false
      socket.ping()
    }
  }
}
