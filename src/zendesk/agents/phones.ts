/**
 * What every agent's phones do, told by two witnesses: the events of calls, and what the PBX says of an extension (phone-word.ts). An
 * agent may have several phones; each call has the agents of its newest snapshot, so a call that went to somebody else has left the
 * one before.
 *
 *   idle ──▶ ringing ──▶ on_call ──▶ after_call_work ──▶ idle       (after_call_work only after a talk, and only for its time)
 *    └──────────────────────▲  dialling is being on a call: nobody else can reach that phone
 *
 * The rule where the two differ: an agent is on a call while either says so. Whether it was a talk is for the calls to say; the PBX's
 * word decides it only where no call of the agent was seen meanwhile.
 *
 * Invariant: a function of the snapshots seen last, of each call one, and of each extension's last word; in which order different
 * calls are told makes no difference. The agents' status (agent-status.ts) owns it and is the only one to tell it anything.
 */
import type { CallEvent, CallId, CallSnapshot } from '../../events/event.ts'
import { counts, type ExtensionPresence, heard, type PhoneWord, saysBusy } from './phone-word.ts'

/**
 * `since` in epoch ms. `busySince` names the stretch of calls that after-call work follows. `until` is when after-call work ends; of
 * `on_call`, when nobody says so any more unless the PBX is heard again.
 */
export type PhoneState =
  | { readonly kind: 'idle'; readonly since: number | null }
  | { readonly kind: 'ringing'; readonly since: number }
  | { readonly kind: 'on_call'; readonly since: number; readonly busySince: number; readonly until?: number }
  | { readonly kind: 'after_call_work'; readonly since: number; readonly busySince: number; readonly until: number }

interface Part {
  readonly kind: 'ringing' | 'dialling' | 'talking'
  readonly since: number
}

interface Desk {
  readonly calls: Map<CallId, Part>
  /** What the PBX said last of each phone, by its URI. */
  readonly words: Map<string, PhoneWord>
  /** When the newest stretch of calls began; kept after it ended. */
  busySince: number | null
  /** When this agent last stopped talking. */
  talkedUntil: number | null
}

export class AgentPhones {
  readonly #afterCallWorkMs: number
  readonly #desks: ReadonlyMap<number, Desk>
  readonly #calls = new Map<CallId, { readonly sequence: number; readonly agents: readonly number[] }>()

  /** Of these agents, by id; others are nobody's business. */
  constructor(agents: readonly number[], afterCallWorkMs: number) {
    this.#afterCallWorkMs = afterCallWorkMs
    this.#desks = new Map(agents.map(id => [id, { calls: new Map(), words: new Map(), busySince: null, talkedUntil: null }]))
  }

  /** Takes an event in; answers whose phones it is about. An older event of a call that is told late changes nothing. */
  apply({ call, sequence, occurredAt }: Pick<CallEvent, 'call' | 'sequence' | 'occurredAt'>): readonly number[] {
    const before = this.#calls.get(call.id)
    if (before !== undefined && sequence < before.sequence) return []
    const parts = partsOf(call)
    const now = [...parts.keys()].filter(id => this.#desks.has(id))
    for (const id of before?.agents ?? []) if (!parts.has(id)) this.#leave(id, call, occurredAt)
    if (before === undefined && call.endedAt !== null) this.#endedUnseen(call, call.endedAt)
    for (const [id, part] of parts) this.#take(id, call.id, part)
    if (call.endedAt === null) this.#calls.set(call.id, { sequence, agents: now })
    else this.#calls.delete(call.id)
    return [...new Set([...(before?.agents ?? []), ...now])]
  }

  /** Calls as they were stored: those that go on, and those that ended lately. Before any event. */
  restore(calls: readonly CallSnapshot[]): void {
    const oldestFirst = [...calls].sort((a, b) => a.startedAt - b.startedAt)
    for (const call of oldestFirst) this.apply({ call, sequence: 0, occurredAt: call.endedAt ?? call.startedAt })
  }

  /** Takes in what the PBX says of a phone of this agent. */
  told(id: number, presence: ExtensionPresence): void {
    const desk = this.#desks.get(id)
    if (desk === undefined) return
    const { uri, at } = presence
    const wasBusy = isBusyAt(desk, at)
    const before = desk.words.get(uri) ?? null
    const { word, talkedUntil } = heard(before, presence, [...desk.calls.values()].some(isBusy))
    if (word !== null) desk.words.set(uri, word)
    if (talkedUntil !== null) desk.talkedUntil = Math.max(desk.talkedUntil ?? 0, talkedUntil)
    if (!wasBusy && isBusyAt(desk, at)) desk.busySince = at
  }

  /** What an agent's phones do at `now` (epoch ms). */
  stateOf(id: number, now: number): PhoneState {
    const desk = this.#desks.get(id)
    if (desk === undefined) return { kind: 'idle', since: null }
    const parts = [...desk.calls.values()]
    const words = [...desk.words.values()].filter(word => counts(word, now))
    const { talkedUntil, busySince } = desk
    if (busySince !== null && parts.some(isBusy)) return { kind: 'on_call', since: busySince, busySince }
    const said = words.filter(saysBusy)
    if (busySince !== null && said.length > 0) {
      const until = Math.max(...said.map(word => word.until))
      return { kind: 'on_call', since: busySince, busySince, ...(Number.isFinite(until) ? { until } : {}) }
    }
    const until = talkedUntil === null ? 0 : talkedUntil + this.#afterCallWorkMs
    if (talkedUntil !== null && busySince !== null && now < until)
      return { kind: 'after_call_work', since: talkedUntil, busySince, until }
    const ringing = [...parts, ...words.filter(({ says }) => says === 'ringing')]
    if (ringing.length > 0) return { kind: 'ringing', since: Math.min(...ringing.map(({ since }) => since)) }
    return { kind: 'idle', since: talkedUntil === null ? null : until }
  }

  #take(id: number, callId: CallId, part: Part): void {
    const desk = this.#desks.get(id)
    if (desk === undefined) return
    const wasBusy = isBusyAt(desk, part.since)
    desk.calls.set(callId, part)
    if (!isBusy(part)) return
    if (!wasBusy) desk.busySince = part.since
    for (const [uri, word] of desk.words) if (saysBusy(word)) desk.words.set(uri, { ...word, isSeen: true })
  }

  #leave(id: number, call: CallSnapshot, at: number): void {
    const desk = this.#desks.get(id)
    const part = desk?.calls.get(call.id)
    if (desk === undefined || part === undefined) return
    desk.calls.delete(call.id)
    // A call may end with the very event that tells of its answer.
    const talked = part.kind === 'talking' || (part.kind === 'dialling' && call.answeredAt !== null)
    if (talked) desk.talkedUntil = Math.max(desk.talkedUntil ?? 0, call.endedAt ?? at)
  }

  /** Ended before anything of it was seen here: while the bridge was away. */
  #endedUnseen(call: CallSnapshot, endedAt: number): void {
    if (call.answeredAt === null) return
    for (const { id } of call.agents) {
      const desk = this.#desks.get(id)
      if (desk === undefined || endedAt <= (desk.talkedUntil ?? 0)) continue
      desk.talkedUntil = endedAt
      if (![...desk.calls.values()].some(isBusy)) desk.busySince = call.answeredAt
    }
  }
}

const isBusy = ({ kind }: Part): boolean => kind !== 'ringing'

function isBusyAt({ calls, words }: Desk, at: number): boolean {
  return [...calls.values()].some(isBusy) || [...words.values()].some(word => saysBusy(word) && counts(word, at))
}

/** Whether an agent who took part passed the call on, or stopped being called, and others go on with it. */
function hasLeft({ legs }: CallSnapshot, extension: string): boolean {
  const own = legs.filter(({ from, to }) => from.value === extension || to.value === extension)
  return own.length > 0 && own.every(({ endedAt }) => endedAt !== null)
}

/** What the call is to each of its agents; an ended one is nothing to anybody. */
function partsOf(call: CallSnapshot): ReadonlyMap<number, Part> {
  const parts = new Map<number, Part>()
  if (call.endedAt !== null) return parts
  for (const { id, extension } of call.agents) {
    if (hasLeft(call, extension)) continue
    const placedIt = call.direction !== 'inbound' && call.from.value === extension
    if (placedIt) parts.set(id, { kind: call.answeredAt === null ? 'dialling' : 'talking', since: call.startedAt })
    else if (call.answeredAt !== null) parts.set(id, { kind: 'talking', since: call.answeredAt })
    else parts.set(id, { kind: 'ringing', since: call.startedAt })
  }
  return parts
}
