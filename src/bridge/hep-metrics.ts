/** Who mirrors to the bridge and how well it can take it, as metrics: what /metrics shows and `doctor` reads. */
import type { MetricFamily, MetricSample } from '../admin/metrics.ts'
import type { HepAgent } from '../sip/hep/agents.ts'
import type { HepStatus } from '../sip/hep/listener.ts'

/** None where nothing listens for mirrors. */
export function hepMetrics(status: HepStatus | null): readonly MetricFamily[] {
  if (status === null) return []
  const { agents, sockets, connections } = status
  const ofAgents = (name: string, help: string, value: (agent: HepAgent) => number | null): MetricFamily =>
    gauge(
      `hep_agent_${name}`,
      help,
      agents.flatMap((agent): MetricSample[] => {
        const number = value(agent)
        return number === null ? [] : [{ labels: labelsOf(agent), value: number }]
      }),
    )
  const granted = sockets.flatMap(({ host, port, receiveBuffer }): MetricSample[] =>
    receiveBuffer === null ? [] : [{ labels: { host, port: String(port) }, value: receiveBuffer.granted }],
  )
  return [
    ofAgents('packets', 'Packets of a capture agent, since the start', agent => agent.packets),
    ofAgents('last_packet_timestamp_seconds', 'When the latest packet of a capture agent came', agent => agent.lastAt / 1000),
    ofAgents('clock_ahead_seconds', 'How far the clock of a capture agent was ahead of ours in its latest packet', agent =>
      agent.clockAheadMs === null ? null : agent.clockAheadMs / 1000,
    ),
    gauge('hep_receive_buffer_bytes', 'What the kernel gave each UDP listener to hold', granted),
    gauge('hep_connections', 'Open TCP connections of capture agents', [{ labels: {}, value: connections }]),
  ]
}

const labelsOf = ({ address, captureId, nodeName }: HepAgent): Readonly<Record<string, string>> => ({
  agent: address,
  capture_id: captureId === null ? '' : String(captureId),
  node: nodeName ?? '',
})

function gauge(name: string, help: string, samples: readonly MetricSample[]): MetricFamily {
  return { name: `tpe_bridge_${name}`, help, type: 'gauge', samples }
}
