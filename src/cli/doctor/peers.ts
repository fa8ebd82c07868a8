/** Whether those that the bridge speaks SIP to are there: their names have addresses, and each address answers OPTIONS. */
import { randomBytes } from 'node:crypto'
import { lookup } from 'node:dns/promises'
import { parseSipPeer, type SipPeer } from '../../config/addresses.ts'
import type { Config } from '../../config/schema.ts'
import { readTlsCredentials } from '../../sip/embedded/transport/tls-credentials.ts'
import type { Finding } from '../check.ts'
import { askOptions, type OptionsAnswer } from './sip-options.ts'
import { within } from './within.ts'

/** A peer that takes longer than this is no help to a call either. */
const patienceMs = 2_000
/** Addresses of one name that are asked. */
const mostAddresses = 8

/** Each peer of sip.trunk and sip.dialogs once; all at once, so it takes no longer than the slowest. */
export async function peerFindings(config: Pick<Config, 'sip'>, signal: AbortSignal): Promise<readonly Finding[]> {
  const { trunk, dialogs, tls } = config.sip
  const watched = dialogs.subscribe.flatMap(uri => {
    const peer = parseSipPeer(uri.replace(/^(sips?:)[^@]*@/i, '$1'))
    return peer.ok ? [peer.value] : []
  })
  const groups: readonly (readonly [string, readonly SipPeer[]])[] = [
    ['sip.trunk.pbx', trunk.pbx],
    ['sip.trunk.carrier', trunk.carrier],
    ['sip.dialogs', [...new Map(watched.map(peer => [peer.uri.toLowerCase(), peer])).values()]],
  ]
  // Where the files are wrong, another finding says so.
  const credentials = tls === null ? null : await readTlsCredentials(tls).catch(() => null)
  const ask = async (group: string, peer: SipPeer): Promise<readonly Finding[]> => {
    const what = `${group}: ${peer.uri}`
    const addresses = await within(patienceMs, lookup(peer.host, { all: true })).catch(() => [])
    if (addresses.length === 0)
      return [
        {
          level: 'error',
          text: `${what} has no address: correct the name, or the name server of this machine (/etc/resolv.conf)`,
        },
      ]
    return await Promise.all(
      addresses.slice(0, mostAddresses).map(async ({ address }) => {
        const answer = await askOptions(
          { ...peer, address },
          {
            withinMs: patienceMs,
            token: randomBytes(16).toString('hex'),
            now: () => performance.now(),
            tls: credentials?.context ?? {},
            signal,
          },
        )
        return findingOf(peer.host === address ? what : `${what} (${address})`, answer)
      }),
    )
  }
  return (await Promise.all(groups.flatMap(([group, peers]) => peers.map(peer => ask(group, peer))))).flat()
}

function findingOf(what: string, answer: OptionsAnswer): Finding {
  switch (answer.kind) {
    case 'answered':
      return { level: 'ok', text: `${what} answers (${answer.status} after ${answer.afterMs} ms)` }
    case 'silent':
      return {
        level: 'warning',
        text: `${what} did not answer OPTIONS within ${patienceMs / 1000} s: see that it runs and no firewall is between; some answer nobody but the peers that they know, by address and port`,
      }
    case 'unreachable':
      return {
        level: 'error',
        text: `${what} cannot be reached (${answer.reason}): see that it listens there, by that transport`,
      }
    default:
      return answer satisfies never
  }
}
