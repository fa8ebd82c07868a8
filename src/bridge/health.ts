/** How every part is, for /readyz: whatever delays or refuses work says so here, with its reason. */
import type { PartHealth } from '../admin/health.ts'
import { diskHealth } from './disk.ts'
import type { BridgeParts } from './parts.ts'

const ok: PartHealth = { state: 'ok', reason: null }
const degraded = (reason: string | null): PartHealth => ({ state: 'degraded', reason })

export function healthOf({
  store,
  tracker,
  worker,
  agents,
  audio,
  signalling,
  reconciling,
}: BridgeParts): Readonly<Record<string, PartHealth>> {
  return {
    store: store.health(),
    sip: sipHealth(signalling),
    calls: tracker.health().state === 'ok' ? ok : degraded(tracker.health().reason),
    uploads: uploadsHealth(worker),
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

function uploadsHealth(worker: BridgeParts['worker']): PartHealth {
  const { state, reason, until, streak } = worker.health()
  if (state === 'delivering') return streak === null || streak.count < toleratedFailures ? ok : degraded(failing(streak))
  if (state === 'stopped' || state === 'stopping') return { state: 'stopped', reason }
  return degraded(until === null ? reason : `${reason ?? state}, until ${new Date(until).toISOString()}`)
}

/** A single failure is the network's everyday; a row of them is an outage. */
const toleratedFailures = 3

function failing({ count, since, reason }: NonNullable<ReturnType<BridgeParts['worker']['health']>['streak']>): string {
  return `the last ${count} deliveries failed, the first at ${new Date(since).toISOString()}: ${reason}`
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
