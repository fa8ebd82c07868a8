/** `tpe-bridge trace`: replays a capture through the call model, offline, and shows what became of each call and why. */
import { readFile, stat } from 'node:fs/promises'
import { Command } from 'commander'
import type { Config } from '../config/schema.ts'
import { agentDirectory } from '../events/agents.ts'
import { patienceOf } from '../events/followed-calls.ts'
import { numberPlan } from '../events/numbers.ts'
import { type Capture, readCapture } from '../sip/hep/capture-file.ts'
import type { KnownHost, KnownHosts } from '../sip/hep/ends.ts'
import { type ConfigOption, configOption, configurationOf } from './configuration.ts'
import type { CliContext, Finish } from './context.ts'
import { CommandFailed } from './failure.ts'
import { hostText, readHost, supposedPbx } from './trace/hosts.ts'
import { type Replay, replay } from './trace/replay.ts'
import { reportOf } from './trace/report.ts'
import { textOfCall, textOfRest } from './trace/text.ts'

interface TraceOption extends ConfigOption {
  readonly pbx: readonly KnownHost[]
  readonly carrier: readonly KnownHost[]
  readonly call?: string
  readonly json?: boolean
}

const mostBytes = 512 * 1024 * 1024

export function traceCommand(context: CliContext, _finish: Finish): Command {
  return new Command('trace')
    .description('replay a capture (HEP, pcap, pcapng): each call’s ladder, why its SIP calls are one, its events')
    .argument('<file>', 'of a HEP stream, tcpdump, Wireshark or sngrep')
    .option(...configOption)
    .option('--pbx <address[:port]>', 'an address of the PBX, as its messages show it; repeatable (default: hep.pbx)', hosts, [])
    .option('--carrier <address[:port]>', 'likewise of a carrier (default: hep.carrier)', hosts, [])
    .option('--call <text>', 'only calls whose Call-ID, number or id holds it')
    .option('--json', 'one JSON document instead of text')
    .addHelpText(
      'after',
      '\nNothing is stored or sent. What the site’s numbers, agents and header fields are, its configuration says.',
    )
    .action(async (file: string, option: TraceOption) => {
      const { config } = await configurationOf(context, option)
      const bytes = await readWhole(file)
      const { hosts, assumption } = hostsOf(option, config, () => captureOf(bytes, file))
      const capture = captureOf(bytes, file)
      const agents = agentDirectory(config.agents)
      const done = replay(capture.items, {
        hosts,
        ties: { unique: config.sip.uniqueHeaders, callId: config.sip.callIdHeaders },
        context: { site: config.site, numbers: numberPlan(config.numbers), agents },
        patience: patienceOf({ orphanAfterMs: config.calls.orphanAfterMs, unansweredAfterMs: config.calls.ringOrphanAfterMs }),
      })
      const callIdHeader = config.sip.callIdHeaders[0] ?? 'X-Orig-Call-ID'
      const report = reportOf(done, { hosts, agents, callIdHeader, wanted: option.call ?? null })
      const { messages, others } = done
      const about = {
        format: capture.format,
        messages,
        others: Object.fromEntries(others),
        skipped: Object.fromEntries(capture.skipped),
      }
      if (option.json === true) {
        context.stdout.write(`${JSON.stringify({ ...about, hosts, assumption, ...report }, null, 2)}\n`)
        return
      }
      const write = (text: string): void => context.stdout.write(printable(`${text}\n`))
      write(`${file}: ${aboutCapture(capture, done)}\n${assumption}`)
      for (const call of report.calls) write(`\n${textOfCall(call)}`)
      if (report.calls.length === 0)
        write(option.call === undefined ? '\nno calls' : `\nno call with ${option.call} in it, of ${done.calls.length}`)
      const rest = textOfRest(report, callIdHeader)
      if (rest !== '') write(`\n${rest.trimEnd()}`)
    })
}

function hosts(text: string, before: readonly KnownHost[]): readonly KnownHost[] {
  const host = readHost(text)
  if (host === null) throw new CommandFailed(2, `${text} is no address: write 192.0.2.10, 192.0.2.10:5070 or [2001:db8::1]:5070`)
  return [...before, host]
}

/** Throws a CommandFailed that says what to do for what cannot be read. */
async function readWhole(file: string): Promise<Buffer> {
  try {
    const found = await stat(file)
    if (!found.isFile()) throw new CommandFailed(2, `${file} is no file`)
    if (found.size > mostBytes) {
      const advice = `take out the signalling first: tshark -r ${file} -Y sip -w sip.pcap, or a part: editcap -A START -B END ${file} part.pcap`
      throw new CommandFailed(
        2,
        `${file} has ${Math.ceil(found.size / 1024 / 1024)} MiB, and 512 are the most that is read: ${advice}`,
      )
    }
    return await readFile(file)
  } catch (error) {
    if (error instanceof CommandFailed) throw error
    throw new CommandFailed(2, `${file} cannot be read: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    })
  }
}

function captureOf(bytes: Buffer, file: string): Capture {
  const read = readCapture(bytes)
  if (read.ok) return read.capture
  switch (read.reason) {
    case 'empty':
      throw new CommandFailed(2, `${file} is empty`)
    case 'compressed':
      throw new CommandFailed(2, `${file} is compressed: unpack it first (gunzip -k ${file})`)
    case 'unknown-format':
      throw new CommandFailed(2, `${file} is no capture that is known: a HEP stream, a pcap or a pcapng file`)
    default:
      return read.reason satisfies never
  }
}

/** Who is who, and a sentence that says whence that is known. */
function hostsOf(
  { pbx, carrier }: TraceOption,
  { hep }: Config,
  capture: () => Capture,
): { readonly hosts: KnownHosts; readonly assumption: string } {
  const carriers = carrier.length > 0 ? carrier : hep.carrier
  const of = (list: readonly KnownHost[]): string => list.map(hostText).join(', ')
  const also = `\ncarrier: ${carriers.length > 0 ? of(carriers) : 'none is named, so whoever is not the PBX is taken for a phone'}`
  const found = (list: readonly KnownHost[], whence: string) => ({
    hosts: { pbx: list, carrier: carriers },
    assumption: `PBX: ${of(list)} (${whence})${also}`,
  })
  if (pbx.length > 0) return found(pbx, 'as asked')
  if (hep.pbx.length > 0) return found(hep.pbx, 'hep.pbx')
  const supposed = supposedPbx(capture().items)
  if (supposed !== null) return found([supposed], 'ASSUMED: it takes calls and makes others; --pbx says otherwise')
  const assumption = 'PBX: none is named or can be supposed, so that only names join SIP calls: give --pbx ADDRESS[:PORT]'
  return { hosts: { pbx: [], carrier: carriers }, assumption: `${assumption}${also}` }
}

function aboutCapture({ format, skipped }: Capture, { messages, others, calls }: Replay): string {
  const counts = (map: ReadonlyMap<string, number>): string => [...map].map(([name, count]) => `${name} ${count}`).join(', ')
  const number = (count: number, name: string): string => `${count} ${name}${count === 1 ? '' : 's'}`
  return [
    `${format}, ${number(messages, 'SIP message')}, ${number(calls.length, 'call')}`,
    ...(others.size > 0 ? [`of no call: ${counts(others)}`] : []),
    ...(skipped.size > 0 ? [`left out: ${counts(skipped)}${skipped.has('duplicate') ? ' (captured or sent twice)' : ''}`] : []),
  ].join('\n  ')
}

/** Strangers wrote what is in a capture: nothing of it may steer a terminal. */
function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Co}\p{Cs}]/gu, letter => (letter === '\n' ? letter : '?'))
}
