/** `tpe-bridge doctor`: looks at a site before and after it is put into service, one line a finding. Changes nothing. */
import { Command } from 'commander'
import type { LoadedConfig } from '../config/load.ts'
import { readPbxFamily } from '../config/pbx-family.ts'
import { formatProblem } from '../config/problems.ts'
import type { Config } from '../config/schema.ts'
import { machineFindings as checkFindings, type Finding } from './check.ts'
import { type ConfigOption, configOption, readConfiguration } from './configuration.ts'
import type { CliContext, Finish } from './context.ts'
import { accountFindings } from './doctor/account.ts'
import { drachtioFindings } from './doctor/drachtio.ts'
import { listenerFindings } from './doctor/listeners.ts'
import { machineFindings } from './doctor/machine.ts'
import { peerFindings } from './doctor/peers.ts'
import { type Look, RunningBridge } from './doctor/running-bridge.ts'
import { callFindings, mirrorFindings, partFindings } from './doctor/seen.ts'

type DoctorOption = ConfigOption & { readonly json?: boolean }

const hourMs = 3_600_000

const exitCodes = `
Exit codes: 0 nothing is wrong (warnings included), 1 something is, 130 interrupted.
Without a running bridge it looks at the configuration, this machine, the peers and Zendesk; with one also at what it has seen.`

export function doctorCommand(context: CliContext, finish: Finish): Command {
  return new Command('doctor')
    .description('look at a site before and after it is put into service: what is well, what is not, and what to do')
    .option(...configOption)
    .option('--json', 'one JSON document instead of lines')
    .addHelpText('after', exitCodes)
    .action(async (option: DoctorOption) => {
      const loaded = await readConfiguration(context, option)
      const findings: Finding[] = [...configurationFindings(loaded)]
      if (loaded.ok) findings.push(...(await siteFindings(context, loaded.config)))
      if (context.interrupted.aborted) return finish(130)
      const text =
        option.json === true
          ? JSON.stringify({ findings }, null, 2)
          : findings.map(({ level, text }) => `${level.padEnd(7)}  ${text}`).join('\n')
      context.stdout.write(`${text}\n`)
      finish(findings.some(({ level }) => level === 'error') ? 1 : 0)
    })
}

function configurationFindings(loaded: LoadedConfig): readonly Finding[] {
  if (!loaded.ok) return loaded.problems.map(problem => ({ level: 'error', text: formatProblem(problem) }))
  return [
    { level: 'ok', text: `configuration: ${loaded.source} is valid` },
    ...loaded.warnings.map((warning): Finding => ({ level: 'warning', text: formatProblem(warning) })),
  ]
}

async function siteFindings(context: CliContext, config: Config): Promise<readonly Finding[]> {
  const { interrupted, version } = context
  const look = await RunningBridge.find(config, interrupted)
  const isRunning = look.kind === 'running'
  const [peers, account] = await Promise.all([peerFindings(config, interrupted), accountFindings(config, version, interrupted)])
  return [
    ...(await checkFindings(config, context)),
    ...(await machineFindings(config, isRunning)),
    ...(await listenerFindings(config, isRunning)),
    ...(await drachtioFindings(config, interrupted)),
    ...peers,
    ...account,
    ...(await bridgeFindings(config, look)),
  ]
}

async function bridgeFindings(config: Config, look: Look): Promise<readonly Finding[]> {
  switch (look.kind) {
    case 'none':
      return [{ level: 'ok', text: 'bridge: none runs with this configuration, so there is nothing that it has seen' }]
    case 'unknown-port':
      return [{ level: 'warning', text: 'bridge: admin.listen takes any free port, so it cannot be asked: give it a port' }]
    case 'stranger':
      return [
        { level: 'error', text: `bridge: what answers at admin.listen is no bridge (HTTP ${look.status}): choose another port` },
      ]
    case 'running':
      return [...partFindings(look.parts), ...(await seenFindings(config, look.bridge))]
    default:
      return look satisfies never
  }
}

async function seenFindings(config: Config, bridge: RunningBridge): Promise<readonly Finding[]> {
  try {
    const metrics = await bridge.metrics()
    if (metrics === null)
      return [
        {
          level: 'error',
          text: 'bridge: it does not take admin.token of this configuration: use that which it was started with',
        },
      ]
    const now = Date.now()
    const known = await readPbxFamily(config.pbx)
    const keepsCallId = known.ok && known.family.keeps_call_id
    const recent = await bridge.callsSince(now - hourMs)
    return [...mirrorFindings(config, metrics, now), ...callFindings(config, recent, keepsCallId)]
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    return [{ level: 'error', text: `bridge: it did not say what it has seen (${why}): see its log` }]
  }
}
