/**
 * The connection to the SIP server, through drachtio-srf: a real drachtio-server or our embedded one, the code is the same.
 *
 *   connecting ──connect──▶ connected ──close──▶ connecting (drachtio-srf dials again, at most every 5 s)
 *        └──wrong secret──▶ refused (dials again all the same: the server's configuration may be mended)
 *
 * While no application is connected, a drachtio-server answers every new INVITE with 503: the state is part of /readyz.
 */
import type { EventEmitter } from 'node:events'
import Srf from 'drachtio-srf'

export interface SipListenerLog {
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
}

export interface ControlAddress {
  readonly host: string
  readonly port: number
  readonly secret: string
}

export type ListenerState =
  | { readonly state: 'stopped' }
  | { readonly state: 'connecting'; readonly reason: string }
  | { readonly state: 'refused'; readonly reason: string }
  | { readonly state: 'connected'; readonly hostPorts: string }

interface ReconnectingConfig extends Srf.SrfConfig {
  /** Not in the library's own types: the longest pause between two dials, in ms. */
  readonly reconnect: { readonly retryMaxDelay: number }
}

export class SipListener {
  /** Handlers are registered on it before `start`; drachtio-srf announces their verbs to the server at each connection. */
  readonly srf = new Srf()
  readonly #log: SipListenerLog
  #state: ListenerState = { state: 'stopped' }

  constructor(options: { readonly log: SipListenerLog }) {
    this.#log = options.log
    this.srf.on('connect', (error, hostPorts) => this.#connected(error, hostPorts))
    // Without this listener drachtio-srf would end the process; with it, it dials again by itself.
    this.srf.on('error', error => this.#lost(error.message))
    const untyped: EventEmitter = this.srf // its types leave `close` out
    untyped.on('close', () => this.#lost('the SIP server closed the control connection'))
  }

  /** Dials the server; resolves at once. The state tells when the connection stands. */
  start(control: ControlAddress): void {
    this.#state = { state: 'connecting', reason: `dialling ${control.host}:${control.port}` }
    const config: ReconnectingConfig = { ...control, reconnect: { retryMaxDelay: 5000 } }
    void this.srf.connect(config)
  }

  stop(): void {
    if (this.#state.state === 'stopped') return
    const wasConnected = this.#state.state === 'connected'
    this.#state = { state: 'stopped' }
    if (wasConnected) this.srf.disconnect()
  }

  state(): ListenerState {
    return this.#state
  }

  #connected(error: Error | null, hostPorts: string): void {
    if (this.#state.state === 'stopped') {
      this.srf.disconnect() // stopped while the dial was under way
    } else if (error === null) {
      this.#state = { state: 'connected', hostPorts }
      this.#log.info({ hostPorts }, 'sip server connected')
    } else {
      this.#state = { state: 'refused', reason: `${error.message}: set sip.drachtio.secret to the secret of the drachtio-server` }
      this.#log.warn({ reason: error.message }, 'sip server refused us')
    }
  }

  #lost(reason: string): void {
    if (this.#state.state === 'stopped' || this.#state.state === 'refused') return
    if (this.#state.state === 'connected') this.#log.warn({ reason }, 'sip server connection lost, dialling again')
    this.#state = { state: 'connecting', reason }
  }
}
