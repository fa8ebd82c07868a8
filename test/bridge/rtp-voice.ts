/** Someone who talks into an RTP port: a tone in G.711, a packet every 20 ms, until the listener is told to stop. */
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { rtp } from '../recordings/rtp/rtp-packets.ts'

export interface Voice {
  /** Resolves when the last packet was sent. */
  stop(): Promise<void>
}

/** `from`: the address of whoever talks. */
export async function talkTo(to: { readonly address: string; readonly port: number }, from = '127.0.0.1'): Promise<Voice> {
  const socket = createSocket('udp4')
  socket.bind(0, from)
  await once(socket, 'listening')
  const began = performance.now()
  // The top bit is the sign: 200 Hz.
  const payload = Uint8Array.from({ length: 160 }, (_, at) => (at % 40 < 20 ? 0xaa : 0x2a))
  let sent = 0
  const send = (): void => {
    // As many as are due: a timer that comes late makes no one talk slower.
    for (const due = (performance.now() - began) / 20; sent < due; sent += 1) {
      socket.send(rtp({ sequence: sent, timestamp: sent * 160, ssrc: to.port, payload }), to.port, to.address, () => {})
    }
  }
  const timer = setInterval(send, 20)
  return {
    stop: async () => {
      clearInterval(timer)
      await new Promise<void>(resolve => socket.close(() => resolve()))
    },
  }
}
