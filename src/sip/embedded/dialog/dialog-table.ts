/** All live dialogs of all applications, found by the network's names (Call-ID and our tag) or by the control protocol's id. */
import type { ControlSession } from '../control/session.ts'
import type { Dialog } from './dialog.ts'

export class DialogTable {
  readonly #limit: number
  readonly #byId = new Map<string, Dialog>()
  readonly #byTag = new Map<string, Dialog>()

  constructor(limit: number) {
    this.#limit = limit
  }

  get size(): number {
    return this.#byId.size
  }

  get full(): boolean {
    return this.#byId.size >= this.#limit
  }

  /** `false` when the id is taken (a call that came back to its own caller) or the table is full. */
  add(dialog: Dialog): boolean {
    if (this.full || this.#byId.has(dialog.id)) return false
    this.#byId.set(dialog.id, dialog)
    this.#byTag.set(key(dialog.callId, dialog.localTag), dialog)
    return true
  }

  /** Ends a dialog; harmless when it is gone already. */
  end(dialog: Dialog): void {
    dialog.state = 'ended'
    dialog.onAcknowledged?.()
    dialog.stopSessionTimer?.()
    if (this.#byId.get(dialog.id) !== dialog) return
    this.#byId.delete(dialog.id)
    this.#byTag.delete(key(dialog.callId, dialog.localTag))
  }

  byId(id: string): Dialog | null {
    return this.#byId.get(id) ?? null
  }

  /** The dialog that a message from the network belongs to. */
  find(callId: string, localTag: string): Dialog | null {
    return this.#byTag.get(key(callId, localTag)) ?? null
  }

  ofSession(session: ControlSession): readonly Dialog[] {
    return [...this.#byId.values()].filter(dialog => dialog.session === session)
  }

  clear(): void {
    for (const dialog of [...this.#byId.values()]) this.end(dialog)
  }
}

function key(callId: string, tag: string): string {
  return `${callId}\n${tag}`
}
