/** For what must be told its port before it runs, and keep it when it runs again. */
import { createSocket } from 'node:dgram'
import { once } from 'node:events'

/** A UDP port that is free at `host` now. */
export async function freePort(host: string): Promise<number> {
  const socket = createSocket('udp4')
  socket.bind(0, host)
  await once(socket, 'listening')
  const { port } = socket.address()
  const closed = once(socket, 'close')
  socket.close()
  await closed
  return port
}
