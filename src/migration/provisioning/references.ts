/** Who speaks of whom, by name; and whether everything that the file speaks of is there. Pure. */
import type { FileProblem } from './desired-state.ts'
import type { AccountState, DesiredState, FilePath, IvrState, MenuState, QueueState } from './voice-state.ts'

/** The queues that a queue's settings speak of. */
export function queuesIn({ overflow }: Partial<QueueState>): readonly string[] {
  return overflow?.to === 'queue' ? [overflow.name] : []
}

/** The menus that a menu leads to. */
export function menusIn({ options = [] }: Partial<MenuState>): readonly string[] {
  return options.flatMap(({ target }) => (target.to === 'menu' ? [target.name] : []))
}

/** Each name after those it depends on, as far as there is no circle. */
export function dependenciesFirst(
  names: readonly string[],
  dependenciesOf: (name: string) => readonly string[],
): readonly string[] {
  const among = new Set(names)
  const visited = new Set<string>()
  const ordered: string[] = []
  const visit = (name: string): void => {
    if (visited.has(name) || !among.has(name)) return
    visited.add(name)
    for (const dependency of dependenciesOf(name)) visit(dependency)
    ordered.push(name)
  }
  for (const name of names) visit(name)
  return ordered
}

/** Names that nothing has, and menus that no number leads to. `prune`: what the file leaves out will be gone. */
export function referenceProblems(desired: DesiredState, account: AccountState, prune: boolean): readonly FileProblem[] {
  const problems: FileProblem[] = []
  const known = (wanted: ReadonlyMap<string, unknown> | null, there: ReadonlyMap<string, unknown>, gone: boolean) =>
    new Set([...(wanted?.keys() ?? []), ...(gone && wanted !== null ? [] : there.keys())])
  const lines = known(desired.lines, account.lines, prune)
  const queues = known(desired.queues, account.queues, prune)
  const menus = known(desired.menus, account.menus, false)
  const check = (name: string | null | undefined, among: ReadonlySet<string>, section: string, at: FilePath, who = ''): void => {
    if (name === undefined || name === null || among.has(name)) return
    const nowhere = prune ? 'is not in this file' : 'is neither in this file nor in the account'
    problems.push({ at, reason: `${who}names ${name}, which ${nowhere}`, fix: `add it to ${section}` })
  }
  for (const { at, set, ivr } of desired.numbers?.values() ?? []) {
    check(set.line, lines, 'phone_lines', [...at, 'line'])
    check(ivr?.menu, menus, 'ivr_menus', [...at, 'ivr', 'menu'])
    check(ivr?.queue, queues, 'queues', [...at, 'ivr', 'queue'])
  }
  for (const [own, { at, set }] of desired.queues ?? [])
    for (const name of queuesIn(set)) {
      const here = [...at, 'overflow', 'queue']
      if (name === own)
        problems.push({ at: here, reason: `${own} overflows into itself`, fix: 'name another queue, or hangup: true' })
      else check(name, queues, 'queues', here)
    }
  for (const { at, set } of desired.menus?.values() ?? [])
    for (const { digit, target } of set.options ?? []) {
      if (target.to === 'queue') check(target.name, queues, 'queues', [...at, 'options'], `key ${digit} `)
      if (target.to === 'menu') check(target.name, menus, 'ivr_menus', [...at, 'options'], `key ${digit} `)
    }
  return [...problems, ...unreachedMenus(desired, account)]
}

/** A menu that no number leads to could not be found again: the Voice API lists no menus, so each push would make another. */
function unreachedMenus(desired: DesiredState, account: AccountState): readonly FileProblem[] {
  const numbers = new Set([...account.numbers.keys(), ...(desired.numbers?.keys() ?? [])])
  const ivrOf = (number: string): Partial<IvrState> => ({
    ...account.numbers.get(number)?.ivr,
    ...desired.numbers?.get(number)?.ivr,
  })
  const reached = new Set<string>()
  const open = [...numbers].flatMap(number => ivrOf(number).menu ?? [])
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    if (reached.has(name)) continue
    reached.add(name)
    open.push(...menusIn({ ...account.menus.get(name), ...desired.menus?.get(name)?.set }))
  }
  return [...(desired.menus ?? [])]
    .filter(([name]) => !reached.has(name))
    .map(([name, { at }]) => ({
      at: [...at, 'name'],
      reason: `no number leads to the menu ${name}, so it could not be found again`,
      fix: 'name it in the ivr of a number, or in a menu that a number leads to',
    }))
}
