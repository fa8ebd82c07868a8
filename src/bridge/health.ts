/** How every part is, for /readyz: whatever delays or refuses work says so here, with its reason. */
import type { PartHealth } from '../admin/health.ts'
import { deliveryHealth, toleratedFailures } from './delivery-health.ts'
import { diskHealth } from './disk.ts'
import type { BridgeParts } from './parts.ts'

/** Sockets hold some seconds of audio; beyond it is lost. */
const tolerableLateMs = 1_000

const ok: PartHealth = { state: 'ok', reason: null }
const degraded = (reason: string | null): PartHealth => ({ state: 'degraded', reason })

export function healthOf({
  store,
  tracker,
  worker,
  agents,
  archiving,
  erasing,
  audio,
  signalling,
  reconciling,
}: BridgeParts): Readonly<Record<string, PartHealth>> {
  const archive = archiving.health()
  return {
    store: store.health(),
    sip: sipHealth(signalling),
    ...(signalling.status().hep === null ? {} : { hep: ok }),
    ...dialogsHealth(signalling),
    ...siprecHealth(signalling),
    calls: tracker.health().state === 'ok' ? ok : degraded(tracker.health().reason),
    uploads: deliveryHealth(worker.health()),
    ...(archive === null ? {} : { archive }),
    erasure: erasing.health(),
    agents: agents.health(),
    recordings: recordingsHealth(audio),
    disk: diskHealth(audio.space),
    reconciliation: reconciling.health(),
  }
}

function sipHealth(signalling: BridgeParts['signalling']): PartHealth {
  const { connection, peerFailures, gatewaysDown } = signalling.status()
  if (connection.state === 'stopped') return { state: 'stopped', reason: null }
  if (connection.state !== 'connected') return { state: 'failed', reason: connection.reason }
  const troubles = [
    ...peerFailures.map(failure => `no address for ${failure}`),
    ...gatewaysDown.map(gateway => `${gateway} does not answer and is tried last`),
  ]
  return troubles.length === 0 ? ok : degraded(troubles.join('; '))
}

/** Part of it only where extensions are watched. */
function dialogsHealth(signalling: BridgeParts['signalling']): Readonly<Record<string, PartHealth>> {
  const { dialogs } = signalling.status()
  if (dialogs === null) return {}
  const { watched, up, problems } = dialogs
  if (up === watched) return { dialogs: ok }
  const troubles = problems.map(({ uri, reason }) => `${uri}: ${reason}`)
  return { dialogs: degraded([`${up} of ${watched} extensions are heard of`, ...troubles].join('; ')) }
}

/** Part of it only where clients may have calls recorded. */
function siprecHealth(signalling: BridgeParts['signalling']): Readonly<Record<string, PartHealth>> {
  const { siprec } = signalling.status()
  if (siprec === null) return {}
  const { refuses, lateMs } = siprec
  const troubles = refuses === null ? [] : [`new recording sessions get 503: ${refuses}`]
  if (lateMs > tolerableLateMs) troubles.push(`audio is read ${lateMs} ms late: the processors are too busy`)
  return { siprec: troubles.length === 0 ? ok : degraded(troubles.join('; ')) }
}

function recordingsHealth({ intake, watchers }: BridgeParts['audio']): PartHealth {
  const { transcoder, transcription, streak } = intake.status()
  const troubles = watchers.flatMap(watcher => {
    const { folder, problem } = watcher.status()
    return problem === null ? [] : [`${folder}: ${problem}`]
  })
  if (transcoder.missing !== null) troubles.push(transcoder.missing)
  else if (streak !== null && streak.count >= toleratedFailures) {
    const when = new Date(streak.since).toISOString()
    troubles.push(`the last ${streak.count} attempts to take in or encode audio failed, the first at ${when}: ${streak.reason}`)
  }
  if (transcription !== null && transcription.streak !== null && transcription.streak.count >= toleratedFailures) {
    const { count, since, reason } = transcription.streak
    const when = new Date(since).toISOString()
    troubles.push(`the last ${count} attempts to transcribe failed, the first at ${when}; audio goes on without: ${reason}`)
  }
  return troubles.length === 0 ? ok : degraded(troubles.join('; '))
}
