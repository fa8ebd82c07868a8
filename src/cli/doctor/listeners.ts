/** Whether the bridge can listen where the configuration says: each address is free, or the running bridge holds it. */
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { createServer, isIP } from 'node:net'
import type { Config } from '../../config/schema.ts'
import type { Finding } from '../check.ts'

interface Wanted {
  readonly key: string
  readonly transport: 'udp' | 'tcp'
  readonly host: string
  readonly port: number
}

/** Tries each address for a moment. `isRunning`: a bridge with this configuration answered. */
export async function listenerFindings(config: Config, isRunning: boolean): Promise<readonly Finding[]> {
  const findings: Finding[] = []
  for (const wanted of wantedOf(config)) findings.push(await findingOf(wanted, isRunning))
  return findings
}

/** Port 0 takes any free one, so there is nothing to look at. */
function wantedOf({ sip, hep, admin, sandbox, zendesk }: Config): readonly Wanted[] {
  const listen = (key: string, { transport, host, port }: { transport: string; host: string; port: number }): Wanted => ({
    key,
    transport: transport === 'udp' ? 'udp' : 'tcp',
    host,
    port,
  })
  return [
    ...(sip.server === 'embedded' ? sip.listen.map(each => listen('sip.listen', each)) : []),
    ...hep.listen.map(each => listen('hep.listen', each)),
    listen('admin.listen', { transport: 'tcp', ...admin.listen }),
    ...(zendesk.baseUrl === null ? [listen('sandbox.listen', { transport: 'tcp', ...sandbox.listen })] : []),
  ].filter(({ port }) => port !== 0)
}

async function findingOf(wanted: Wanted, isRunning: boolean): Promise<Finding> {
  const { key, transport, host, port } = wanted
  const what = `${key}: ${transport}://${host.includes(':') ? `[${host}]` : host}:${port}`
  const code = transport === 'udp' ? await tryUdp(wanted) : await tryTcp(wanted)
  switch (code) {
    case null:
      return isRunning
        ? {
            level: 'warning',
            text: `${what} is free, though the bridge runs: restart it, it may have been started with another configuration`,
          }
        : { level: 'ok', text: `${what} is free` }
    case 'EADDRINUSE':
      return isRunning
        ? { level: 'ok', text: `${what} is held, by the running bridge` }
        : { level: 'error', text: `${what} is taken by another program: stop that one, or choose another port` }
    case 'EADDRNOTAVAIL':
      return { level: 'error', text: `${what} is no address of this machine: write one that \`ip address\` shows` }
    case 'EACCES':
      return {
        level: 'error',
        text: `${what} is not allowed for this user: take a port from 1024 on, or give the program CAP_NET_BIND_SERVICE`,
      }
    default:
      return { level: 'error', text: `${what} cannot be listened on (${code}): correct the address` }
  }
}

/** The system's code where it refuses; `null` when the address could be had. */
async function tryUdp({ host, port }: Wanted): Promise<string | null> {
  const socket = createSocket({ type: isIP(host) === 6 ? 'udp6' : 'udp4', ipv6Only: isIP(host) === 6 })
  try {
    const listening = once(socket, 'listening')
    socket.bind({ port, address: host, exclusive: true })
    await listening
    return null
  } catch (error) {
    return codeOf(error)
  } finally {
    socket.close()
  }
}

async function tryTcp({ host, port }: Wanted): Promise<string | null> {
  const server = createServer(socket => socket.destroy())
  try {
    const listening = once(server, 'listening')
    server.listen({ host, port, exclusive: true, ipv6Only: isIP(host) === 6 })
    await listening
    const closed = once(server, 'close')
    server.close()
    await closed
    return null
  } catch (error) {
    return codeOf(error)
  }
}

const codeOf = (error: unknown): string => (error instanceof Error && 'code' in error ? String(error.code) : String(error))
