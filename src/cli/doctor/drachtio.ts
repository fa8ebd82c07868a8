/** Whether the drachtio-server of `sip.server: drachtio` takes applications. */
import { once } from 'node:events'
import { connect } from 'node:net'
import type { Config } from '../../config/schema.ts'
import type { Finding } from '../check.ts'

const patienceMs = 2_000

/** None with the embedded server. Connects and leaves; whether the secret fits, the running bridge's part `sip` says. */
export async function drachtioFindings({ sip }: Pick<Config, 'sip'>, interrupted: AbortSignal): Promise<readonly Finding[]> {
  if (sip.server !== 'drachtio') return []
  const { host, port } = sip.drachtio
  const what = `sip.drachtio: ${host.includes(':') ? `[${host}]` : host}:${port}`
  const socket = connect({ host, port })
  try {
    await once(socket, 'connect', { signal: AbortSignal.any([AbortSignal.timeout(patienceMs), interrupted]) })
    return [{ level: 'ok', text: `${what} takes connections` }]
  } catch (error) {
    const why = error instanceof Error && 'code' in error ? String(error.code) : String(error)
    return [
      {
        level: 'error',
        text: `${what} takes no connection (${why === 'ABORT_ERR' ? 'no answer within 2 s' : why}): start drachtio-server, or correct the address (its admin port)`,
      },
    ]
  } finally {
    socket.removeAllListeners('error').on('error', () => {}) // it is over
    socket.destroy()
  }
}
