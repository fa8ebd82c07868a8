/** What is wrong with what a world has left behind: nothing, if the bridge keeps its promise. Pure. */
import { HOUR_MS } from './script.ts'
import type { Remains } from './world.ts'

/** Everything that a script may hold a delivery back for is over within this; a clock that jumps does so by more. */
const PATIENCE_MS = 3 * HOUR_MS

export function findingsOf(remains: Remains): readonly string[] {
  return [
    ...remains.nonsense,
    ...lostOrDoubled(remains),
    ...outOfOrder(remains),
    ...delayed(remains),
    ...otherwiseStored(remains),
  ]
}

/** Whatever was acknowledged upstream took effect once, but for what the sink refuses; whatever was not, at most once. */
function lostOrDoubled({ script, acknowledgedAt, effects }: Remains): string[] {
  const counts = new Map<string, number>()
  for (const { arrival } of effects) counts.set(arrival.id, (counts.get(arrival.id) ?? 0) + 1)
  const facts = new Set(script.facts.map(fact => fact.id))
  const findings: string[] = []
  for (const [id, count] of counts) {
    if (!facts.has(id)) findings.push(`${id} was delivered, and nobody told of it`)
    if (count > 1) findings.push(`${id} was delivered ${count} times`)
    if (script.refused.has(id)) findings.push(`${id} was refused, and delivered all the same`)
  }
  for (const id of acknowledgedAt.keys()) {
    if (!counts.has(id) && !script.refused.has(id)) findings.push(`${id} was acknowledged upstream and never delivered`)
  }
  return findings
}

/** The events of a call arrive in sequence, and none without those before it. */
function outOfOrder({ script, effects }: Remains): string[] {
  const newest = new Map<string, number>()
  const findings: string[] = []
  for (const { arrival } of effects) {
    if (arrival.kind !== 'event') continue
    const before = newest.get(arrival.call) ?? 0
    newest.set(arrival.call, Math.max(before, arrival.sequence))
    if (arrival.sequence < before) findings.push(`${arrival.id} came after event ${before} of its call`)
    for (let missing = before + 1; missing < arrival.sequence; missing++) {
      if (!script.refused.has(`${arrival.call}.${missing}`)) findings.push(`${arrival.id} came before event ${missing}`)
    }
  }
  return findings
}

/** Nothing waits for as long as a clock was wrong. */
function delayed({ acknowledgedAt, effects, startedAt }: Remains): string[] {
  return effects.flatMap(({ arrival: { id }, at }) => {
    const since = acknowledgedAt.get(id)
    if (since === undefined) return []
    const lastStart = Math.max(...startedAt.filter(start => start <= at))
    const waited = at - Math.max(since, lastStart)
    return waited <= PATIENCE_MS ? [] : [`${id} waited for ${(waited / HOUR_MS).toFixed(1)} h`]
  })
}

/** The store says of everything what became of it. */
function otherwiseStored({ script, acknowledgedAt, effects, report }: Remains): string[] {
  if (report === null) return ['the store was never asked']
  const stateOf = new Map(report.jobs.map(job => [job.id, job]))
  const findings: string[] = []
  for (const { arrival } of effects) {
    const job = stateOf.get(arrival.id)
    if (job?.state !== 'delivered') findings.push(`${arrival.id} was delivered, the store says ${job?.state} (${job?.reason})`)
  }
  for (const id of acknowledgedAt.keys()) {
    const job = stateOf.get(id)
    const wanted = script.refused.has(id) ? 'dead' : 'delivered'
    if (job?.state !== wanted) findings.push(`${id} should be ${wanted}, the store says ${job?.state} (${job?.reason})`)
  }
  return findings
}
