/** The command on captures, and captures that a test writes: SIP between hosts of its own, as tcpdump would have it. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { run } from '../../../src/cli/program.ts'
import { type Hop, ipPacket, pcapFile, type TestFrame, udpDatagram } from '../../sip/hep/frames.ts'
import { temporaryFolder } from '../../zendesk/running-sandbox.ts'

export const fixture = (name: string): string => join('test/fixtures/asterisk-hep', `${name}.lp`)

export const phone: Hop = { address: '192.0.2.1', port: 5060 }
export const pbx: Hop = { address: '192.0.2.10', port: 5060 }
export const carrier: Hop = { address: '198.51.100.7', port: 5060 }
/** When a capture begins, epoch ms. */
export const begin = Date.UTC(2026, 10, 22, 9)

export interface Ran {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** Runs `tpe-bridge ARGV` for a German site with Alice at 1001 and Bob at 1002. */
export async function command(argv: readonly string[], site: object = {}): Promise<Ran> {
  const folder = await temporaryFolder()
  const config = join(folder, 'bridge.yaml')
  const numbers = { country: 'DE', internal: ['^1\\d{3}$'] }
  const agents = [
    { extension: '1001', zendesk_id: 1, name: 'Alice' },
    { extension: '1002', zendesk_id: 2, name: 'Bob' },
  ]
  await writeFile(config, JSON.stringify({ numbers, agents, ...site }))
  const [stdout, stderr]: [string[], string[]] = [[], []]
  const code = await run([...argv, '-c', config], {
    env: {},
    version: '0',
    actor: 'test@here',
    stdout: { write: text => void stdout.push(text), isTerminal: false },
    stderr: { write: text => void stderr.push(text) },
    interrupted: new AbortController().signal,
  })
  return { code, stdout: stdout.join(''), stderr: stderr.join('') }
}

/** One message: `at` ms after `begin`. */
export interface Captured {
  readonly at: number
  readonly from: Hop
  readonly to: Hop
  readonly text: string
}

/** A pcap of these messages; answers its path. */
export async function pcapOf(messages: readonly Captured[]): Promise<string> {
  const frames = messages.map(({ at, from, to, text }): TestFrame => {
    const bytes = ipPacket(from.address, to.address, 17, udpDatagram(from, to, text))
    return { micros: (begin + at) * 1000, bytes }
  })
  return await fileOf(pcapFile(101, frames))
}

/** A file with these bytes; answers its path. */
export async function fileOf(bytes: Buffer): Promise<string> {
  const path = join(await temporaryFolder(), 'capture')
  await writeFile(path, bytes)
  return path
}

/** The messages of one dialog, as its caller and its callee write them. */
export function dialog(id: string, caller: string, callee: string) {
  const message = (line: string, method: string, cseq: number, toTag: string, more: readonly string[] = []): string =>
    [
      line,
      `Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK${id}${cseq}${method}`,
      `From: <sip:${caller}@192.0.2.1>;tag=${id}a`,
      `To: <sip:${callee}@192.0.2.10>${toTag}`,
      `Call-ID: ${id}`,
      `CSeq: ${cseq} ${method}`,
      ...more,
      'Content-Length: 0',
      '',
      '',
    ].join('\r\n')
  const uri = `sip:${callee}@192.0.2.10`
  return {
    invite: (...more: readonly string[]) => message(`INVITE ${uri} SIP/2.0`, 'INVITE', 1, '', more),
    response: (status: number, reason: string) => message(`SIP/2.0 ${status} ${reason}`, 'INVITE', 1, `;tag=${id}b`),
    ack: () => message(`ACK ${uri} SIP/2.0`, 'ACK', 1, `;tag=${id}b`),
    bye: () => message(`BYE ${uri} SIP/2.0`, 'BYE', 2, `;tag=${id}b`),
  }
}
