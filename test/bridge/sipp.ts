/** sipp (Debian's sip-tester): phones by the thousand, with the scenarios of test/sip/scenarios. */
import { spawn, spawnSync } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

const scenarios = join(import.meta.dirname, '../sip/scenarios')

/** Whether sipp is on the PATH. */
export function hasSipp(): boolean {
  return spawnSync('sh', ['-c', 'command -v sipp']).status === 0
}

export interface SippOptions {
  readonly scenario: 'caller' | 'callee'
  readonly transport: 'udp' | 'tcp'
  readonly host: string
  readonly port: number
  readonly calls: number
  /** For what it writes: statistics and errors. */
  readonly folder: string
  /** Of a caller: where to, and how many calls a second. */
  readonly target?: string
  readonly rate?: number
}

/** What sipp counted until its end, and the errors that it wrote down (an unexpected message is one). */
export interface SippResult {
  readonly code: number | null
  readonly successful: number
  readonly failed: number
  readonly retransmissions: number
  readonly errors: string
}

export interface RunningSipp {
  readonly done: Promise<SippResult>
  stop(): void
}

export function sipp({ scenario, transport, host, port, calls, folder, target, rate }: SippOptions): RunningSipp {
  const statistics = join(folder, `${scenario}.csv`)
  const errors = join(folder, `${scenario}.errors`)
  const args = [
    ...(target === undefined ? [] : [target, '-s', '1001', '-d', '1000']),
    ...['-sf', join(scenarios, `${scenario}.xml`), '-t', transport === 'udp' ? 'u1' : 't1', '-i', host, '-p', String(port)],
    ...['-m', String(calls), '-l', '500', ...(rate === undefined ? [] : ['-r', String(rate)])],
    ...['-nostdin', '-trace_stat', '-stf', statistics, '-fd', '1', '-trace_err', '-error_file', errors],
  ]
  const child = spawn('sipp', args, { cwd: folder, stdio: 'ignore' })
  const done = new Promise<SippResult>((resolve, reject) => {
    child.on('error', reject)
    child.on('exit', code => {
      resultOf(code, statistics, errors).then(resolve, reject)
    })
  })
  return { done, stop: () => child.kill('SIGKILL') }
}

async function resultOf(code: number | null, statistics: string, errors: string): Promise<SippResult> {
  const rows = (await readFile(statistics, 'utf8')).trim().split('\n')
  const titles = rows[0]?.split(';') ?? []
  const last = rows.at(-1)?.split(';') ?? []
  const total = (title: string): number => Number(last[titles.indexOf(title)] ?? Number.NaN)
  return {
    code,
    successful: total('SuccessfulCall(C)'),
    failed: total('FailedCall(C)'),
    retransmissions: total('Retransmissions(C)'),
    errors: await readFile(errors, 'utf8').catch(() => ''), // not written when there was none
  }
}
