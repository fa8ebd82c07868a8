/** Ports, for what must be told its own before it runs. */
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'

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

/** Whether somebody has opened an IPv4 port at `host`. Asks the kernel (proc(5)): to try the port would be to take it, or to call. */
export async function isOpen(transport: 'udp' | 'tcp', host: string, port: number): Promise<boolean> {
  const hex = (value: number, digits: number): string => value.toString(16).toUpperCase().padStart(digits, '0')
  const address = host.split('.').map(byte => hex(Number(byte), 2))
  const sockets = await readFile(`/proc/net/${transport}`, 'utf8')
  return sockets.includes(` ${address.reverse().join('')}:${hex(port, 4)} 00000000:0000 `)
}
