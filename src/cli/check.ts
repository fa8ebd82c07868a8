/** `tpe-bridge check`: says whether the bridge could start with this configuration on this machine, without starting it. */
import { constants } from 'node:fs'
import { access, mkdir } from 'node:fs/promises'
import { resolve } from 'node:path'
import { Command } from 'commander'
import { openStoreAsTool, storeName } from '../bridge/store.ts'
import { formatProblem } from '../config/problems.ts'
import { redactedConfig } from '../config/redact.ts'
import type { Config } from '../config/schema.ts'
import { bundledFfmpeg, findFfmpeg } from '../recordings/encoding/ffmpeg.ts'
import { readTlsCredentials } from '../sip/embedded/transport/tls-credentials.ts'
import { StoreOpenError } from '../uploads/store/store-open-error.ts'
import { type ConfigOption, configOption, configurationOf } from './configuration.ts'
import type { CliContext, Finish } from './context.ts'

/** What a look at a configuration, a machine or a site has shown: one line, with what to do where something is wrong. */
export interface Finding {
  readonly level: 'ok' | 'warning' | 'error'
  readonly text: string
}

export function checkCommand(context: CliContext, finish: Finish): Command {
  return new Command('check')
    .description('validate the configuration and this machine without starting anything')
    .option(...configOption)
    .option('--json', 'print the whole configuration as it was understood, secrets hidden')
    .action(async (option: ConfigOption & { readonly json?: boolean }) => {
      const { config, source, warnings } = await configurationOf(context, option)
      const findings: Finding[] = [
        { level: 'ok', text: `configuration: ${source} is valid` },
        ...warnings.map(warning => ({ level: 'warning' as const, text: formatProblem(warning) })),
        ...(await machineFindings(config, context)),
      ]
      const output = option.json === true ? { findings, config: redactedConfig(config) } : null
      const text = findings.map(({ level, text }) => `${level.padEnd(7)}  ${text}`).join('\n')
      context.stdout.write(output === null ? `${text}\n` : `${JSON.stringify(output, null, 2)}\n`)
      finish(findings.some(({ level }) => level === 'error') ? 1 : 0)
    })
}

/** What can be told of this machine without starting anything. Creates data_dir, as the bridge would. */
export async function machineFindings(config: Config, { env }: CliContext): Promise<Finding[]> {
  const configured = config.transcode.ffmpeg ?? (env.FFMPEG_PATH || null)
  const search = await findFfmpeg({ configured, searchPath: env.PATH ?? '', bundled: bundledFfmpeg })
  const ffmpeg: Finding =
    search.kind === 'missing'
      ? { level: 'error', text: `ffmpeg: ${search.reason}` }
      : search.ffmpeg.warning === null
        ? { level: 'ok', text: `ffmpeg: ${search.ffmpeg.path} (${search.ffmpeg.version})` }
        : { level: 'warning', text: `ffmpeg: ${search.ffmpeg.warning}` }
  const folders = [...config.recordings.folders, ...config.voicemail.folders].map(({ path }) => resolve(path))
  return [
    ffmpeg,
    await dataDirFinding(resolve(config.dataDir)),
    ...(await storeFindings(config)),
    ...(await Promise.all(folders.map(folderFinding))),
    watchingFinding(config),
    ...(await certificateFindings(config)),
    config.zendesk.baseUrl === null
      ? { level: 'warning', text: 'zendesk: no base_url, so everything goes to the local sandbox' }
      : { level: 'ok', text: `zendesk: delivers to ${config.zendesk.baseUrl}` },
  ]
}

async function dataDirFinding(path: string): Promise<Finding> {
  try {
    await mkdir(path, { recursive: true, mode: 0o700 })
    await access(path, constants.R_OK | constants.W_OK)
    return { level: 'ok', text: `data_dir: ${path} can be written` }
  } catch (error) {
    return {
      level: 'error',
      text: `data_dir: ${path} cannot be written (${reasonOf(error)}): give the bridge's user a folder of its own`,
    }
  }
}

/** Of a shared store only: that of data_dir is part of that folder. */
async function storeFindings(config: Config): Promise<Finding[]> {
  const name = storeName(config)
  if (name === null) return []
  const reachable: Finding = { level: 'ok', text: `store: ${name} can be reached` }
  try {
    const quiet = { warn: () => {}, error: () => {} } // what is wrong is the finding
    await (await openStoreAsTool(config, quiet)).close()
    return [reachable]
  } catch (error) {
    if (!(error instanceof StoreOpenError)) throw error
    // The first bridge to start makes its tables, or brings them up to date.
    if (error.reason === 'missing' || error.reason === 'older-version') return [reachable]
    return [{ level: 'error', text: `store: ${error.message}` }]
  }
}

async function folderFinding(path: string): Promise<Finding> {
  try {
    await access(path, constants.R_OK | constants.X_OK)
    return { level: 'ok', text: `folder: ${path} can be read` }
  } catch (error) {
    return {
      level: 'error',
      text: `folder: ${path} cannot be read (${reasonOf(error)}): create it, or add the bridge's user to the PBX's group`,
    }
  }
}

/** By which ways calls will be seen. */
function watchingFinding({ sip: { trunk, siprec, dialogs }, hep }: Config): Finding {
  const count = (n: number, what: string): string => `${n} ${what}${n === 1 ? '' : 's'}`
  const ways = [
    ...(hep.listen.length === 0 ? [] : ['mirrors (hep)']),
    ...(trunk.pbx.length === 0 ? [] : [`${trunk.pbx.length} PBX and ${trunk.carrier.length} carrier addresses on the trunk`]),
    ...(siprec.peers.length === 0 ? [] : [`recording sessions of ${count(siprec.peers.length, 'client')}`]),
    ...(dialogs.subscribe.length === 0 ? [] : [`the dialog states of ${count(dialogs.subscribe.length, 'extension')}`]),
  ]
  if (ways.length > 0) return { level: 'ok', text: `calls: seen by ${ways.join(', ')}` }
  return {
    level: 'warning',
    text: 'calls: none is seen, for there is no hep.listen, sip.trunk, sip.siprec or sip.dialogs (docs/pbx); recordings and voicemails are delivered all the same',
  }
}

/** Only where something listens by TLS: the bridge reads the files then, and does not start without them. */
async function certificateFindings({ sip: { server, listen, tls } }: Config): Promise<Finding[]> {
  if (server !== 'embedded' || tls === null || !listen.some(({ transport }) => transport === 'tls')) return []
  try {
    const { expiresAt } = await readTlsCredentials(tls)
    const until = new Date(expiresAt).toISOString()
    if (expiresAt > Date.now()) return [{ level: 'ok', text: `sip: the certificate ${tls.cert} and its key fit, until ${until}` }]
    return [
      { level: 'warning', text: `sip: the certificate ${tls.cert} has ended (${until}), and peers will refuse it: renew it` },
    ]
  } catch (error) {
    return [{ level: 'error', text: error instanceof Error ? error.message : String(error) }]
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error)
}
