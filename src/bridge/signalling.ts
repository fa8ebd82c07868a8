/**
 * Builds the SIP sources: the server (embedded, or a drachtio-server elsewhere), the trunk on it, and the observer beside it.
 * A running bridge has this in a thread of its own (signalling-thread.ts), so that a slow disk never delays a call.
 */
import { randomBytes } from 'node:crypto'
import { lookup } from 'node:dns/promises'
import type Srf from 'drachtio-srf'
import type { Config } from '../config/schema.ts'
import type { CallSignal } from '../events/signal.ts'
import type { ExtensionPresence } from '../sip/dialog-state/presence.ts'
import { DialogWatcher, type DialogWatcherStatus } from '../sip/dialog-state/watcher.ts'
import { DigestAuthenticator, type DigestUser } from '../sip/embedded/guard/digest-authenticator.ts'
import { SipGuard } from '../sip/embedded/guard/sip-guard.ts'
import { EmbeddedSipServer } from '../sip/embedded/server.ts'
import { type ControlAddress, type ListenerState, SipListener } from '../sip/listener.ts'
import type { HopAddress, SeenMessage } from '../sip/message/message.ts'
import { CallObserver } from '../sip/observer/call-observer.ts'
import { RecordingTraffic } from '../sip/siprec/recording-traffic.ts'
import { CdrFeed } from '../sip/trunk/cdr-feed.ts'
import { GatewayOrder } from '../sip/trunk/gateway-order.ts'
import type { TrunkSide } from '../sip/trunk/peers.ts'
import { Trunk } from '../sip/trunk/trunk.ts'
import { betweenTrunkSides } from '../sip/trunk/trunk-ends.ts'
import { TrunkPeers } from '../sip/trunk/trunk-peers.ts'

/** A gateway that failed is tried last for this long. */
const gatewayPenaltyMs = 30_000

type Write = (fields: object, message: string) => void

export interface SignallingLog {
  readonly debug: Write
  readonly info: Write
  readonly warn: Write
  readonly error: Write
}

/** Takes some of the requests before the trunk does, and passes on what is none of its own. */
export interface Recorder {
  /** Whether an address is a recording client's. */
  isClient(address: string): boolean
  attach(srf: Srf): void
  see(seen: SeenMessage): void
}

export interface SignallingOptions {
  readonly config: Config['sip']
  /** Absent or `null`: nobody has calls recorded here. */
  readonly recorder?: Recorder | null
  readonly onSignal: (signal: CallSignal) => void
  /** Of the extensions in sip.dialogs, at each change. */
  readonly onPresence?: (presence: ExtensionPresence) => void
  readonly log: SignallingLog
}

/** How signalling is, as plain data that may cross threads. */
export interface SignallingStatus {
  readonly connection: ListenerState
  /** `HOST: reason` for peers whose name has no address. */
  readonly peerFailures: readonly string[]
  /** Gateways that do not answer and are tried last. */
  readonly gatewaysDown: readonly string[]
  /** Sources whose requests the embedded server ignores for a time, and until when (epoch ms). */
  readonly banned: readonly { readonly source: string; readonly until: number }[]
  /** The extensions that are watched; `null` where none is configured. */
  readonly dialogs: DialogWatcherStatus | null
  /** By part; what each part counts. */
  readonly counters: Readonly<Record<string, object>>
}

/** A user of sip.auth. */
interface TrunkUser extends DigestUser {
  readonly side: TrunkSide
}

export class Signalling {
  readonly peers: TrunkPeers
  readonly order = new GatewayOrder({ penaltyMs: gatewayPenaltyMs, now: Date.now })
  readonly trunk: Trunk
  readonly listener: SipListener
  /** `null` when a drachtio-server carries the calls. */
  readonly server: EmbeddedSipServer | null
  readonly #config: Config['sip']
  readonly #log: SignallingLog
  readonly #guard: SipGuard
  readonly #authenticator: DigestAuthenticator<TrunkUser> | null
  readonly #dialogs: DialogWatcher | null

  constructor({ config, recorder, onSignal, onPresence = () => {}, log }: SignallingOptions) {
    const { trunk, uniqueHeaders, callIdHeaders } = config
    this.#config = config
    this.#log = log
    this.peers = new TrunkPeers({ pbx: trunk.pbx, carrier: trunk.carrier, lookup: addressesOf, log })
    const { realm, users, rememberMs } = config.auth
    this.#authenticator =
      users.length === 0
        ? null
        : new DigestAuthenticator<TrunkUser>({
            realm,
            users,
            secret: randomBytes(32),
            now: Date.now,
            onAuthenticated: ({ side }, { address }) => this.peers.welcome(address, side, rememberMs),
          })
    this.#guard = new SipGuard({
      isPeer: address => this.peers.isPeer(address) || recorder?.isClient(address) === true,
      scanners: trunk.scanners,
      authenticate: (source, request) => this.#authenticator?.authenticate(source, request) ?? { status: 403, headers: [[]] },
      now: Date.now,
      log,
    })
    const sideOf = (peer: HopAddress, sentByPort: number | null) => this.peers.sideOf(peer, sentByPort)
    const ties = { unique: uniqueHeaders, callId: callIdHeaders }
    const observer = new CallObserver({ source: 'trunk', ties, overhears: false, onSignal })
    const recordings = new RecordingTraffic()
    const onSeen = (seen: SeenMessage): void => {
      recorder?.see(seen)
      if (recordings.has(seen.message)) return
      const observed = betweenTrunkSides(seen, sideOf)
      if (observed !== null) observer.see(observed)
    }
    this.listener = new SipListener({ log })
    this.trunk = new Trunk({
      peers: this.peers,
      order: this.order,
      noAnswerMs: trunk.noAnswerMs,
      now: () => performance.now(),
      log,
    })
    const { dialogs } = config
    const watching = { srf: this.listener.srf, ...dialogs, now: Date.now, random: randomBytes, log, onSignal, onPresence }
    // Before the trunk, which takes every NOTIFY that the watcher passes on.
    this.#dialogs = dialogs.subscribe.length === 0 ? null : new DialogWatcher(watching)
    recorder?.attach(this.listener.srf)
    this.trunk.attach(this.listener.srf)
    if (config.server === 'embedded') {
      this.server = new EmbeddedSipServer({
        listen: config.listen.map(({ uri }) => uri),
        ...(config.tls === null ? {} : { tls: config.tls }),
        namesOf: address => this.peers.hostsAt(address),
        limits: {
          maxConnections: config.connections.total,
          maxConnectionsPerPeer: config.connections.perPeer,
          idleTimeoutMs: config.connections.idleMs,
        },
        log,
        random: randomBytes,
        now: Date.now,
        mayRelay: (source, destination) => this.peers.mayRelay(source, destination),
        guard: this.#guard,
        ...(this.#authenticator === null ? {} : { realm }),
        onSeen,
      })
    } else {
      this.server = null
      new CdrFeed({ onSeen, now: Date.now }).attach(this.listener.srf)
    }
  }

  /** Answers where the embedded server listens; empty for a drachtio-server. Rejects when a socket cannot be opened. */
  async start(): Promise<readonly HopAddress[]> {
    await this.peers.start()
    this.#dialogs?.start()
    if (this.server === null) {
      const { host, port, secret } = this.#config.drachtio
      this.listener.start({ host, port, secret: secret ?? '' })
      return []
    }
    const { control, listening } = await this.server.start()
    await this.#connect(control)
    return listening
  }

  /** Reads the certificate of sip.tls again, for connections from now on; one that is no good is said, and the old one goes on. */
  async renewCertificate(): Promise<void> {
    try {
      await this.server?.renewCertificate()
    } catch (error) {
      this.#log.error({ err: error }, 'the certificate for sip was not renewed, the old one is shown further')
    }
  }

  status(): SignallingStatus {
    return {
      connection: this.listener.state(),
      peerFailures: this.peers.failures(),
      gatewaysDown: this.order.down(),
      banned: this.#guard.banned(),
      dialogs: this.#dialogs?.status() ?? null,
      counters: {
        trunk: this.trunk.counters,
        peers: {
          ...this.#guard.counters,
          ...this.peers.counters,
          strangers: this.#guard.counters.strangers + this.peers.counters.strangers,
        },
        ...(this.#authenticator === null ? {} : { auth: this.#authenticator.counters }),
        ...(this.server === null ? {} : { sip: flat(this.server.counters) }),
        ...(this.#dialogs === null ? {} : { dialogs: { ...this.#dialogs.counters, ...this.#dialogs.requests() } }),
      },
    }
  }

  async stop(): Promise<void> {
    await this.#dialogs?.stop()
    this.listener.stop()
    await this.server?.stop()
    this.peers.stop()
  }

  /** The embedded server is in this process, so the connection stands within moments; until then an INVITE would get 503. */
  #connect(control: ControlAddress): Promise<void> {
    return new Promise(resolve => {
      this.listener.srf.on('connect', () => resolve())
      this.listener.start(control)
    })
  }
}

async function addressesOf(host: string): Promise<readonly string[]> {
  return (await lookup(host, { all: true })).map(({ address }) => address)
}

/** The server's own counters and those of its transactions, side by side. */
function flat({ sip, ...above }: EmbeddedSipServer['counters']): object {
  return { ...sip, ...above }
}
