/** A small office for the call model's tests: two agents, an American site, and a script of signals for one call. */

import { advance } from '../../src/events/advance.ts'
import { agentDirectory } from '../../src/events/agents.ts'
import type { Call } from '../../src/events/call.ts'
import type { CallEvent } from '../../src/events/event.ts'
import { numberPlan } from '../../src/events/numbers.ts'
import type { CallSignal, Side, Tie, WireParty } from '../../src/events/signal.ts'
import type { CallContext, Ignored } from '../../src/events/step.ts'

export const alice = { id: 35436, extension: '1001', name: 'Alice' }
export const bob = { id: 35437, extension: '1002', name: 'Bob' }

export const office: CallContext = {
  site: 'hq',
  numbers: numberPlan({ country: 'US', internal: [/^1\d{3}$/] }),
  agents: agentDirectory([alice, bob]),
}

export const wire = (user: string, display: string | null = null): WireParty => ({ user, display, anonymous: false })

/** The signals of one call: `caller` is the caller's tag, each phone has a tag of its own. */
export function script(sipCallId = 'a84b4c76e66710@pbx.example', caller = 'caller') {
  const base = { source: 'trunk', sipCallId } as const
  return {
    invited: (
      at: number,
      from = '4155550100',
      to = '1001',
      side: Side | null = 'carrier',
      ties: readonly Tie[] = [],
      isFromPbx = false,
    ): CallSignal => ({
      ...base,
      kind: 'invited',
      at,
      fromTag: caller,
      from: wire(from),
      to: wire(to),
      side,
      isFromPbx,
      ties,
    }),
    ringing: (at: number, toTag = 'phone', party: WireParty | null = null): CallSignal => ({
      ...base,
      kind: 'ringing',
      at,
      fromTag: caller,
      toTag,
      sipCode: 180,
      party,
    }),
    answered: (at: number, toTag = 'phone', party: WireParty | null = null): CallSignal => ({
      ...base,
      kind: 'answered',
      at,
      fromTag: caller,
      toTag,
      party,
    }),
    held: (at: number, by: 'caller' | 'callee' = 'caller', phone = 'phone'): CallSignal => ({
      ...base,
      kind: 'held',
      at,
      ...(by === 'caller' ? { fromTag: caller, toTag: phone } : { fromTag: phone, toTag: caller }),
    }),
    resumed: (at: number, by: 'caller' | 'callee' = 'caller', phone = 'phone'): CallSignal => ({
      ...base,
      kind: 'resumed',
      at,
      ...(by === 'caller' ? { fromTag: caller, toTag: phone } : { fromTag: phone, toTag: caller }),
    }),
    cancelled: (at: number, q850: number | null = null, elsewhere = false): CallSignal => ({
      ...base,
      kind: 'cancelled',
      at,
      fromTag: caller,
      q850,
      elsewhere,
    }),
    failed: (
      at: number,
      sipCode: number,
      q850: number | null = null,
      elsewhere = false,
      toTag: string | null = 'phone',
    ): CallSignal => ({
      ...base,
      kind: 'failed',
      at,
      fromTag: caller,
      toTag,
      sipCode,
      q850,
      elsewhere,
    }),
    hungup: (at: number, by: 'caller' | 'callee' = 'caller', phone = 'phone', q850: number | null = null): CallSignal => ({
      ...base,
      kind: 'hungup',
      at,
      ...(by === 'caller' ? { fromTag: caller, toTag: phone } : { fromTag: phone, toTag: caller }),
      sipCode: null,
      q850,
    }),
    /** How a PBX goes on with a call: it invites a phone (`side` null) or a carrier ('pbx'). */
    called: (at: number, from: string, to: string, ties: readonly Tie[] = [], side: Side | null = null): CallSignal => ({
      ...base,
      kind: 'invited',
      at,
      fromTag: caller,
      from: wire(from),
      to: wire(to),
      side,
      isFromPbx: true,
      ties,
    }),
    overheard: (at: number, from = '4155550100', to = '1001', toTag = 'phone'): CallSignal => ({
      ...base,
      kind: 'overheard',
      at,
      fromTag: caller,
      toTag,
      from: wire(from),
      to: wire(to),
      side: null,
    }),
    tied: (at: number, ...ties: readonly Tie[]): CallSignal => ({ ...base, kind: 'tied', at, fromTag: caller, ties }),
    referred: (at: number, target: string, replaces: string | null = null, by: 'caller' | 'callee' = 'callee'): CallSignal => ({
      ...base,
      kind: 'referred',
      at,
      ...(by === 'caller' ? { fromTag: caller, toTag: 'phone' } : { fromTag: 'phone', toTag: caller }),
      target: wire(target),
      replaces,
    }),
    referEnded: (at: number, sipCode: number, by: 'caller' | 'callee' = 'caller'): CallSignal => ({
      ...base,
      kind: 'refer-ended',
      at,
      ...(by === 'caller' ? { fromTag: caller, toTag: 'phone' } : { fromTag: 'phone', toTag: caller }),
      sipCode,
    }),
    chosen: (at: number, said: boolean, by: 'caller' | 'callee' = 'caller', phone: string | null = 'phone'): CallSignal => ({
      ...base,
      kind: 'chosen',
      at,
      said,
      ...(by === 'caller' ? { fromTag: caller, toTag: phone } : { fromTag: phone ?? '', toTag: caller }),
    }),
  }
}

export interface Played {
  readonly call: Call | null
  readonly events: readonly CallEvent[]
  readonly ignored: readonly (Ignored | null)[]
}

/** Plays signals from the beginning, or from a call's state. */
export function play(signals: readonly CallSignal[], from: Call | null = null, context: CallContext = office): Played {
  let call = from
  const events: CallEvent[] = []
  const ignored: (Ignored | null)[] = []
  for (const signal of signals) {
    const step = advance(call, signal, context)
    call = step.call
    events.push(...step.events)
    ignored.push(step.ignored)
  }
  return { call, events, ignored }
}

export const typesOf = (events: readonly CallEvent[]) => events.map(event => event.type.slice('call.'.length)).join(' ')

/** The call as its last event tells it. */
export function lastOf(events: readonly CallEvent[]) {
  const last = events.at(-1)
  if (last === undefined) throw new Error('no event was made')
  return last.call
}

/** A tie by name. */
export const tie = (key: string, reason = 'header X-Linkedid'): Tie => ({ key, reason })
