/** IVR menus: what a caller hears and where each key leads. A key leads to one place, and that place exists. */
import type { DatabaseSyncInstance } from '@photostructure/sqlite'
import { z } from 'zod'
import { type IvrMenu, type ivrMenuChangeSchema, ivrMenuSchema, type newIvrMenuSchema } from '../../../wire/ivr.ts'
import { invalidField, notFound } from '../../problem.ts'
import { References } from './references.ts'
import { merged, timeColumns, timesShown } from './rows.ts'

const rowSchema = z.object({ id: z.int(), menu: z.string(), ...timeColumns })
const menuSchema = ivrMenuSchema.omit({ id: true, created_at: true, updated_at: true })

type Menu = z.infer<typeof menuSchema>
type NewMenu = z.output<typeof newIvrMenuSchema>['ivr_menu']
type MenuChange = z.output<typeof ivrMenuChangeSchema>['ivr_menu']

export class IvrMenus {
  readonly #db: DatabaseSyncInstance
  readonly #references: References

  constructor(db: DatabaseSyncInstance) {
    this.#db = db
    this.#references = new References(db)
  }

  /** Throws a 404. */
  get(id: number): IvrMenu {
    const row = this.#db.prepare('SELECT * FROM ivr_menus WHERE id = ?').get(id)
    if (row === undefined) throw notFound('IVR menu')
    const { menu, ...times } = rowSchema.parse(row)
    return { id, ...menuSchema.parse(JSON.parse(menu)), ...timesShown(times) }
  }

  /** For use inside a transaction, like `change`. */
  create({ name = null, greeting, options, repeat_message = null, invalid_message = null }: NewMenu, now: number): IvrMenu {
    const menu = { name, greeting, options, repeat_message, invalid_message }
    this.#check(menu)
    const { lastInsertRowid } = this.#db
      .prepare('INSERT INTO ivr_menus (menu, created_at, updated_at) VALUES (?, ?, ?)')
      .run(JSON.stringify(menu), now, now)
    return this.get(Number(lastInsertRowid))
  }

  change(id: number, change: MenuChange, now: number): IvrMenu {
    const menu = menuSchema.parse(merged<Menu>(this.get(id), change))
    this.#check(menu)
    this.#db.prepare('UPDATE ivr_menus SET menu = ?, updated_at = ? WHERE id = ?').run(JSON.stringify(menu), now, id)
    return this.get(id)
  }

  #check({ options }: Menu): void {
    const seen = new Set<string>()
    for (const [index, { digit, action, target_id }] of options.entries()) {
      const field = (name: string) => `ivr_menu.options.${index}.${name}`
      if (seen.has(digit)) throw invalidField(field('digit'), `${digit} has an option already`)
      seen.add(digit)
      switch (action) {
        case 'transfer':
          this.#references.target(target_id, ['queue', 'agent', 'number'], field('target_id'))
          break
        case 'menu':
          this.#references.target(target_id, ['menu'], field('target_id'))
          break
        case 'voicemail':
          // A mailbox of the PBX, or the number's own: nothing here knows them.
          break
        case 'repeat':
        case 'hangup':
          if (target_id !== null) throw invalidField(field('target_id'), `must be null for ${action}`)
          break
        default:
          action satisfies never
      }
    }
  }
}
