/**
 * The embedded SIP server: transactions and transports below, applications on the control port above, and between them the dialogs
 * and the proxy. To drachtio-srf it is a drachtio-server. Builds and connects the parts; holds no state of its own.
 */
import { lookup } from 'node:dns/promises'
import { networkInterfaces } from 'node:os'
import { headerValue } from '../message/headers.ts'
import { formatHostPort } from '../message/host-port.ts'
import type { HopAddress, SeenMessage } from '../message/message.ts'
import { tagOf } from '../message/name-addr.ts'
import { CallDetails } from './control/call-details.ts'
import { CommandRouter } from './control/command-router.ts'
import { type ControlAddress, ControlServer, type ControlUser } from './control/server.ts'
import { DialogSender } from './dialog/dialog-sender.ts'
import { DialogTable } from './dialog/dialog-table.ts'
import { DEFAULT_SESSION_TIMERS, type SessionTimerSettings, SessionTimers } from './dialog/session-timers.ts'
import { UserAgentClient } from './dialog/uac.ts'
import { UserAgentServer } from './dialog/uas.ts'
import { Dispatcher, type DispatcherCounters } from './dispatcher.ts'
import { IdSource, type RandomBytes } from './identifiers.ts'
import { LocalIdentity } from './local-identity.ts'
import { DEFAULT_PROXY_TIMERS, type ProxyTimers } from './proxy/context.ts'
import { type LookUp, NextHopLocator } from './proxy/next-hop.ts'
import { type MayRelay, type ProxyCounters, SipProxy } from './proxy/proxy.ts'
import type { SipCounters } from './sip-counters.ts'
import type { SipLimits } from './sip-limits.ts'
import type { SipLog } from './sip-log.ts'
import type { Admit } from './transaction/admission.ts'
import { DEFAULT_SIP_TIMERS, type SipTimers } from './transaction/sip-timers.ts'
import { SipTransactions } from './transaction/transactions.ts'
import type { TlsFiles } from './transport/tls-credentials.ts'

/** What the control protocol says to be; applications ask for features by it. */
const PROTOCOL_VERSION = 'v0.9.10'

export interface ServerLimits extends SipLimits {
  /** Dialogs of applications; further INVITEs get 503. */
  readonly maxDialogs: number
  /** Applications that may connect. */
  readonly maxApplications: number
}

export interface EmbeddedSipServerOptions {
  /** `udp://127.0.0.1:5060`, `tls://[::1]:0`…; at least one. */
  readonly listen: readonly string[]
  /** What `tls://` needs; the files are read by `start`. */
  readonly tls?: TlsFiles
  /** Host names by which an IP address is known: over TLS, a certificate for one will do where a URI names the address. */
  readonly namesOf?: (address: string) => readonly string[]
  readonly log: SipLog
  readonly random: RandomBytes
  /** Epoch milliseconds. */
  readonly now: () => number
  /** Which requests inside dialogs the proxy forwards on its own; it must never relay for a stranger. */
  readonly mayRelay: MayRelay
  /**
   * Who is let in: asked once for each new request outside the dialogs of applications, and told of senders of bytes that are no message.
   * Everybody is, unless given.
   */
  readonly guard?: { readonly admit: Admit; malformed(source: HopAddress): void }
  /** The realm for which the guard asks strangers to authenticate. */
  readonly realm?: string
  /** The tap at the caller's side of each transaction. */
  readonly onSeen?: (seen: SeenMessage) => void
  readonly timers?: Partial<SipTimers & ProxyTimers & SessionTimerSettings>
  readonly limits?: Partial<ServerLimits>
  /** Addresses of a host name; the system's resolver unless given. */
  readonly lookUp?: LookUp
}

export interface ServerCounters extends ProxyCounters, DispatcherCounters {
  /** What the transaction layer and the transports counted. */
  readonly sip: SipCounters
}

/** What is under way now. */
export interface Held {
  /** Requests that wait for an application or for an answer to one of its own. */
  readonly requests: number
  readonly proxied: number
  readonly dialogs: number
}

const DEFAULT_LIMITS = { maxDialogs: 20_000, maxApplications: 64 }

const systemLookUp: LookUp = async host => (await lookup(host, { all: true })).map(({ address }) => address)

export class EmbeddedSipServer {
  readonly #options: EmbeddedSipServerOptions
  readonly #ids: IdSource
  readonly #layer: SipTransactions
  readonly #counters: ServerCounters
  readonly #dialogs: DialogTable
  #running: { readonly control: ControlServer; readonly pending: () => Held; readonly stop: () => void } | null = null
  #started: Promise<{ control: ControlAddress; listening: readonly HopAddress[] }> | null = null

  /** Throws when a `listen` address can't be read, or is TLS and `tls` is missing. */
  constructor(options: EmbeddedSipServerOptions) {
    const { listen, tls, namesOf, log, now, guard, onSeen } = options
    this.#options = options
    this.#ids = new IdSource(options.random)
    this.#dialogs = new DialogTable(options.limits?.maxDialogs ?? DEFAULT_LIMITS.maxDialogs)
    this.#layer = new SipTransactions({
      listen,
      ids: this.#ids,
      log,
      now,
      interfaces: networkInterfaces(),
      timers: { ...DEFAULT_SIP_TIMERS, ...options.timers },
      ...(options.limits === undefined ? {} : { limits: options.limits }),
      ...(tls === undefined ? {} : { tls }),
      ...(namesOf === undefined ? {} : { namesOf }),
      ...(guard === undefined
        ? {}
        : { accept: this.#admit(guard.admit.bind(guard)), onMalformed: source => guard.malformed(source) }),
      ...(onSeen === undefined ? {} : { onSeen }),
    })
    this.#counters = {
      sip: this.#layer.counters,
      proxied: 0,
      relayed: 0,
      relayRefused: 0,
      tooManyHops: 0,
      unserved: 0,
      unknownDialogs: 0,
    }
  }

  /** Numbers that only grow. */
  get counters(): ServerCounters {
    return this.#counters
  }

  get held(): Held {
    return this.#running?.pending() ?? { requests: 0, proxied: 0, dialogs: 0 }
  }

  /** How many applications take requests of that method (lower case). */
  takers(verb: string): number {
    return this.#running?.control.takers(verb) ?? 0
  }

  /** Opens all sockets, the control port first. Rejects with what to do about the one that could not be opened. */
  start(): Promise<{ control: ControlAddress; listening: readonly HopAddress[] }> {
    this.#started ??= this.#start()
    return this.#started
  }

  /**
   * Reads the files of `tls` again; connections from now on show the new certificate, those that stand keep theirs. Rejects with what is wrong
   * with the files, and goes on with the old ones.
   */
  renewCertificate(): Promise<void> {
    return this.#layer.renewCertificate()
  }

  /** Closes everything without a word to peers; live dialogs that were proxied go on without us, and with us after a restart. */
  async stop(): Promise<void> {
    const started = this.#started
    this.#started = null
    // A start that failed has cleaned up after itself, and told whoever asked for it.
    await started?.catch(() => {})
    const running = this.#running
    this.#running = null
    running?.stop()
    await running?.control.stop()
    await this.#layer.stop()
  }

  /** Nobody guesses the tag of a dialog: the far end of one may speak from another address than its own. */
  #admit(admit: Admit): Admit {
    return (source, request, size) => {
      const tag = tagOf(headerValue(request, 'To') ?? '')
      const isKnown = tag !== null && this.#dialogs.find(headerValue(request, 'Call-ID') ?? '', tag) !== null
      return isKnown ? 'accept' : admit(source, request, size)
    }
  }

  async #start(): Promise<{ control: ControlAddress; listening: readonly HopAddress[] }> {
    const { now: clock, log, random, mayRelay, limits, realm = null, lookUp = systemLookUp } = this.#options
    const ids = this.#ids
    const layer = this.#layer
    const counters = this.#counters
    const timers = { ...DEFAULT_SIP_TIMERS, ...DEFAULT_PROXY_TIMERS, ...DEFAULT_SESSION_TIMERS, ...this.#options.timers }
    const { maxApplications } = { ...DEFAULT_LIMITS, ...limits }

    const identity = new LocalIdentity(layer.listening, networkInterfaces(), destination => layer.localFor(destination))
    const locator = new NextHopLocator({
      hasTransport: transport => identity.has(transport),
      canReach: hop => layer.localFor(hop) !== null,
      lookUp,
      clock,
    })
    const dialogs = this.#dialogs
    // The control port needs to know whom to tell of commands, and they need it to reach the applications.
    const user: ControlUser = {
      welcome: () => [hostPorts(layer.listening), PROTOCOL_VERSION, hostPorts(layer.listening)],
      onCommand: (command, session) => commands.execute(command, session),
      onSessionClosed: session => commands.onSessionClosed(session),
    }
    const secret = random(24).toString('hex')
    const control = new ControlServer({ secret, user, ids, log, maxSessions: maxApplications })
    const calls = new CallDetails(control, clock)
    const sender = new DialogSender({ layer, locator, identity, dialogs, calls, clock })
    const sessionTimers = new SessionTimers(sender, timers)
    const uas = new UserAgentServer({ layer, dialogs, sender, identity, calls, ids, clock, timers, sessionTimers })
    const uac = new UserAgentClient({ layer, dialogs, sender, identity, locator, calls, ids, clock, timers, sessionTimers })
    const proxy = new SipProxy({ layer, locator, identity, calls, ids, clock, timers, mayRelay, counters, realm })
    const commands = new CommandRouter({ uas, uac, proxy, dialogs })
    const dispatcher = new Dispatcher({ control, uas, proxy, dialogs, identity, calls, ids, counters })

    const address = await control.start()
    try {
      await layer.start(dispatcher)
    } catch (error) {
      await control.stop()
      throw error
    }
    identity.bound(layer.listening)
    this.#running = {
      control,
      pending: () => ({ requests: uas.pending + uac.pending, proxied: proxy.pending, dialogs: dialogs.size }),
      stop: () => {
        proxy.stop()
        uas.stop()
        uac.stop()
        sessionTimers.stop()
        dialogs.clear()
      },
    }
    return { control: address, listening: layer.listening }
  }
}

function hostPorts(listening: readonly HopAddress[]): string {
  return listening.map(({ transport, address, port }) => `${transport}/${formatHostPort({ host: address, port })}`).join(',')
}
