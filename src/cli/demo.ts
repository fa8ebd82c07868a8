/** `tpe-bridge demo`: a day at a small office in a few seconds, through the whole bridge, with proof that all of it arrived. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { Command } from 'commander'
import { Bridge } from '../bridge.ts'
import { loadConfig } from '../config/load.ts'
import { formatProblem } from '../config/problems.ts'
import type { Config } from '../config/schema.ts'
import type { CallEvent } from '../events/event.ts'
import { createLog } from '../log.ts'
import type { SandboxAddress } from '../zendesk/sandbox/sandbox.ts'
import type { CliContext, Finish } from './context.ts'
import { type Arrivals, arrivalsIn } from './demo/arrivals.ts'
import { type MadeAudio, Office } from './demo/office.ts'
import { isComplete, judgeAudio, judgeCalls } from './demo/verdict.ts'
import { CommandFailed } from './failure.ts'
import { formatTable } from './table.ts'

const arrivalPatienceMs = 30_000

export function demoCommand(context: CliContext, finish: Finish): Command {
  return new Command('demo')
    .description('play a small office through the whole bridge on free ports, and check that all of it arrives')
    .action(async () => finish((await demo(context)) ? 0 : 1))
}

async function demo(context: CliContext): Promise<boolean> {
  const folder = await mkdtemp(join(tmpdir(), 'tpe-bridge-demo-'))
  const office = new Office(folder)
  try {
    await office.start()
    const bridge = new Bridge({
      config: await configuration(office, folder),
      version: context.version,
      log: createLog({ level: 'warn', numbers: 'full', isTerminal: context.stdout.isTerminal }),
      ffmpegPath: context.env.FFMPEG_PATH || null,
      searchPath: context.env.PATH ?? '',
      onEvent: event => context.stdout.write(`  ${describe(event)}\n`),
    })
    try {
      const { sip, sandbox } = await bridge.start()
      const trunkPort = sip.find(({ transport }) => transport === 'udp')?.port
      if (trunkPort === undefined || sandbox === null) throw new Error('the bridge started without a trunk or a sandbox')
      context.stdout.write(
        `The bridge listens on udp://127.0.0.1:${trunkPort} and delivers to ${sandbox.url}.\nSix calls, as they happen:\n`,
      )
      const made = await unlessInterrupted(office.play(trunkPort), context.interrupted)
      return report(context, await unlessInterrupted(untilComplete(sandbox, made), context.interrupted), made)
    } finally {
      await bridge.stop()
    }
  } finally {
    await office.stop()
    await rm(folder, { recursive: true, force: true })
  }
}

/** The same file that an operator would write; only the ports are free ones and the waits are short. */
async function configuration(office: Office, folder: string): Promise<Config> {
  const quoted = JSON.stringify
  const text = `
site: demo
data_dir: ${quoted(join(folder, 'data'))}
shutdown_grace: 2s
sip:
  listen: ["udp://127.0.0.1:0"]
  trunk: { pbx: ["sip:127.0.0.1:${office.pbx.port}"], carrier: ["sip:127.0.0.1:${office.carrier.port}"] }
agents:
  - { extension: "1001", zendesk_id: 35436, name: Alice }
  - { extension: "1002", zendesk_id: 35437, name: Bob }
recordings:
  folders: [{ path: ${quoted(office.recordingsFolder)}, match: "(?<time>[^_]+)_(?<call_id>.+)\\\\.wav$", settle: 500ms }]
voicemail: { folders: [{ path: ${quoted(office.voicemailFolder)}, settle: 500ms }] }
admin: { listen: "127.0.0.1:0" }
sandbox: { listen: "127.0.0.1:0" }
`
  const loaded = await loadConfig({ path: 'demo.yaml', env: {}, readFile: async () => ({ ok: true, text }) })
  if (loaded.ok) return loaded.config
  throw new Error(loaded.problems.map(formatProblem).join('\n'))
}

async function untilComplete(sandbox: SandboxAddress, made: readonly MadeAudio[]): Promise<Arrivals> {
  const giveUpAt = Date.now() + arrivalPatienceMs
  for (;;) {
    const arrivals = await arrivalsIn(sandbox)
    if (isComplete(arrivals, made) || Date.now() > giveUpAt) return arrivals
    await wait(200)
  }
}

function report({ stdout }: CliContext, arrivals: Arrivals, made: readonly MadeAudio[]): boolean {
  const scenes = judgeCalls(arrivals)
  const audio = judgeAudio(arrivals, made)
  const faults = [...scenes, ...audio].flatMap(result => result.faults)
  const callRows = scenes.map(({ scene, call, faults }) => [
    faults.length === 0 ? 'ok' : 'WRONG',
    scene,
    call?.from ?? null,
    call?.to ?? null,
    call === null ? null : `${call.status} (${call.reason})`,
    call?.events.join(' ') ?? null,
  ])
  const seconds = (ms: number | null): string => (ms === null ? '-' : `${(ms / 1000).toFixed(2)} s`)
  const audioRows = audio.map(({ made, mp3Ms, of, faults }) => [
    faults.length === 0 ? 'ok' : 'WRONG',
    made.kind,
    of,
    seconds(made.durationMs),
    seconds(mp3Ms),
  ])
  stdout.write(`\nWhat arrived in the sandbox:\n`)
  stdout.write(`${formatTable(['', 'CALL', 'FROM', 'TO', 'OUTCOME', 'EVENTS DELIVERED'], callRows)}\n`)
  stdout.write(`${formatTable(['', 'AUDIO', 'OF', 'WAV', 'MP3'], audioRows)}\n`)
  const events = arrivals.calls.reduce((count, call) => count + call.events.length, 0)
  stdout.write(
    faults.length === 0
      ? `All of it arrived: ${arrivals.calls.length} calls, ${events} events, ${arrivals.audio.length} MP3s.\n`
      : `Not all of it arrived as it should:\n${faults.map(fault => `  ${fault}\n`).join('')}`,
  )
  return faults.length === 0
}

function describe({ type, occurredAt, call }: CallEvent): string {
  const { outcome } = call
  const end = outcome === null ? '' : `: ${outcome.status} (${outcome.reason})`
  return `${new Date(occurredAt).toISOString().slice(11, 23)}  ${type.padEnd(13)}  ${call.direction.padEnd(8)}  ${call.from.value} → ${call.to.value}${end}`
}

function unlessInterrupted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return Promise.race([
    work,
    new Promise<never>((_, reject) => {
      const stop = (): void => reject(new CommandFailed(130, 'interrupted'))
      if (signal.aborted) stop()
      else signal.addEventListener('abort', stop, { once: true })
    }),
  ])
}
