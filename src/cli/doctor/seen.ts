/** What the running bridge says of itself: its parts, who mirrors to it, and which calls it has seen. */
import type { PartHealth } from '../../admin/health.ts'
import type { Config } from '../../config/schema.ts'
import type { Finding } from '../check.ts'
import { formatDuration } from '../table.ts'
import type { Sample } from './metrics-text.ts'
import type { RecentCalls } from './running-bridge.ts'

type Metrics = ReadonlyMap<string, readonly Sample[]>

/** A clock that is off by more is worth a warning: calls are joined, and ordered, by the times of their messages. */
const clockAheadSeconds = 2
const silentAfterMs = 3_600_000
/** With fewer calls a share means nothing. */
const fewCalls = 10

/** One line for all that is well, one for each part that is not. */
export function partFindings(parts: Readonly<Record<string, PartHealth>>): readonly Finding[] {
  const troubled = Object.entries(parts).filter(([, { state }]) => state !== 'ok')
  const well = Object.keys(parts).length - troubled.length
  return [
    { level: 'ok', text: `bridge: runs, ${well} of ${Object.keys(parts).length} parts are well` },
    ...troubled.map(([name, { state, reason }]): Finding => {
      const level = state === 'degraded' || state === 'starting' ? 'warning' : 'error'
      return { level, text: `bridge: ${name} is ${state}${reason === null ? '' : `: ${reason}`}` }
    }),
  ]
}

/** Whether copies come in, from whom, and how far their clocks are off. None where nothing listens for mirrors. `now`: epoch ms. */
export function mirrorFindings({ hep }: Pick<Config, 'hep'>, metrics: Metrics, now: number): readonly Finding[] {
  if (hep.listen.length === 0) return []
  const total = (name: string, kind?: string): number =>
    (metrics.get(`tpe_bridge_hep_${name}_total`) ?? [])
      .filter(({ labels }) => kind === undefined || labels.kind === kind)
      .reduce((sum, { value }) => sum + value, 0)
  const findings: Finding[] = []
  const packets = total('packets')
  if (packets === 0)
    findings.push({
      level: 'warning',
      text: 'hep: no packet has come since the bridge started: see that the agent sends HEPv3 to this address and port, and that no firewall is between',
    })
  for (const sample of metrics.get('tpe_bridge_hep_agent_packets') ?? []) findings.push(agentFinding(sample, metrics, now))
  const lost: readonly (readonly [number, string])[] = [
    [total('dropped', 'stranger'), 'were dropped, their sender is not in hep.peers: add its address'],
    [total('dropped', 'wrong-key'), 'were dropped for their password: give the agent that of hep.auth_key'],
    [total('dropped', 'too-old'), 'were dropped as too old: see the clock of the agent, or raise hep.max_age'],
    [
      total('kernel_drops'),
      'were lost because the bridge was busy: raise hep.receive_buffer and net.core.rmem_max, or mirror over TCP',
    ],
    [total('malformed'), 'were no HEPv3: set the agent to version 3'],
  ]
  for (const [count, why] of lost) if (count > 0) findings.push({ level: 'warning', text: `hep: ${count} packets ${why}` })
  return findings
}

function agentFinding({ labels, value: packets }: Sample, metrics: Metrics, now: number): Finding {
  const { agent = '', capture_id: id = '', node = '' } = labels
  const of = (name: string): number | null =>
    metrics.get(`tpe_bridge_hep_agent_${name}`)?.find(each => each.labels.agent === agent && each.labels.capture_id === id)
      ?.value ?? null
  const lastSeconds = of('last_packet_timestamp_seconds')
  const ahead = of('clock_ahead_seconds')
  const silentMs = lastSeconds === null ? 0 : Math.max(0, now - lastSeconds * 1000)
  const names = [...(id === '' ? [] : [`id ${id}`]), ...(node === '' ? [] : [node])]
  const clock =
    ahead === null ? 'it sends no time' : `its clock is ${Math.abs(ahead).toFixed(3)} s ${ahead < 0 ? 'behind' : 'ahead'}`
  const text = `hep: agent ${agent}${names.length === 0 ? '' : ` (${names.join(', ')})`}: ${packets} packets, the last ${formatDuration(silentMs)} ago; ${clock}`
  if (ahead !== null && Math.abs(ahead) > clockAheadSeconds)
    return { level: 'warning', text: `${text}: keep the clocks of both machines with NTP` }
  if (silentMs > silentAfterMs) return { level: 'warning', text: `${text}: see whether it still runs, if there were calls` }
  return { level: 'ok', text }
}

/**
 * How many calls there were in the last hour, and how many of them no other leg was found for. `keepsCallId`: the PBX is a proxy, whose calls are
 * single SIP calls by nature, as those on a trunk are.
 */
export function callFindings(
  { hep, pbx }: Pick<Config, 'hep' | 'pbx'>,
  { calls, alone, isCut }: RecentCalls,
  keepsCallId: boolean,
): readonly Finding[] {
  if (calls === 0) return [{ level: 'warning', text: 'calls: none was seen in the last hour: make one, and look again' }]
  const seen: Finding = { level: 'ok', text: `calls: ${calls}${isCut ? ' and more' : ''} in the last hour` }
  if (hep.listen.length === 0 || keepsCallId) return [seen]
  const text = `calls: for ${alone} of them no second leg was found`
  if (calls < fewCalls || alone <= calls / 2) return [seen, { level: 'ok', text }]
  const fix = `have the PBX name its calls in a header (docs/pbx/${pbx}.md), and see why with \`tpe-bridge trace\``
  return [seen, { level: 'warning', text: `${text}: ${fix}` }]
}
