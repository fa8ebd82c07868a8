/**
 * How much one call holds: a hostile or broken peer could tell new names or be joined for ever, and a queue that rings its agents until one
 * of them answers does so, too. What is given up is what would be missed least. Pure.
 */
import type { Call, Union } from './call.ts'
import { isLive, type SipCall, talkedSince } from './sip-call.ts'

export const maxSipCalls = 32
const maxNames = 64
const maxUnions = 64

/** The SIP calls by their beginning. Of too many those are forgotten that ended in vain, the oldest first, and then the newest; never the caller's. */
export function fitting(sipCalls: readonly SipCall[]): readonly SipCall[] {
  const [caller, ...others] = sipCalls.toSorted((a, b) => a.startedAt - b.startedAt)
  if (caller === undefined || sipCalls.length <= maxSipCalls) return caller === undefined ? [] : [caller, ...others]
  const surplus = sipCalls.length - maxSipCalls
  const inVain = new Set(others.filter(sip => !isLive(sip) && talkedSince(sip) === null).slice(0, surplus))
  return [caller, ...others.filter(sip => !inVain.has(sip))].slice(0, maxSipCalls)
}

/** The names of a call with more of them: those of its SIP calls in any case, of the others the first. The same ones when none is new. */
export function namesWith({ keys, sipCalls }: Pick<Call, 'keys' | 'sipCalls'>, found: readonly string[]): readonly string[] {
  const all = [...new Set([...keys, ...found])]
  if (all.length === keys.length) return keys
  if (all.length <= maxNames) return all
  const own = new Set(sipCalls.map(({ sipCallId }) => `sip:${sipCallId}`))
  const spare = maxNames - own.size
  const others = new Set(all.filter(name => !own.has(name)).slice(0, spare))
  const kept = all.filter(name => own.has(name) || others.has(name))
  return kept.length === keys.length && kept.every((name, i) => name === keys[i]) ? keys : kept
}

/** The newest. */
export const newestUnions = (unions: readonly Union[]): readonly Union[] => unions.slice(-maxUnions)
