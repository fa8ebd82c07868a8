/** A bridge as its operator has it: a process with a configuration file, its log, its HTTP API and its sandbox. */
import { expect, vi } from 'vitest'
import { z } from 'zod'
import type { HopAddress } from '../../src/sip/message/message.ts'
import { type Exit, type LogLine, Program } from './program.ts'
import { SandboxView } from './sandbox-view.ts'

const startedSchema = z.object({ sip: z.array(z.string()), hep: z.array(z.string()), admin: z.string(), zendesk: z.string() })
const readinessSchema = z.object({
  ready: z.boolean(),
  parts: z.record(z.string(), z.object({ state: z.string(), reason: z.string().nullable() })),
})
const uploadsSchema = z.object({
  uploads: z.array(z.object({ id: z.string(), kind: z.string(), state: z.string(), reason: z.string().nullable() })),
})

export type Readiness = z.infer<typeof readinessSchema>

/** How long a condition may take on a busy machine, ms. */
export const patience = { timeout: 30_000, interval: 50 }

export class RunningBridge {
  readonly program: Program
  #addresses: z.infer<typeof startedSchema> | null = null

  private constructor(program: Program) {
    this.program = program
  }

  static spawn(configFile: string, cwd: string): RunningBridge {
    return new RunningBridge(new Program(['start', '-c', configFile], cwd))
  }

  /** Resolves when every part runs; throws with its output when it ends before. */
  async started(): Promise<void> {
    this.#addresses = startedSchema.parse(await this.program.logged('bridge started'))
  }

  /** Where its embedded SIP server listens. */
  sip(transport: 'udp' | 'tcp'): HopAddress {
    const found = this.#where.sip.map(text => new URL(text)).find(({ protocol }) => protocol === `${transport}:`)
    if (found === undefined) throw new Error(`the bridge does not listen on ${transport}`)
    return { transport, address: found.hostname, port: Number(found.port) }
  }

  /** Where it takes what capture agents mirror. */
  hep(transport: 'udp' | 'tcp'): { readonly address: string; readonly port: number } {
    const found = this.#where.hep.map(text => new URL(text)).find(({ protocol }) => protocol === `${transport}:`)
    if (found === undefined) throw new Error(`the bridge takes no HEP over ${transport}`)
    return { address: found.hostname, port: Number(found.port) }
  }

  get admin(): string {
    return this.#where.admin
  }

  /** The sandbox within the bridge, or the one that it was told to deliver to. */
  get sandbox(): SandboxView {
    return new SandboxView(this.#where.zendesk)
  }

  async readiness(): Promise<Readiness> {
    return readinessSchema.parse(await (await fetch(`${this.admin}/readyz`)).json())
  }

  /** Waits until a metric has this value: what signalling counts is told a little later. */
  async counts(name: string, value: number, labels = ''): Promise<void> {
    await vi.waitFor(async () => expect(await this.metric(name, labels), name).toBe(value), patience)
  }

  /** The sum of all samples of a metric whose labels contain `labels`; 0 when there is none. */
  async metric(name: string, labels = ''): Promise<number> {
    return sumOf(await this.metrics(), name, labels)
  }

  async metrics(): Promise<string> {
    return await (await fetch(`${this.admin}/metrics`)).text()
  }

  async uploads(state: string): Promise<z.infer<typeof uploadsSchema>['uploads']> {
    return uploadsSchema.parse(await (await fetch(`${this.admin}/v1/uploads?limit=200&state=${state}`)).json()).uploads
  }

  /** Waits until nothing that was taken in is still on its way. */
  async drained(within = patience.timeout): Promise<void> {
    await vi.waitFor(
      async () => {
        const metrics = await this.metrics()
        const left = (name: string, labels = ''): number => sumOf(metrics, name, labels)
        const state = {
          unstored: left('tpe_bridge_calls_unstored'),
          pending: left('tpe_bridge_uploads', 'state="pending"'),
          running: left('tpe_bridge_uploads', 'state="running"'),
          waiting: left('tpe_bridge_recordings_waiting'),
          unsettled: left('tpe_bridge_folder_unsettled'),
        }
        if (Object.values(state).some(count => count > 0)) throw new Error(`still on its way: ${JSON.stringify(state)}`)
      },
      { timeout: within, interval: 100 },
    )
  }

  /** The log lines with this message, so far. */
  lines(msg: string): readonly LogLine[] {
    return this.program.log.filter(line => line.msg === msg)
  }

  /** Waits for the first log line with this message that is the wanted one. */
  async logged(msg: string, isWanted: (line: LogLine) => boolean = () => true): Promise<LogLine> {
    return await vi.waitFor(() => {
      const found = this.lines(msg).find(isWanted)
      if (found === undefined) throw new Error(`no such "${msg}" in the log:\n${this.program.output}`)
      return found
    }, patience)
  }

  async kill(): Promise<Exit> {
    return await this.program.end('SIGKILL')
  }

  async terminate(): Promise<Exit> {
    return await this.program.end('SIGTERM')
  }

  get #where(): z.infer<typeof startedSchema> {
    if (this.#addresses === null) throw new Error('the bridge has not started yet')
    return this.#addresses
  }
}

function sumOf(metrics: string, name: string, labels: string): number {
  let sum = 0
  for (const line of metrics.split('\n')) {
    const [, found, inBraces = '', value] = /^([a-z0-9_]+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? []
    if (found === name && inBraces.includes(labels)) sum += Number(value)
  }
  return sum
}
