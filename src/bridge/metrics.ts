/**
 * Counters as metrics. The parts count with plain objects of numbers; a number becomes `tpe_bridge_PART_NAME_total`, an object of
 * numbers within becomes one metric with a `kind` label. So whatever a part counts is a metric, and nothing is counted twice.
 */
import type { MetricFamily } from '../admin/metrics.ts'
import { type Lane, lanes, sinkNames } from '../uploads/job.ts'
import { diskMetrics } from './disk.ts'
import { hepMetrics } from './hep-metrics.ts'
import type { BridgeParts } from './parts.ts'

export async function metricsOf({
  store,
  tracker,
  worker,
  connection,
  agents,
  archiving,
  erasing,
  audio,
  signalling,
  reconciling,
}: BridgeParts): Promise<MetricFamily[]> {
  const backlog = await store.views.backlog()
  const paused = await store.pauses.list()
  const { intake, watchers, http } = audio
  const rateLimit = connection.rateLimit()
  const { dialogs } = signalling.status()
  return [
    ...countersAsMetrics('calls', tracker.counters),
    ...Object.entries(signalling.status().counters).flatMap(([part, counters]) => countersAsMetrics(part, counters)),
    ...(dialogs === null
      ? []
      : [
          gauge('dialogs_watched', 'Extensions that the PBX is asked to tell of', dialogs.watched),
          gauge('dialogs_up', 'Those whose subscription stands', dialogs.up),
        ]),
    ...recordingMetrics(signalling),
    ...deliveriesAsMetrics('uploads', worker.counters),
    ...(archiving.counters === null ? [] : deliveriesAsMetrics('archive', archiving.counters)),
    ...deliveriesAsMetrics('erasure', erasing.counters),
    ...countersAsMetrics('agent_status', agents.counters),
    gauge('agent_status_refused', 'Agents whose status Zendesk does not take', agents.refused),
    gauge('agents_unmapped_extensions', 'Extensions in calls that belong to no agent', agents.unmapped.length),
    ...countersAsMetrics('recordings', intake.counters),
    ...countersAsMetrics('recordings_http', http.counters),
    ...(audio.transcription === null ? [] : countersAsMetrics('transcripts', audio.transcription.counters)),
    ...hepMetrics(signalling.status().hep),
    ...diskMetrics(audio.space),
    ...countersAsMetrics('reconciliation', reconciling.counters),
    ...reconciling.metrics(),
    gauge('calls_open', 'Calls that have not ended', tracker.openCalls),
    gauge('calls_unstored', 'Changes of calls that are not stored yet', tracker.health().pending),
    ...(['pending', 'running', 'dead'] as const).flatMap(state =>
      lanes.map(lane => gauge('uploads', 'Deliveries by lane and state', backlog[state][lane], { lane, state })),
    ),
    gauge(
      'uploads_oldest_pending_timestamp_seconds',
      'When the oldest waiting delivery was planned; 0 when none waits',
      (backlog.oldestPendingAt ?? 0) / 1000,
    ),
    ...sinkNames.map(sink =>
      gauge('sink_paused', '1 while an operator has paused the sink', paused.some(each => each.sink === sink) ? 1 : 0, { sink }),
    ),
    gauge('recordings_elsewhere', 'Audio that waits on the disk of a bridge that is not heard of', store.audioElsewhere),
    gauge('recordings_waiting', 'Audio that waits for its call or a transcoder', intake.status().waiting),
    ...(audio.transcription === null
      ? []
      : [gauge('transcripts_waiting', 'Encoded audio that waits for its transcript', audio.transcription.status().waiting)]),
    ...watchers.flatMap(watcher => {
      const { folder, unsettled, ignored, tooOld } = watcher.status()
      return [
        gauge('folder_unsettled', 'Files that are still being written', unsettled, { folder }),
        gauge('folder_ignored', 'Files whose name is none of ours, in the last rescan', ignored, { folder }),
        gauge('folder_too_old', 'Files older than max_age, left alone, in the last rescan', tooOld, { folder }),
      ]
    }),
    ...(rateLimit === null || rateLimit.remaining === null
      ? []
      : [gauge('zendesk_rate_limit_remaining', 'Requests that Zendesk will still take this minute', rateLimit.remaining)]),
  ]
}

function recordingMetrics(signalling: BridgeParts['signalling']): MetricFamily[] {
  const { siprec } = signalling.status()
  if (siprec === null) return []
  return [
    gauge('siprec_sessions_open', 'Recording sessions that are open', siprec.sessions),
    gauge('siprec_sessions_max', 'How many may be open', siprec.maxSessions),
    gauge('rtp_streams', 'Streams of audio that are recorded', siprec.streams),
    gauge('rtp_ports_in_use', 'Pairs of UDP ports that are in use', siprec.portsInUse),
    gauge('rtp_ports', 'Pairs of UDP ports there are', siprec.ports),
    gauge('rtp_late_seconds', 'How late audio is read', siprec.lateMs / 1000),
  ]
}

const metricOfLane: Readonly<Record<Lane, string>> = {
  event: 'uploads_events',
  media: 'uploads_media',
  archive: 'uploads_archive',
  erasure: 'uploads_erasure',
}

/** Those of one worker; what it counts of no single lane goes by the name of its sink. */
const deliveriesAsMetrics = (sink: string, { lanes: byLane, ...others }: BridgeParts['worker']['counters']): MetricFamily[] => [
  ...[...byLane].flatMap(([lane, counters]) => countersAsMetrics(metricOfLane[lane], counters)),
  ...countersAsMetrics(sink, others),
]

/** `part` is the prefix: `calls`, `sip`, `uploads`. */
function countersAsMetrics(part: string, counters: object): MetricFamily[] {
  const families: MetricFamily[] = []
  for (const [name, value] of Object.entries(counters)) {
    const metric = `tpe_bridge_${part}_${snakeCase(name)}_total`
    const help = `${part}: ${snakeCase(name).replaceAll('_', ' ')}, since the start`
    if (typeof value === 'number') families.push({ name: metric, help, type: 'counter', samples: [{ labels: {}, value }] })
    else if (typeof value === 'object' && value !== null) {
      const samples = Object.entries(value).flatMap(([kind, count]) =>
        typeof count === 'number' ? [{ labels: { kind }, value: count }] : [],
      )
      families.push({ name: metric, help, type: 'counter', samples })
    }
  }
  return families
}

function gauge(name: string, help: string, value: number, labels: Readonly<Record<string, string>> = {}): MetricFamily {
  return { name: `tpe_bridge_${name}`, help, type: 'gauge', samples: [{ labels, value }] }
}

function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, letter => `_${letter.toLowerCase()}`).replaceAll('-', '_')
}
