/** From the file to what it wants: agents by their ids, targets told apart, nothing twice. Pure. */
import { type AgentBook, findAgent } from './agent-book.ts'
import type { MenuOptionInFile, OverflowInFile, VoiceFile } from './voice-file.ts'
import {
  byDigit,
  type CommonTarget,
  type DesiredState,
  type FilePath,
  type MenuOption,
  type OptionTarget,
  type OverflowTarget,
} from './voice-state.ts'

/** What is wrong with the file, where, and what to do. */
export interface FileProblem {
  readonly at: FilePath
  readonly reason: string
  readonly fix: string
}

export type Desired =
  | { readonly ok: true; readonly desired: DesiredState }
  | { readonly ok: false; readonly problems: readonly FileProblem[] }

export function desiredState(file: VoiceFile, agents: AgentBook): Desired {
  const reader = new FileReader(agents)
  const { phone_lines, phone_numbers, queues, ivr_menus } = file
  const desired: DesiredState = {
    lines: reader.byKey('phone_lines', phone_lines, 'name', ({ name, ...set }, at) => ({ at, set: present(set) })),
    numbers: reader.byKey('phone_numbers', phone_numbers, 'number', ({ number, ivr, capabilities, ...rest }, at) => {
      const sorted = capabilities === undefined ? undefined : [...new Set(capabilities)].toSorted()
      return { at, set: present({ ...rest, capabilities: sorted }), ivr: ivr === undefined ? null : present(withAnswer(ivr)) }
    }),
    queues: reader.byKey('queues', queues, 'name', ({ max_wait_time, overflow, members }, at) => ({
      at,
      set: present({
        max_wait_time,
        overflow: overflow === undefined ? undefined : reader.overflow(overflow, [...at, 'overflow']),
      }),
      members: members === undefined ? null : reader.members(members, [...at, 'members']),
    })),
    menus: reader.byKey('ivr_menus', ivr_menus, 'name', ({ name, options, ...set }, at) => ({
      at,
      set: present({ ...set, options: reader.options(options, [...at, 'options']) }),
    })),
  }
  return reader.problems.length === 0 ? { ok: true, desired } : { ok: false, problems: reader.problems }
}

class FileReader {
  readonly problems: FileProblem[] = []
  readonly #agents: AgentBook

  constructor(agents: AgentBook) {
    this.#agents = agents
  }

  byKey<Key extends string, Item extends { readonly [key in Key]: string }, Wanted>(
    section: string,
    items: readonly Item[] | undefined,
    key: Key,
    read: (item: Item, at: FilePath) => Wanted,
  ): ReadonlyMap<string, Wanted> | null {
    if (items === undefined) return null
    const wanted = new Map<string, Wanted>()
    items.forEach((item, index) => {
      const at = [section, index]
      const name = item[key]
      if (wanted.has(name)) {
        this.problems.push({ at: [...at, key], reason: `${name} is here a second time`, fix: 'keep one of the two' })
      } else wanted.set(name, read(item, at))
    })
    return wanted
  }

  members(references: readonly string[], at: FilePath): readonly number[] {
    const ids = references.flatMap((reference, index) => this.#agent(reference, [...at, index]) ?? [])
    return [...new Set(ids)].toSorted((a, b) => a - b)
  }

  options(options: readonly MenuOptionInFile[], at: FilePath): readonly MenuOption[] {
    const digits = new Set<string>()
    return byDigit(
      options.map((option, index) => {
        const { digit, label } = option
        if (digits.has(digit)) {
          this.problems.push({
            at: [...at, index, 'digit'],
            reason: `key ${digit} is here a second time`,
            fix: 'give every option a key of its own',
          })
        }
        digits.add(digit)
        return { digit, label, target: this.option(option, [...at, index]) }
      }),
    )
  }

  option(value: MenuOptionInFile, at: FilePath): OptionTarget {
    const { menu, repeat, action, target_id: target = null } = value
    if (menu !== undefined) return { to: 'menu', name: menu }
    if (repeat !== undefined) return { to: 'repeat' }
    if (action !== undefined) return { to: 'other', action, target }
    return this.#commonTarget(value, at)
  }

  overflow(value: OverflowInFile, at: FilePath): OverflowTarget {
    const { action, target_id: target = null } = value
    if (action !== undefined) return { to: 'other', action, target }
    return this.#commonTarget(value, at)
  }

  /** The schema has seen to it that exactly one of the keys is there. */
  #commonTarget({ queue, agent, number, voicemail }: MenuOptionInFile | OverflowInFile, at: FilePath): CommonTarget {
    if (queue !== undefined) return { to: 'queue', name: queue }
    if (agent !== undefined) return { to: 'agent', id: this.#agent(agent, [...at, 'agent']) ?? 0 }
    if (number !== undefined) return { to: 'number', number }
    if (voicemail !== undefined) return { to: 'voicemail', mailbox: voicemail === true ? null : voicemail }
    return { to: 'hangup' }
  }

  #agent(reference: string, at: FilePath): number | null {
    const found = findAgent(this.#agents, reference)
    if (found.ok) return found.id
    this.problems.push({ at, reason: found.reason, fix: found.fix })
    return null
  }
}

/** Whoever names a menu or a queue wants it to answer, and whoever takes it away does not, unless the file says otherwise. */
function withAnswer<Ivr extends IvrInFile>(ivr: Ivr) {
  const named = [ivr.menu, ivr.queue].filter(name => name !== undefined)
  return { ...ivr, enabled: ivr.enabled ?? (named.length === 0 ? undefined : named.some(name => name !== null)) }
}

interface IvrInFile {
  readonly enabled?: boolean | undefined
  readonly menu?: string | null | undefined
  readonly queue?: string | null | undefined
}

type Present<T> = { [Key in keyof T]?: Exclude<T[Key], undefined> }

/** The keys that have a value. */
function present<T extends object>(value: T): Present<T> {
  const result: Present<T> = {}
  for (const key in value) {
    const given = value[key]
    if (isGiven(given)) result[key] = given
  }
  return result
}

function isGiven<T>(value: T): value is Exclude<T, undefined> {
  return value !== undefined
}
