/**
 * The legs of one SIP call: one dialog for each phone that an INVITE reached (RFC 3261 section 12; a fork has several). A leg is
 * named by its callee's tag. The first leg opens with the INVITE, before any phone has given a tag; the first tag names it.
 *
 *            ringing            answered
 *   inviting ───────▶ ringing ───────────▶ answered
 *      │                 │                    │
 *      └─────────────────┴──────▶ ended ◀─────┘        ended ──answered──▶ answered  (a fork that answered too, just too late)
 *
 * Invariants
 *  1. There is always at least one leg, and at most `maxLegs`.
 *  2. At most one leg has no tag, and then it is the only one.
 *  3. An answered leg stays in the list; `carryingLeg` tells which one is the call's.
 */
import type { CallParty } from './event.ts'

export type LegState =
  | { readonly kind: 'inviting' }
  | { readonly kind: 'ringing' }
  | { readonly kind: 'answered'; readonly answeredAt: number }
  | {
      readonly kind: 'ended'
      readonly answeredAt: number | null
      readonly endedAt: number
      readonly sipCode: number | null
      readonly q850: number | null
    }

export interface Leg {
  /** `null` until a response carried one. */
  readonly calleeTag: string | null
  /** Who the phone says it is, else who was called. */
  readonly to: CallParty
  readonly startedAt: number
  readonly state: LegState
}

export type Legs = readonly Leg[]

/** A phone that gave a sign of itself. */
export interface Phone {
  readonly calleeTag: string
  /** Who it says it is; `null` when it does not say: then it stands for whom the caller called. */
  readonly party: CallParty | null
  readonly called: CallParty
}

/** How a leg ended, as far as the wire told. */
export interface LegEnd {
  readonly at: number
  readonly sipCode: number | null
  readonly q850: number | null
}

/** A hostile or broken peer could ring with a new tag for ever. */
export const maxLegs = 32

/** The legs of a call that was just placed. */
export function firstLeg(to: CallParty, startedAt: number): Legs {
  return [{ calleeTag: null, to, startedAt, state: { kind: 'inviting' } }]
}

/** The leg of a tag, or `undefined`. */
export function findLeg(legs: Legs, calleeTag: string): Leg | undefined {
  return legs.find(leg => leg.calleeTag === calleeTag)
}

/** The leg that carries the call: of those that talk the first to answer; once none talks, the last to have talked. */
export function carryingLeg(legs: Legs): Leg | null {
  let carrying: Leg | null = null
  for (const leg of legs) {
    if (answeredAtOf(leg) === null) continue
    if (carrying === null || outranks(leg, carrying)) carrying = leg
  }
  return carrying
}

function outranks(leg: Leg, other: Leg): boolean {
  const end = leg.state.kind === 'ended' ? leg.state.endedAt : Number.POSITIVE_INFINITY
  const otherEnd = other.state.kind === 'ended' ? other.state.endedAt : Number.POSITIVE_INFINITY
  return end === otherEnd ? (answeredAtOf(leg) ?? 0) < (answeredAtOf(other) ?? 0) : end > otherEnd
}

/** Whether a phone of the leg can still ring or be answered. */
export function isPending(leg: Leg): boolean {
  return leg.state.kind === 'inviting' || leg.state.kind === 'ringing'
}

/** When the leg was answered, `null` when it was not. */
export function answeredAtOf({ state }: Leg): number | null {
  return state.kind === 'answered' || state.kind === 'ended' ? state.answeredAt : null
}

/** A phone rings. The same legs when that was known. */
export function ringLeg(legs: Legs, phone: Phone, at: number): Legs {
  const known = findLeg(legs, phone.calleeTag)
  if (known === undefined) return nameLeg(legs, phone, at, { kind: 'ringing' })
  if (phone.party === null || isSameParty(known.to, phone.party)) return legs
  return replace(legs, known, { ...known, to: phone.party })
}

/** A phone was answered. The same legs when that was known. */
export function answerLeg(legs: Legs, phone: Phone, at: number): Legs {
  const state: LegState = { kind: 'answered', answeredAt: at }
  const known = findLeg(legs, phone.calleeTag)
  if (known === undefined) return nameLeg(legs, phone, at, state)
  if (answeredAtOf(known) !== null) return legs
  return replace(legs, known, { ...known, to: phone.party ?? known.to, state })
}

/** One leg ends, not before it was answered. The same legs when it had ended already. */
export function endLeg(legs: Legs, leg: Leg, { at, sipCode, q850 }: LegEnd): Legs {
  if (leg.state.kind === 'ended') return legs
  const answeredAt = answeredAtOf(leg)
  const endedAt = Math.max(at, answeredAt ?? at)
  return replace(legs, leg, { ...leg, state: { kind: 'ended', answeredAt, endedAt, sipCode, q850 } })
}

/** All legs that still ring end: another phone answered, or the call is over. */
export function endPendingLegs(legs: Legs, end: LegEnd): Legs {
  return legs.reduce((all, leg) => (isPending(leg) ? endLeg(all, leg, end) : all), legs)
}

/** All legs end, whatever they did. */
export function endAllLegs(legs: Legs, end: LegEnd): Legs {
  return legs.reduce((all, leg) => endLeg(all, leg, end), legs)
}

/** Gives the nameless first leg its tag, or opens a new one; beyond `maxLegs` the oldest that nobody answered makes room. */
function nameLeg(legs: Legs, { calleeTag, party, called }: Phone, at: number, state: LegState): Legs {
  const [first] = legs
  const to = party ?? called
  if (first !== undefined && first.calleeTag === null) return [{ ...first, calleeTag, to, state }]
  const kept = legs.length < maxLegs ? legs : without(legs, legs.find(leg => answeredAtOf(leg) === null) ?? legs[legs.length - 1])
  return [...kept, { calleeTag, to, startedAt: at, state }]
}

function replace(legs: Legs, old: Leg, leg: Leg): Legs {
  return legs.map(each => (each === old ? leg : each))
}

function without(legs: Legs, dropped: Leg | undefined): Legs {
  return legs.filter(leg => leg !== dropped)
}

function isSameParty(a: CallParty, b: CallParty): boolean {
  return a.kind === b.kind && a.value === b.value && a.display === b.display
}
