/** Peers of the embedded SIP server for its tests: applications on unmodified drachtio-srf, raw control connections, and phones. */
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import Srf from 'drachtio-srf'
import { onTestFinished, vi } from 'vitest'
import { encodeFrame, FrameDecoder } from '../../../src/sip/embedded/control/frame.ts'
import type { ControlAddress } from '../../../src/sip/embedded/control/server.ts'
import { EmbeddedSipServer, type EmbeddedSipServerOptions } from '../../../src/sip/embedded/server.ts'
import type { HopAddress } from '../../../src/sip/message/message.ts'
import { QUICK } from './transaction-peers.ts'

export interface RunningServer {
  readonly server: EmbeddedSipServer
  readonly control: ControlAddress
  readonly udp: HopAddress
  readonly tcp: HopAddress
  readonly logged: { level: string; fields: object; msg: string }[]
}

/** A server on one UDP and one TCP port with short timers (64 T1 is 640 ms), stopped when the test ends. */
export async function startServer(options: Partial<EmbeddedSipServerOptions> = {}): Promise<RunningServer> {
  const logged: RunningServer['logged'] = []
  const at = (level: string) => (fields: object, msg: string) => logged.push({ level, fields, msg })
  const server = new EmbeddedSipServer({
    listen: ['udp://127.0.0.1:0', 'tcp://127.0.0.1:0'],
    log: { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') },
    random: randomBytes,
    now: Date.now,
    mayRelay: () => true,
    timers: QUICK,
    ...options,
  })
  const { control, listening } = await server.start()
  onTestFinished(() => server.stop())
  const bound = (transport: 'udp' | 'tcp'): HopAddress =>
    listening.find(address => address.transport === transport) ?? { transport, address: '127.0.0.1', port: 9 }
  return { server, control, udp: bound('udp'), tcp: bound('tcp'), logged }
}

/** An application: drachtio-srf as it is on npm, connected, disconnected when the test ends. */
export async function startApp(control: ControlAddress): Promise<Srf> {
  const srf = new Srf()
  srf.on('error', () => {})
  const connected = once(srf, 'connect')
  void srf.connect({ host: control.host, port: control.port, secret: control.secret })
  await connected
  onTestFinished(() => {
    try {
      srf.disconnect()
    } catch {
      // The test has disconnected it already.
    }
  })
  return srf
}

/** Waits until that many applications route the verb, as drachtio-srf does not say when its route was taken. */
export async function routed(server: EmbeddedSipServer, verb: string, takers = 1): Promise<void> {
  await vi.waitFor(() => {
    if (server.takers(verb) < takers) throw new Error(`${server.takers(verb)} route ${verb} yet`)
  })
}

export interface ControlPeer {
  readonly socket: Socket
  /** Payloads that came. */
  readonly got: string[]
  /** Sends one payload. */
  send(payload: string): void
  /** The `index`-th payload (from 0) once it has come. */
  payload(index: number): Promise<string>
}

/** A raw connection to the control port. */
export async function controlPeer({ host, port }: ControlAddress): Promise<ControlPeer> {
  const socket = connect(port, host)
  const decoder = new FrameDecoder()
  const got: string[] = []
  socket.on('data', chunk => {
    const result = decoder.push(chunk)
    if (result.ok) got.push(...result.frames.map(String))
  })
  // Refused connections end in a reset at times; the tests look at `destroyed`.
  socket.on('error', () => {})
  await once(socket, 'connect')
  onTestFinished(() => void socket.destroy())
  return {
    socket,
    got,
    send: payload => void socket.write(encodeFrame(payload)),
    payload: index =>
      vi.waitFor(() => {
        const payload = got[index]
        if (payload === undefined) throw new Error(`${got.length} payloads came, not ${index + 1}`)
        return payload
      }),
  }
}
