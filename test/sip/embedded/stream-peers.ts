/** Raw TCP and TLS ends of a conversation on any loopback address, which a test scripts. */
import { once } from 'node:events'
import { connect, createServer, isIPv6, type Server, type Socket } from 'node:net'
import { networkInterfaces } from 'node:os'
import { createServer as createTlsServer, connect as tlsConnect } from 'node:tls'
import { onTestFinished, vi } from 'vitest'
import { StreamFraming } from '../../../src/sip/embedded/transport/stream-framing.ts'
import type { HopAddress, SipMessage } from '../../../src/sip/message/message.ts'
import type { Certificate } from './certificates.ts'
import type { Peer } from './transaction-peers.ts'

/** Why tests of IPv6 can't run on this machine; `false` when they can. */
export const noIpv6: boolean = !Object.values(networkInterfaces()).some(infos => infos?.some(({ address }) => address === '::1'))

export interface StreamPeer extends Peer {
  /** Connections, whoever opened them, in the order in which they came to be. */
  readonly sockets: readonly Socket[]
  /** Sends on the connection that a message came by. */
  reply(message: SipMessage, bytes: Buffer): void
}

export interface StreamPeerOptions {
  readonly transport: 'tcp' | 'tls'
  readonly address: string
  /** TLS: what it shows. It believes everyone. */
  readonly certificate?: Certificate
}

/** Listens on a free port, and connects where it has something to send. */
export async function streamPeer({ transport, address, certificate }: StreamPeerOptions): Promise<StreamPeer> {
  const got: SipMessage[] = []
  const sockets: Socket[] = []
  const origins = new WeakMap<SipMessage, Socket>()
  const take = (socket: Socket): Socket => {
    const framing = new StreamFraming()
    sockets.push(socket)
    socket.on('data', (chunk: Buffer) => {
      for (const framed of framing.push(chunk)) {
        if (framed.kind !== 'message') continue
        origins.set(framed.message, socket)
        got.push(framed.message)
      }
    })
    // A connection that the server closes or resets is what some tests want to see.
    socket.on('error', () => {})
    return socket
  }
  const server: Server =
    transport === 'tls' ? createTlsServer({ ...certificate }, take).on('tlsClientError', () => {}) : createServer(take)
  server.listen(0, address)
  await once(server, 'listening')
  onTestFinished(async () => {
    server.close()
    for (const socket of sockets) socket.destroy()
    await once(server, 'close')
  })
  const bound = server.address()
  const port = bound === null || typeof bound === 'string' ? 0 : bound.port
  const opened = new Map<string, Socket>()
  const openedTo = (to: HopAddress): Socket => {
    const key = `${to.address} ${to.port}`
    const known = opened.get(key)
    if (known?.writable === true) return known
    const target = { host: to.address, port: to.port }
    const socket = take(
      transport === 'tls' ? tlsConnect({ ...target, ...certificate, rejectUnauthorized: false }) : connect(target),
    )
    opened.set(key, socket)
    return socket
  }
  return {
    address: { transport, address, port },
    got,
    sockets,
    send(bytes, to) {
      const socket = to === undefined ? sockets[0] : openedTo(to)
      socket?.write(bytes)
    },
    reply: (message, bytes) => void origins.get(message)?.write(bytes),
    message: index =>
      vi.waitFor(
        () => {
          const message = got[index]
          if (message === undefined) throw new Error(`${got.length} messages came, not ${index + 1}`)
          return message
        },
        { timeout: 5_000, interval: 2 },
      ),
  }
}

/** `127.0.0.1:5060`, `[::1]:5060`. */
export const hostPortOf = ({ address, port }: HopAddress): string => `${isIPv6(address) ? `[${address}]` : address}:${port}`

/** The URI of somebody at that address, with the transport unless it is UDP. */
export const uriAt = (user: string, hop: HopAddress): string =>
  `sip:${user}@${hostPortOf(hop)}${hop.transport === 'udp' ? '' : `;transport=${hop.transport}`}`
