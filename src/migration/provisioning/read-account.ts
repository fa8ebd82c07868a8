/** Reads what an account has. Menus are found through the numbers that lead to them, and the menus that those lead to. */
import { idIn, type Names, optionTarget, overflowTarget } from './targets.ts'
import type { Id, IvrBody, MenuBody, NumberBody, Stored, VoiceAccount } from './voice-account.ts'
import { type AccountState, byDigit, type IvrState, type MenuState, type NumberState } from './voice-state.ts'

type Row<Body> = Stored<Body> & { readonly key: string }

export async function readAccount(account: VoiceAccount): Promise<AccountState> {
  const lines = named(await all(account.lines.list()), 'line', line => line.name)
  const numbers = named(await all(account.numbers.list()), 'number', row => row.number)
  const queues = named(await all(account.queues.list()), 'queue', queue => queue.name)
  const ivr = new Map<string, IvrBody>()
  for (const { key, id } of numbers) ivr.set(key, await account.ivr.get(id))
  const menus = named(await reachedMenus(account, [...ivr.values()]), 'menu', menu => menu.name)

  const names: Names = { queues: keysById(queues), menus: keysById(menus) }
  const lineKeys = keysById(lines)
  return {
    lines: new Map(lines.map(({ key, location, enabled }) => [key, { location, enabled }])),
    numbers: new Map(
      numbers.map(row => [row.key, { ...numberState(row, lineKeys), ivr: ivrState(ivr.get(row.key) ?? noIvr, names) }]),
    ),
    queues: new Map(
      queues.map(({ key, max_wait_time, members, overflow_action, overflow_target }) => [
        key,
        { max_wait_time, members, overflow: overflowTarget(overflow_action, overflow_target, names) },
      ]),
    ),
    menus: new Map(menus.map(menu => [menu.key, menuState(menu, names)])),
    ids: { lines: idsByKey(lines), numbers: idsByKey(numbers), queues: idsByKey(queues), menus: idsByKey(menus) },
  }
}

const noIvr: IvrBody = { enabled: false, menu_id: null, queue_id: null }

async function reachedMenus(account: VoiceAccount, settings: readonly IvrBody[]): Promise<readonly Stored<MenuBody>[]> {
  const found = new Map<string, Stored<MenuBody>>()
  const open: Id[] = settings.flatMap(({ menu_id }) => (menu_id === null ? [] : [menu_id]))
  const asked = new Set<string>()
  for (let id = open.pop(); id !== undefined; id = open.pop()) {
    if (asked.has(String(id))) continue
    asked.add(String(id))
    const menu = await account.menus.get(id)
    if (menu === null) continue
    found.set(String(menu.id), menu)
    open.push(...menu.options.map(option => idIn(option.target_id, 'menu')).filter(target => target !== ''))
  }
  return [...found.values()]
}

function numberState(row: NumberBody, lines: ReadonlyMap<string, string>): NumberState {
  const { display_name, country_code, enabled, capabilities, phone_line_id } = row
  const line = phone_line_id === null ? null : (lines.get(String(phone_line_id)) ?? `line-${phone_line_id}`)
  return { display_name, country_code, line, enabled, capabilities: capabilities.toSorted() }
}

function ivrState({ enabled, menu_id, queue_id }: IvrBody, { menus, queues }: Names): IvrState {
  return {
    enabled,
    menu: menu_id === null ? null : (menus.get(String(menu_id)) ?? `menu-${menu_id}`),
    queue: queue_id === null ? null : (queues.get(String(queue_id)) ?? `queue-${queue_id}`),
  }
}

function menuState({ greeting, options, repeat_message, invalid_message }: MenuBody, names: Names): MenuState {
  const read = options.map(({ digit, label, action, target_id }) => ({
    digit,
    label,
    target: optionTarget(action, target_id, names),
  }))
  return { greeting, options: byDigit(read), repeat_message, invalid_message }
}

/** The oldest of several with one name has it; the others, and those without a name, are called by their ids. */
function named<Body>(
  rows: readonly Stored<Body>[],
  kind: string,
  nameOf: (row: Stored<Body>) => string | null,
): readonly Row<Body>[] {
  const taken = new Set<string>()
  return rows.toSorted(byAge).map(row => {
    const name = nameOf(row) ?? `${kind}-${row.id}`
    const key = taken.has(name) ? `${name} (${kind}-${row.id})` : name
    taken.add(key)
    return { ...row, key }
  })
}

/** Ids count upwards where they are numbers. */
function byAge(a: { readonly id: Id }, b: { readonly id: Id }): number {
  return typeof a.id === 'number' && typeof b.id === 'number' ? a.id - b.id : String(a.id) < String(b.id) ? -1 : 1
}

const keysById = (rows: readonly { readonly id: Id; readonly key: string }[]) =>
  new Map(rows.map(({ id, key }) => [String(id), key]))
const idsByKey = (rows: readonly { readonly id: Id; readonly key: string }[]) => new Map(rows.map(({ id, key }) => [key, id]))

async function all<T>(list: AsyncIterable<T>): Promise<readonly T[]> {
  const items: T[] = []
  for await (const item of list) items.push(item)
  return items
}
