/**
 * One side of the demo's telephone network: real SIP user agents over UDP, made of the project's own SIP server and drachtio-srf.
 * The office's PBX is one, the carrier is the other; what they say to each other passes through the bridge.
 */
import { randomBytes } from 'node:crypto'
import Srf from 'drachtio-srf'
import { EmbeddedSipServer } from '../../sip/embedded/server.ts'

const silentLog = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }

export interface Dialled {
  /** The caller, as `"Carol" <+14155550100>`. */
  readonly name: string
  readonly from: string
  readonly to: string
  /** Where the trunk listens. */
  readonly trunkPort: number
}

export class SipStation {
  readonly #srf = new Srf()
  readonly #server: EmbeddedSipServer
  #port = 0

  /** `onCall` answers the calls that come in; the user part of the request tells whom they are for. */
  constructor(onCall: (called: string, req: Srf.SrfRequest, res: Srf.SrfResponse) => Promise<void>) {
    this.#server = new EmbeddedSipServer({
      listen: ['udp://127.0.0.1:0'],
      log: silentLog,
      random: randomBytes,
      now: Date.now,
      mayRelay: () => false,
    })
    this.#srf.invite((req, res) => void onCall(userOf(req.uri), req, res))
  }

  /** The UDP port, once started. */
  get port(): number {
    return this.#port
  }

  async start(): Promise<void> {
    const { control, listening } = await this.#server.start()
    this.#port = listening[0]?.port ?? 0
    const connected = new Promise<void>(resolve => this.#srf.on('connect', () => resolve()))
    this.#srf.on('error', () => {}) // the server is in this process; its end is our own doing
    void this.#srf.connect(control)
    await connected
  }

  async stop(): Promise<void> {
    this.#srf.disconnect()
    await this.#server.stop()
  }

  /** Calls and resolves with the dialog when answered; rejects with a SipError when not. */
  async call(dialled: Dialled): Promise<Srf.Dialog> {
    return await this.#srf.createUAC(...this.#invite(dialled))
  }

  /** Calls, and gives up as soon as it has rung for `patienceMs`. Resolves when the call is over. */
  async callAndGiveUp(dialled: Dialled, patienceMs: number): Promise<void> {
    let cancel = (): void => {}
    const [uri, options] = this.#invite(dialled)
    const outcome = this.#srf.createUAC(uri, options, {
      cbRequest: (...sent: unknown[]) => {
        const request = sent.find(isRequest) // called with (error, request), whatever the types say
        if (request !== undefined) cancel = () => request.cancel(() => {})
      },
      cbProvisional: response => {
        if (response.status === 180) setTimeout(() => cancel(), patienceMs)
      },
    })
    const dialog = await outcome.catch(() => null) // 487 is what we asked for
    dialog?.destroy()
  }

  #invite({ name, from, to, trunkPort }: Dialled): [string, Srf.CreateUACOptions] {
    const headers = { From: `"${name}" <sip:${from}@127.0.0.1:${this.#port}>`, To: `<sip:${to}@127.0.0.1:${trunkPort}>` }
    return [`sip:${to}@127.0.0.1:${trunkPort}`, { headers, localSdp: sdp('sendrecv') }]
  }
}

/** A plausible offer or answer; the demo's phones exchange no media, their PBX makes the recordings. */
export function sdp(direction: 'sendrecv' | 'sendonly'): string {
  const lines = [
    'v=0',
    'o=demo 1 1 IN IP4 127.0.0.1',
    's=-',
    'c=IN IP4 127.0.0.1',
    't=0 0',
    'm=audio 16000 RTP/AVP 0',
    `a=${direction}`,
    '',
  ]
  return lines.join('\r\n')
}

function userOf(uri: string): string {
  return decodeURIComponent(/^sips?:([^@;]*)@/i.exec(uri)?.[1] ?? '')
}

function isRequest(value: unknown): value is Srf.SrfRequest {
  return typeof value === 'object' && value !== null && 'cancel' in value
}
