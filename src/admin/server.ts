/**
 * The admin server: the app on its port. Owns the listener and nothing else. Built, started and stopped by the bridge, first
 * of all parts to start and last to stop, so that probes see the others come and go.
 */
import type { FastifyInstance } from 'fastify'
import { type AdminOptions, adminApp } from './app.ts'
import { isLoopbackName } from './guard.ts'
import { defaultFeedLimits, type LiveFeed, type LiveFeedLimits } from './live-feed.ts'

/** What the server needs beyond what the app does. */
export interface AdminServerOptions extends Omit<AdminOptions, 'feedLimits'> {
  /** Port 0 takes a free one. */
  readonly listen: { readonly host: string; readonly port: number }
  /** How long `stop` lets requests finish before it cuts them off, ms. */
  readonly stopGraceMs: number
  readonly feedLimits?: LiveFeedLimits
}

const maxConnections = 256

export class AdminServer {
  readonly #options: AdminServerOptions
  #running: Promise<{ readonly app: FastifyInstance; readonly feed: LiveFeed; readonly url: string }> | null = null
  #feed: LiveFeed | null = null

  /** Throws when it would listen beyond this machine without a token. */
  constructor(options: AdminServerOptions) {
    const { listen, token } = options
    if (token === null && !isLoopbackName(listen.host)) {
      throw new Error(`admin.listen ${listen.host} is reachable from other machines: set admin.token, or listen on 127.0.0.1`)
    }
    this.#options = options
  }

  /** Listens; a second call changes nothing. Rejects with what to do when the address cannot be had. */
  async start(): Promise<{ readonly url: string }> {
    this.#running ??= this.#listen()
    const { url } = await this.#running
    return { url }
  }

  /** Lets requests finish within the grace, tells live feed clients that it stops, and closes. A second call changes nothing. */
  async stop(): Promise<void> {
    const running = this.#running
    this.#running = null
    this.#feed = null
    if (running === null) return
    const { app } = await running
    const cut = setTimeout(() => app.server.closeAllConnections(), this.#options.stopGraceMs)
    await app.close()
    clearTimeout(cut)
  }

  /** Events may have been stored: the live feed looks. Cheap; call it after each commit. */
  notifyStored(): void {
    this.#feed?.notify()
  }

  async #listen() {
    const { listen, log, feedLimits } = this.#options
    const { app, feed } = await adminApp({ ...this.#options, feedLimits: feedLimits ?? defaultFeedLimits })
    app.server.maxConnections = maxConnections
    try {
      const url = await app.listen({ host: listen.host, port: listen.port })
      this.#feed = feed
      log.info({ url, tokenWanted: this.#options.token !== null }, 'admin server listens')
      return { app, feed, url }
    } catch (error) {
      this.#running = null
      await app.close()
      throw new Error(`cannot listen on admin.listen ${listen.host}:${listen.port}: ${reasonOf(error)}`, { cause: error })
    }
  }
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const code = 'code' in error ? error.code : null
  if (code === 'EADDRINUSE') return 'another program uses that port; choose another one or stop it'
  if (code === 'EACCES') return 'this user may not use that port; choose one above 1023'
  if (code === 'EADDRNOTAVAIL') return 'this machine has no such address'
  return error.message
}
