/** One extension that is watched: what its documents have told, and what follows from each for calls and for presence. */
import type { CallSignal } from '../../events/signal.ts'
import { parseUri } from '../message/uri.ts'
import { parseDialogInfo } from './dialog-info.ts'
import { signalsOf } from './dialog-signals.ts'
import { applyDocument, type DialogTable, emptyTable, resubscribed } from './dialog-table.ts'
import { type ExtensionPresence, presenceOf, samePresence } from './presence.ts'
import { withTagsOfRfc4235 } from './vendor-tags.ts'

export interface WatchedExtensionOptions {
  /** `sip:1001@192.0.2.10`. */
  readonly uri: string
  /** When the watching began, epoch ms. */
  readonly at: number
  readonly onSignal: (signal: CallSignal) => void
  /** Called at each change, not for each document. */
  readonly onPresence: (presence: ExtensionPresence) => void
}

/** What became of a document. `incomplete`: it is of use, but a full one is needed. */
export type Told =
  | { readonly kind: 'applied' }
  | { readonly kind: 'incomplete' }
  | { readonly kind: 'refused'; readonly reason: string }

export class WatchedExtension {
  readonly #options: WatchedExtensionOptions
  #table: DialogTable = emptyTable
  #presence: ExtensionPresence

  constructor(options: WatchedExtensionOptions) {
    this.#options = options
    const { uri, at } = options
    this.#presence = { extension: extensionIn(uri), uri, presence: 'unknown', held: false, remote: null, at }
  }

  get presence(): ExtensionPresence {
    return this.#presence
  }

  /** The body of a NOTIFY that came at `at` (epoch ms), and who wrote it (User-Agent). */
  told(body: string, at: number, userAgent = ''): Told {
    const parsed = parseDialogInfo(body)
    if (!parsed.ok) return { kind: 'refused', reason: parsed.reason }
    const { table, changes } = applyDocument(this.#table, withTagsOfRfc4235(parsed.info, userAgent))
    this.#table = table
    for (const change of changes) for (const signal of signalsOf(change, at)) this.#options.onSignal(signal)
    // Before the first full document of a subscription nothing is known for certain.
    if (table.version !== null) this.#become({ ...presenceOf(table.dialogs.values()), at })
    return { kind: table.incomplete ? 'incomplete' : 'applied' }
  }

  /** The subscription fell. The dialogs are remembered, so that those which end meanwhile are known to have ended. */
  lost(at: number): void {
    this.#table = resubscribed(this.#table)
    this.#become({ presence: 'unknown', held: false, remote: null, at })
  }

  #become(news: Pick<ExtensionPresence, 'presence' | 'held' | 'remote' | 'at'>): void {
    const next = { ...this.#presence, ...news }
    if (samePresence(this.#presence, next)) return
    this.#presence = next
    this.#options.onPresence(next)
  }
}

function extensionIn(uri: string): string {
  return parseUri(uri)?.user ?? uri
}
