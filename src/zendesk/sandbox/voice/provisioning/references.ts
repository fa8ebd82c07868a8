/** What one provisioned thing may say of another: it must be there. */
import type { DatabaseSyncInstance } from '@photostructure/sqlite'
import type { Id } from '../../../wire/page.ts'
import { e164Schema, invalidPhoneNumber } from '../../../wire/words.ts'
import { invalidField, Problem } from '../../problem.ts'

/** Tables, by what their rows are called. */
const tables = { 'phone line': 'phone_lines', queue: 'queues', menu: 'ivr_menus' } as const
type Thing = keyof typeof tables

export class References {
  readonly #db: DatabaseSyncInstance

  constructor(db: DatabaseSyncInstance) {
    this.#db = db
  }

  /** The id as the table has it; throws a 422 about `field` when there is no such thing. */
  existing(thing: Thing, id: Id, field: string): number {
    const number = typeof id === 'number' ? id : /^[1-9]\d{0,14}$/.test(id) ? Number(id) : 0
    if (this.#db.prepare(`SELECT 1 FROM ${tables[thing]} WHERE id = ?`).get(number) === undefined) {
      throw invalidField(field, `there is no ${thing} ${id}`)
    }
    return number
  }

  /** Holds a target such as `queue-1` against `kinds`; throws a 422 about `field`. Agents are Zendesk's: any id may be one. */
  target(target: string | null, kinds: readonly ('queue' | 'agent' | 'menu' | 'number')[], field: string): void {
    const [, kind = '', id = ''] = /^(queue|agent|menu)-([1-9]\d{0,14})$/.exec(target ?? '') ?? []
    const allowed = kinds.find(each => each === kind)
    if (allowed === 'agent') return
    if (allowed === 'queue' || allowed === 'menu') {
      this.existing(allowed, id, field)
      return
    }
    if (kinds.includes('number') && target?.startsWith('+') === true) {
      if (e164Schema.safeParse(target).success) return
      throw new Problem(422, { ...invalidPhoneNumber, details: { [field]: [invalidPhoneNumber.description] } })
    }
    const examples = { queue: 'queue-1', agent: 'agent-35436', menu: 'menu-2', number: '+14155550100' } as const
    throw invalidField(field, `must be such as ${kinds.map(each => examples[each]).join(' or ')}`)
  }
}
