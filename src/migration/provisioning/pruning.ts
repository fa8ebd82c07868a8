/** What the account has and the file does not. Pure. */
import type { Change } from './change.ts'
import { dependenciesFirst, queuesIn } from './references.ts'
import type { AccountState, DesiredState } from './voice-state.ts'

/** Members that the file does not give a queue of its. */
export function removals(desired: DesiredState, account: AccountState): readonly Change[] {
  return [...(desired.queues ?? [])].flatMap(([name, { members }]) => {
    const surplus = members === null ? [] : (account.queues.get(name)?.members ?? []).filter(agent => !members.includes(agent))
    return surplus.map(agent => ({ kind: 'member', action: 'remove', name, agent }) as const)
  })
}

/**
 * Numbers, queues and lines that the file does not have, those first that speak of others. Queues that overflow into each other in
 * a circle are cut loose before. Menus stay: the Voice API cannot delete them.
 */
export function deletions(desired: DesiredState, account: AccountState): readonly Change[] {
  const numbers = surplus(account.numbers, desired.numbers)
  const queues = dependenciesFirst(surplus(account.queues, desired.queues), name =>
    queuesIn(account.queues.get(name) ?? {}),
  ).toReversed()
  const lines = surplus(account.lines, desired.lines)
  const gone = (of: 'phone_number' | 'queue' | 'phone_line') => (name: string) => ({ kind: 'deletion', of, name }) as const
  const caught = queues.flatMap((name, index): Change[] => {
    const queue = account.queues.get(name)
    const isGone = queue !== undefined && queuesIn(queue).some(other => queues.indexOf(other) < index && queues.includes(other))
    return isGone ? [{ kind: 'queue', name, set: { overflow: { to: 'hangup' } }, was: queue, members: [] }] : []
  })
  return [...numbers.map(gone('phone_number')), ...caught, ...queues.map(gone('queue')), ...lines.map(gone('phone_line'))]
}

/** `null`: the file does not speak of the kind at all, so nothing of it is too much. */
function surplus(there: ReadonlyMap<string, unknown>, wanted: ReadonlyMap<string, unknown> | null): readonly string[] {
  return wanted === null ? [] : [...there.keys()].filter(name => !wanted.has(name))
}
