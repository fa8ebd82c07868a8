/**
 * Carries a plan out, one change after the other, and stops at the first that fails. Nothing has to be remembered: what was done is
 * in the account, and the next plan begins there. The one thing that an account does not show, a menu that no number leads to yet,
 * is created under a key of its own content, so that a second attempt finds the first one's menu.
 */
import { createHash } from 'node:crypto'
import type { Change } from './change.ts'
import { idOf, optionWire, overflowWire } from './targets.ts'
import type { Id, LineBody, MenuBody, NumberBody, QueueBody, VoiceAccount } from './voice-account.ts'
import type { Ids, LineState, MenuState, NumberState, QueueState } from './voice-state.ts'

/** Resolves with the changes that were made: all of them, unless one failed. Never rejects for what the account answers. */
export interface Outcome {
  readonly done: readonly Change[]
  /** `null`: everything was done. */
  readonly failed: { readonly change: Change; readonly cause: unknown } | null
}

/** `ids`: of what the account has. `onDone` is told of each change as it is made. */
export async function carryOut(
  changes: readonly Change[],
  ids: Ids,
  account: VoiceAccount,
  onDone: (change: Change) => void,
): Promise<Outcome> {
  const hand = new Hand(account, ids)
  const done: Change[] = []
  for (const change of changes) {
    try {
      await hand.make(change)
    } catch (cause) {
      return { done, failed: { change, cause } }
    }
    done.push(change)
    onDone(change)
  }
  return { done, failed: null }
}

/** Makes single changes, and knows the ids of what they created. */
class Hand {
  readonly #account: VoiceAccount
  readonly #lines: Map<string, Id>
  readonly #numbers: Map<string, Id>
  readonly #queues: Map<string, Id>
  readonly #menus: Map<string, Id>

  constructor(account: VoiceAccount, ids: Ids) {
    this.#account = account
    this.#lines = new Map(ids.lines)
    this.#numbers = new Map(ids.numbers)
    this.#queues = new Map(ids.queues)
    this.#menus = new Map(ids.menus)
  }

  async make(change: Change): Promise<void> {
    const { lines, numbers, queues, menus, ivr } = this.#account
    const { name } = change
    switch (change.kind) {
      case 'phone_line': {
        const body: Partial<LineBody> = lineBody(change.set)
        if (change.was === null) this.#lines.set(name, (await lines.create({ ...body, name })).id)
        else await lines.update(idOf(this.#lines, 'line', name), body)
        return
      }
      case 'phone_number': {
        const body = this.#numberBody(change.set)
        if (change.was === null) this.#numbers.set(name, (await numbers.create({ ...body, number: name })).id)
        else await numbers.update(idOf(this.#numbers, 'number', name), body)
        return
      }
      case 'queue': {
        const body = this.#queueBody(change.set)
        if (change.was !== null) await queues.update(idOf(this.#queues, 'queue', name), body)
        else this.#queues.set(name, (await queues.create({ ...body, name, members: change.members })).id)
        return
      }
      case 'ivr_menu': {
        const body = this.#menuBody(change.set)
        if (change.was === null) await this.#createMenu(name, { greeting: '', options: [], ...body, name })
        else await menus.update(idOf(this.#menus, 'menu', name), body)
        return
      }
      case 'ivr': {
        const { enabled, menu, queue } = { ...change.now, ...change.set }
        await ivr.set(idOf(this.#numbers, 'number', name), {
          enabled,
          menu_id: menu === null ? null : idOf(this.#menus, 'menu', menu),
          queue_id: queue === null ? null : idOf(this.#queues, 'queue', queue),
        })
        return
      }
      case 'member': {
        const queue = idOf(this.#queues, 'queue', name)
        if (change.action === 'add') await queues.addMember(queue, change.agent)
        else await queues.removeMember(queue, change.agent)
        return
      }
      case 'deletion':
        await this.#delete(change.of, name)
        return
      default:
        return change satisfies never
    }
  }

  /**
   * An earlier attempt may have made this menu and died before a number led to it; the same key finds it, as it is by now: hence the
   * update. A menu that the account already knows under another name is not that one.
   */
  async #createMenu(name: string, body: Partial<MenuBody> & Pick<MenuBody, 'greeting' | 'options'>): Promise<void> {
    const { menus } = this.#account
    const content = createHash('sha256').update(JSON.stringify(body)).digest('hex')
    const known = new Set([...this.#menus.values()].map(String))
    for (let attempt = 1; ; attempt += 1) {
      const { id } = await menus.create(body, `apply-menu-${content}-${attempt}`)
      if (known.has(String(id))) continue
      await menus.update(id, body)
      this.#menus.set(name, id)
      return
    }
  }

  async #delete(of: 'phone_number' | 'queue' | 'phone_line', name: string): Promise<void> {
    const { lines, numbers, queues } = this.#account
    switch (of) {
      case 'phone_number':
        return numbers.delete(idOf(this.#numbers, 'number', name))
      case 'queue':
        return queues.delete(idOf(this.#queues, 'queue', name))
      case 'phone_line':
        return lines.delete(idOf(this.#lines, 'line', name))
      default:
        return of satisfies never
    }
  }

  #numberBody({ line, ...same }: Partial<NumberState>): Partial<NumberBody> {
    if (line === undefined) return same
    return { ...same, phone_line_id: line === null ? null : idOf(this.#lines, 'line', line) }
  }

  #queueBody({ overflow, ...same }: Partial<QueueState>): Partial<QueueBody> {
    return overflow === undefined ? same : { ...same, ...overflowWire(overflow, this.#ids()) }
  }

  #menuBody({ options, ...same }: Partial<MenuState>): Partial<MenuBody> {
    if (options === undefined) return same
    const ids = this.#ids()
    return { ...same, options: options.map(({ digit, label, target }) => ({ digit, label, ...optionWire(target, ids) })) }
  }

  #ids(): Ids {
    return { lines: this.#lines, numbers: this.#numbers, queues: this.#queues, menus: this.#menus }
  }
}

const lineBody = (set: Partial<LineState>): Partial<LineBody> => set
