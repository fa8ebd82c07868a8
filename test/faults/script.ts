/**
 * What happens in one world, from its seed alone: the traffic of a day, what the sink does to each attempt of each delivery, when the
 * sink is away, and when the clock is wrong. Pure: the same seed is always the same script.
 */
import type { EventType } from '../../src/events/event.ts'
import { seeded } from '../bridge/seeded.ts'
import { attemptFaults, type FaultName, outageFaults } from './fault-names.ts'

/** Something that the upstream learns and the bridge has to bring to the sink, at `at` ms of the world's time. */
export type Fact = EventFact | AudioFact

export interface EventFact {
  readonly kind: 'event'
  readonly id: string
  readonly at: number
  readonly call: string
  readonly sequence: number
  readonly type: EventType
  readonly ended: boolean
}

export interface AudioFact {
  readonly kind: 'recording' | 'voicemail'
  readonly id: string
  readonly at: number
  /** Of a recording; a voicemail has none. */
  readonly call: string | null
  /** Its length in MP3 frames of 72 ms and 288 bytes. */
  readonly frames: number
  /** The bridge on whose disk it lies. */
  readonly bridge: number
}

/** From `from` up to `to`, ms of the world's time, every request meets the same fault. */
export interface Outage {
  readonly from: number
  readonly to: number
  readonly fault: FaultName
}

/** The wall clock of the bridges' machine (or the database's) is moved by `byMs`, when the sink gets request number `atRequest`. */
export interface ClockJump {
  readonly of: 'bridge' | 'database'
  readonly atRequest: number
  readonly byMs: number
}

export interface Script {
  readonly seed: number
  /** 2: a pair that shares one database and sees the same calls. */
  readonly bridges: 1 | 2
  readonly requestsPerMinute: number
  /** By `at`. */
  readonly facts: readonly Fact[]
  /** Facts that the sink refuses for good. */
  readonly refused: ReadonlySet<string>
  readonly outages: readonly Outage[]
  readonly jumps: readonly ClockJump[]
  /** What is added to the wall clock while the machine is down, one for each restart. */
  readonly jumpsAcrossRestarts: readonly number[]
  /** What the sink does to attempt number `attempt` (1, 2, 3 …) of a delivery; `null`: what it should. */
  fault(id: string, attempt: number): FaultName | null
}

export const SECOND_MS = 1_000
export const MINUTE_MS = 60 * SECOND_MS
export const HOUR_MS = 60 * MINUTE_MS

/** In a world's day: two hundred worlds are the day of a busy PBX. A delivery through PostgreSQL costs more. */
const CALLS = { sqlite: 8, postgres: 5 } as const

/** After so many attempts of one delivery the sink does what it should, so that every world comes to an end. */
const FAULTY_ATTEMPTS = 5

/** The script of a seed; `store` decides what it makes sense to ask of it. */
export function scriptOf(seed: number, store: 'sqlite' | 'postgres'): Script {
  const random = seeded(seed)
  const dice = diceOf(random)
  const bridges = store === 'postgres' && seed % 4 === 0 ? 2 : 1
  const spells = Array.from({ length: dice.whole(2, 4) }, () => dice.whole(0, 23) * HOUR_MS + dice.whole(0, 59 * 60) * SECOND_MS)
  const facts = trafficOf(seed, { bridges, calls: CALLS[store] }, spells, dice).toSorted((a, b) => a.at - b.at)
  const faultRate = dice.pick([0.1, 0.3, 0.5])
  const outages = spells.filter(() => random() < 0.3).map(from => outage(from, dice))
  // A fortnight ahead in the middle of an outage is, for all that anybody can tell, the end of give_up_after.
  const mostHours = outages.length === 0 ? 500 : 30
  return {
    seed,
    bridges,
    // Infinity: only what the sink itself says holds anything back.
    requestsPerMinute: dice.pick([120, 600, 6_000, Number.POSITIVE_INFINITY]),
    facts,
    refused: refusedOf(facts, dice),
    outages,
    jumps: jumpsOf(facts.length, mostHours, store, dice),
    jumpsAcrossRestarts: Array.from({ length: 8 }, () => (random() < 0.5 ? 0 : jump(mostHours, dice))),
    fault: (id, attempt) => {
      if (attempt > FAULTY_ATTEMPTS) return null
      const own = seeded(hash(`${seed} ${id} ${attempt}`))
      return own() < faultRate ? diceOf(own).pick(attemptFaults) : null
    },
  }
}

interface Dice {
  /** A whole number from `least` to `most`. */
  whole(least: number, most: number): number
  pick<T>(from: readonly [T, ...T[]]): T
  chance(of: number): boolean
}

function diceOf(random: () => number): Dice {
  const whole = (least: number, most: number) => least + Math.floor(random() * (most - least + 1))
  return {
    whole,
    pick: ([first, ...others]) => others[whole(0, others.length) - 1] ?? first,
    chance: of => random() < of,
  }
}

/** Calls, most of them while others are going on, their recordings, and a few voicemails. */
function trafficOf(
  seed: number,
  { bridges, calls }: { readonly bridges: number; readonly calls: number },
  spells: readonly number[],
  dice: Dice,
): Fact[] {
  const name = `s${seed}`
  const facts: Fact[] = []
  const audio = () => ({
    frames: dice.chance(0.1) ? dice.whole(300, 1_000) : dice.whole(3, 60),
    bridge: dice.whole(0, bridges - 1),
  })
  for (let n = 0; n < calls; n++) {
    const call = `${name}c${n}`
    const types = callOf(dice)
    let at = (spells[dice.whole(0, spells.length - 1)] ?? 0) + dice.whole(0, 20) * SECOND_MS
    for (const [i, type] of types.entries()) {
      const sequence = i + 1
      facts.push({ kind: 'event', id: `${call}.${sequence}`, at, call, sequence, type, ended: sequence === types.length })
      at += dice.pick([0, 200, 1_000, 4_000, 30_000])
    }
    if (dice.chance(0.4)) {
      const recording = { kind: 'recording', id: `${call}r`, call, ...audio() } as const
      facts.push({ ...recording, at: at + dice.whole(0, 5) * SECOND_MS })
    }
  }
  for (let n = dice.whole(0, calls >> 2); n > 0; n--) {
    const at = (spells[dice.whole(0, spells.length - 1)] ?? 0) + dice.whole(0, 60) * SECOND_MS
    facts.push({ kind: 'voicemail', id: `${name}v${n}`, call: null, at, ...audio() })
  }
  return facts
}

/** Two to six events. */
function callOf(dice: Dice): readonly EventType[] {
  if (dice.chance(0.2)) return ['call.started', 'call.ended']
  if (dice.chance(0.25)) return ['call.started', 'call.ringing', 'call.ended']
  const held: EventType[] = dice.chance(0.4) ? ['call.held', 'call.resumed'] : []
  return ['call.started', 'call.ringing', 'call.answered', ...held, 'call.ended']
}

/** Without its first event no recording of a call could ever be taken, so that one is refused only where there is none. */
function refusedOf(facts: readonly Fact[], dice: Dice): ReadonlySet<string> {
  const recorded = new Set(facts.map(fact => (fact.kind === 'recording' ? fact.call : null)))
  const refusable = facts.filter(fact => fact.kind !== 'event' || fact.sequence > 1 || !recorded.has(fact.call))
  return new Set(refusable.filter(() => dice.chance(0.02)).map(fact => fact.id))
}

function outage(from: number, dice: Dice): Outage {
  const fault = dice.pick(outageFaults)
  // One that keeps its callers waiting takes real time, too.
  const minutes = fault === 'silence' ? dice.whole(1, 2) : dice.whole(2, 8)
  return { from, to: from + minutes * MINUTE_MS, fault }
}

function jumpsOf(requests: number, mostHours: number, store: 'sqlite' | 'postgres', dice: Dice): readonly ClockJump[] {
  return Array.from({ length: dice.whole(0, 3) }, () => ({
    of: store === 'postgres' && dice.chance(0.4) ? 'database' : 'bridge',
    atRequest: dice.whole(1, requests),
    byMs: jump(mostHours, dice),
  }))
}

/** Hours, or (a battery that is empty, a year that was mistyped) weeks; ahead at most `mostHours`. */
function jump(mostHours: number, dice: Dice): number {
  const hours = dice.chance(0.1) ? dice.whole(200, 500) : dice.whole(1, 30)
  const byMs = hours * HOUR_MS + dice.whole(0, 59) * MINUTE_MS
  return dice.chance(0.6) || hours > mostHours ? -byMs : byMs
}

/** FNV-1a. */
function hash(text: string): number {
  let value = 0x811c9dc5
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193)
  return value >>> 0
}
