/**
 * Where applications connect: a loopback TCP listener with a secret, and who of them takes which requests. Owns the sessions and
 * their routes; called by the server, which tells it what happened on the SIP side.
 */
import { createServer, type Server } from 'node:net'
import type { IdSource } from '../identifiers.ts'
import { ControlSession, type SessionLog, type SipCommand } from './session.ts'

export interface ControlUser {
  welcome(): readonly string[]
  onCommand(command: Exclude<SipCommand, { kind: 'route' | 'remove-route' }>, session: ControlSession): void
  /** An application left; its routes are gone already. */
  onSessionClosed(session: ControlSession): void
}

export interface ControlAddress {
  readonly host: string
  readonly port: number
  readonly secret: string
}

/** Routes an application may hold: verbs are few, and duplicates count once. */
const MAX_VERBS = 64

export class ControlServer {
  readonly #secret: string
  readonly #user: ControlUser
  readonly #ids: IdSource
  readonly #log: SessionLog
  readonly #maxSessions: number
  readonly #sessions = new Set<ControlSession>()
  /** Which sessions take a verb, the next one to be asked first. */
  readonly #routes = new Map<string, ControlSession[]>()
  #listener: Server | null = null

  constructor(options: { secret: string; user: ControlUser; ids: IdSource; log: SessionLog; maxSessions: number }) {
    this.#secret = options.secret
    this.#user = options.user
    this.#ids = options.ids
    this.#log = options.log
    this.#maxSessions = options.maxSessions
  }

  /** Listens on an ephemeral loopback port; rejects when even that is impossible. */
  async start(): Promise<ControlAddress> {
    const host = '127.0.0.1'
    const listener = createServer(socket => {
      if (this.#sessions.size >= this.#maxSessions) {
        this.#log.warn({ sessions: this.#sessions.size }, 'control connection refused: too many')
        socket.destroy()
        return
      }
      this.#sessions.add(
        new ControlSession(
          socket,
          this.#secret,
          {
            welcome: () => this.#user.welcome(),
            onCommand: (command, session) => this.#onCommand(command, session),
            onClosed: session => this.#onClosed(session),
          },
          this.#ids,
          this.#log,
        ),
      )
    })
    this.#listener = listener
    await new Promise<void>((resolve, reject) => {
      listener.once('error', reject)
      listener.listen(0, host, resolve)
    })
    const address = listener.address()
    if (address === null || typeof address === 'string')
      throw new Error('the control listener has no port: is another listener using its handle?')
    return { host, port: address.port, secret: this.#secret }
  }

  async stop(): Promise<void> {
    const listener = this.#listener
    this.#listener = null
    for (const session of this.#sessions) session.destroy()
    if (listener !== null) await new Promise<void>(resolve => listener.close(() => resolve()))
  }

  /** Whether any application is there at all. */
  get connected(): boolean {
    for (const session of this.#sessions) if (session.authenticated && session.open) return true
    return false
  }

  /** How many applications asked for this verb. */
  takers(verb: string): number {
    return this.#routes.get(verb)?.length ?? 0
  }

  /** The application whose turn it is for a verb (lower case), round robin; `null` when nobody takes it. */
  sessionFor(verb: string): ControlSession | null {
    const takers = this.#routes.get(verb)
    const next = takers?.shift()
    if (takers === undefined || next === undefined) return null
    takers.push(next)
    return next
  }

  #onCommand(command: SipCommand, session: ControlSession): void {
    switch (command.kind) {
      case 'route':
        if (this.#addRoute(command.verb, session)) session.ok(command.id)
        else session.nok(command.id, `more than ${MAX_VERBS} verbs`)
        break
      case 'remove-route':
        this.#removeRoute(command.verb, session)
        session.ok(command.id)
        break
      default:
        this.#user.onCommand(command, session)
    }
  }

  #addRoute(verb: string, session: ControlSession): boolean {
    const takers = this.#routes.get(verb) ?? []
    if (takers.length === 0 && this.#routes.size >= MAX_VERBS) return false
    if (!takers.includes(session)) this.#routes.set(verb, [...takers, session])
    return true
  }

  #removeRoute(verb: string, session: ControlSession): void {
    const takers = (this.#routes.get(verb) ?? []).filter(taker => taker !== session)
    if (takers.length === 0) this.#routes.delete(verb)
    else this.#routes.set(verb, takers)
  }

  #onClosed(session: ControlSession): void {
    this.#sessions.delete(session)
    for (const verb of [...this.#routes.keys()]) this.#removeRoute(verb, session)
    if (session.authenticated) this.#user.onSessionClosed(session)
  }
}
