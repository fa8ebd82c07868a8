/** Targets between our words (names) and the API's (`queue-1`, `agent-35436`, `menu-2`). Pure. */
import type { Id, MenuAction, OverflowAction } from './voice-account.ts'
import type { Ids, OptionTarget, OverflowTarget } from './voice-state.ts'

/** Names by id, as text. */
export interface Names {
  readonly queues: ReadonlyMap<string, string>
  readonly menus: ReadonlyMap<string, string>
}

/** What a key of a menu does. */
export function optionTarget(action: MenuAction, target: string | null, names: Names): OptionTarget {
  const raw: OptionTarget = { to: 'other', action, target }
  switch (action) {
    case 'transfer':
      return queueTarget(target, names) ?? agentTarget(target) ?? numberTarget(target) ?? raw
    case 'menu': {
      const name = names.menus.get(idIn(target, 'menu'))
      return name === undefined ? raw : { to: 'menu', name }
    }
    case 'voicemail':
      return { to: 'voicemail', mailbox: target }
    case 'repeat':
    case 'hangup':
      return target === null ? { to: action } : raw
    default:
      return action satisfies never
  }
}

/** What becomes of a caller whom a queue cannot take. */
export function overflowTarget(action: OverflowAction, target: string | null, names: Names): OverflowTarget {
  const raw: OverflowTarget = { to: 'other', action, target }
  switch (action) {
    case 'queue':
      return queueTarget(target, names) ?? raw
    case 'agent':
      return agentTarget(target) ?? raw
    case 'voicemail':
      return { to: 'voicemail', mailbox: target }
    case 'number':
      return numberTarget(target) ?? raw
    case 'hangup':
      return target === null ? { to: 'hangup' } : raw
    default:
      return action satisfies never
  }
}

/** A target as the API writes it. Throws when it names what has no id yet: the plan has to create that first. */
export function optionWire(target: OptionTarget, ids: Ids): { readonly action: MenuAction; readonly target_id: string | null } {
  switch (target.to) {
    case 'queue':
      return { action: 'transfer', target_id: `queue-${idOf(ids.queues, 'queue', target.name)}` }
    case 'menu':
      return { action: 'menu', target_id: `menu-${idOf(ids.menus, 'menu', target.name)}` }
    case 'agent':
      return { action: 'transfer', target_id: `agent-${target.id}` }
    case 'number':
      return { action: 'transfer', target_id: target.number }
    case 'voicemail':
      return { action: 'voicemail', target_id: target.mailbox }
    case 'repeat':
    case 'hangup':
      return { action: target.to, target_id: null }
    case 'other':
      return { action: target.action, target_id: target.target }
    default:
      return target satisfies never
  }
}

export function overflowWire(
  target: OverflowTarget,
  ids: Ids,
): { readonly overflow_action: OverflowAction; readonly overflow_target: string | null } {
  switch (target.to) {
    case 'queue':
      return { overflow_action: 'queue', overflow_target: `queue-${idOf(ids.queues, 'queue', target.name)}` }
    case 'agent':
      return { overflow_action: 'agent', overflow_target: `agent-${target.id}` }
    case 'number':
      return { overflow_action: 'number', overflow_target: target.number }
    case 'voicemail':
      return { overflow_action: 'voicemail', overflow_target: target.mailbox }
    case 'hangup':
      return { overflow_action: 'hangup', overflow_target: null }
    case 'other':
      return { overflow_action: target.action, overflow_target: target.target }
    default:
      return target satisfies never
  }
}

/** The id in `menu-2`; '' when it is no such target. */
export function idIn(target: string | null, kind: 'queue' | 'menu'): string {
  return target?.startsWith(`${kind}-`) === true ? target.slice(kind.length + 1) : ''
}

export function idOf(ids: ReadonlyMap<string, Id>, kind: string, name: string): Id {
  const id = ids.get(name)
  if (id === undefined) throw new Error(`the plan speaks of ${kind} ${name} before it exists`)
  return id
}

function queueTarget(target: string | null, { queues }: Names): { readonly to: 'queue'; readonly name: string } | null {
  const name = queues.get(idIn(target, 'queue'))
  return name === undefined ? null : { to: 'queue', name }
}

function agentTarget(target: string | null): { readonly to: 'agent'; readonly id: number } | null {
  const match = /^agent-([1-9]\d{0,14})$/.exec(target ?? '')
  return match === null ? null : { to: 'agent', id: Number(match[1]) }
}

function numberTarget(target: string | null): { readonly to: 'number'; readonly number: string } | null {
  return target !== null && /^\+[1-9]\d{4,14}$/.test(target) ? { to: 'number', number: target } : null
}
