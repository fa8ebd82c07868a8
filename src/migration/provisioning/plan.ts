/**
 * What has to change, in an order in which each change finds what it speaks of: lines, numbers, queues, menus, what numbers lead to;
 * then what is taken away. Pure.
 *
 * Where queues overflow into each other, or menus lead to each other, in a circle, one of them is first made without that reference
 * and gets it when the other exists.
 */
import { isDeepStrictEqual } from 'node:util'
import type { Change } from './change.ts'
import type { FileProblem } from './desired-state.ts'
import { deletions, removals } from './pruning.ts'
import { dependenciesFirst, menusIn, queuesIn, referenceProblems } from './references.ts'
import type { AccountState, DesiredState, IvrState, QueueState } from './voice-state.ts'

export type Plan =
  | {
      readonly ok: true
      readonly changes: readonly Change[]
      /** What the account has and the file does not; taken away only when asked to. */
      readonly kept: readonly Change[]
    }
  | { readonly ok: false; readonly problems: readonly FileProblem[] }

/** `prune`: whether to take away what the file does not have; only of the sections that the file has. */
export function plan(desired: DesiredState, account: AccountState, { prune }: { readonly prune: boolean }): Plan {
  const problems = referenceProblems(desired, account, prune)
  if (problems.length > 0) return { ok: false, problems }
  const surplus = [...removals(desired, account), ...deletions(desired, account)]
  const changes = [
    ...lineChanges(desired, account),
    ...numberChanges(desired, account),
    ...queueChanges(desired, account),
    ...menuChanges(desired, account),
    ...ivrChanges(desired, account),
    ...(prune ? surplus : []),
  ]
  return { ok: true, changes, kept: prune ? [] : surplus }
}

function lineChanges(desired: DesiredState, account: AccountState): readonly Change[] {
  return [...(desired.lines ?? [])].flatMap(([name, { set }]): Change[] => {
    const was = account.lines.get(name) ?? null
    const differing = difference(set, was)
    return differing === null ? [] : [{ kind: 'phone_line', name, set: differing, was }]
  })
}

function numberChanges(desired: DesiredState, account: AccountState): readonly Change[] {
  return [...(desired.numbers ?? [])].flatMap(([name, { set }]): Change[] => {
    const was = account.numbers.get(name) ?? null
    const differing = difference(set, was)
    return differing === null ? [] : [{ kind: 'phone_number', name, set: differing, was }]
  })
}

function queueChanges(desired: DesiredState, account: AccountState): readonly Change[] {
  const wanted: NonNullable<DesiredState['queues']> = desired.queues ?? new Map()
  const there = new Set(account.queues.keys())
  const created: Change[] = []
  const completed: Change[] = []
  const isNew = (name: string) => !account.queues.has(name)
  for (const name of dependenciesFirst([...wanted.keys()].filter(isNew), name => queuesIn(wanted.get(name)?.set ?? {}))) {
    const queue = wanted.get(name)
    if (queue === undefined) continue
    const { overflow, ...rest } = queue.set
    const ready = queuesIn(queue.set).every(other => there.has(other))
    const set = ready ? queue.set : rest
    created.push({ kind: 'queue', name, set, was: null, members: queue.members ?? [] })
    if (!ready && overflow !== undefined) completed.push({ kind: 'queue', name, set: { overflow }, was: {}, members: [] })
    there.add(name)
  }
  const changed = [...wanted].flatMap(([name, { set, members }]): Change[] => {
    const was = account.queues.get(name)
    if (was === undefined) return []
    const differing = difference<QueueState>(set, was)
    const missing = (members ?? []).filter(agent => !was.members.includes(agent))
    return [
      ...(differing === null ? [] : [{ kind: 'queue', name, set: differing, was, members: [] } as const]),
      ...missing.map(agent => ({ kind: 'member', action: 'add', name, agent }) as const),
    ]
  })
  return [...created, ...completed, ...changed]
}

function menuChanges(desired: DesiredState, account: AccountState): readonly Change[] {
  const wanted: NonNullable<DesiredState['menus']> = desired.menus ?? new Map()
  const there = new Set(account.menus.keys())
  const created: Change[] = []
  const completed: Change[] = []
  const isNew = (name: string) => !account.menus.has(name)
  for (const name of dependenciesFirst([...wanted.keys()].filter(isNew), name => menusIn(wanted.get(name)?.set ?? {}))) {
    const menu = wanted.get(name)
    if (menu === undefined) continue
    const { options = [] } = menu.set
    // A menu's key that leads back to the menu itself has to wait, too.
    const ready = options.filter(({ target }) => target.to !== 'menu' || there.has(target.name))
    created.push({ kind: 'ivr_menu', name, set: { ...menu.set, options: ready }, was: null })
    if (ready.length < options.length) completed.push({ kind: 'ivr_menu', name, set: { options }, was: { options: ready } })
    there.add(name)
  }
  const changed = [...wanted].flatMap(([name, { set }]): Change[] => {
    const was = account.menus.get(name)
    const differing = was === undefined ? null : difference(set, was)
    return was === undefined || differing === null ? [] : [{ kind: 'ivr_menu', name, set: differing, was }]
  })
  return [...created, ...completed, ...changed]
}

const noIvr: IvrState = { enabled: false, menu: null, queue: null }

function ivrChanges(desired: DesiredState, account: AccountState): readonly Change[] {
  return [...(desired.numbers ?? [])].flatMap(([name, { ivr }]): Change[] => {
    const now = account.numbers.get(name)?.ivr ?? noIvr
    const set = ivr === null ? null : difference(ivr, now)
    return set === null ? [] : [{ kind: 'ivr', name, set, was: now, now }]
  })
}

/** The wanted fields that are not so; `null` when there is none, and everything for what does not exist. */
function difference<State extends object>(wanted: Partial<State>, was: State | null): Partial<State> | null {
  if (was === null) return wanted
  const differing: Partial<State> = {}
  for (const field in wanted) {
    if (!isDeepStrictEqual(wanted[field], was[field])) differing[field] = wanted[field]
  }
  return Object.keys(differing).length === 0 ? null : differing
}
