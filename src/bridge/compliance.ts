/**
 * What a person may have done about recordings for the law's sake: have them erased, or hold them. For the command line and the admin API
 * alike; the store does it, and for a hold the archive's marker besides, so that whoever else looks after the archive sees it.
 */
import type { Archive } from '../archive/archive.ts'
import { numberForms } from '../events/number-forms.ts'
import type { NumberPlan } from '../events/numbers.ts'
import { maskNumber } from '../log.ts'
import type { About, FoundItem } from '../uploads/store/about.ts'
import type { ErasureOrder } from '../uploads/store/erasures.ts'
import type { HoldOrder } from '../uploads/store/holds.ts'
import type { Store } from '../uploads/store/store.ts'

/** Who or what it is about, as somebody typed it. */
export type Target =
  | { readonly kind: 'number'; readonly number: string }
  /** The bridge's id of a call, or its SIP Call-ID. */
  | { readonly kind: 'call'; readonly id: string }
  | { readonly kind: 'item'; readonly id: string }

export interface ComplianceOptions {
  readonly store: Pick<Store, 'erasures' | 'holds' | 'items'>
  /** `null`: none is configured. */
  readonly archive: Pick<Archive, 'hold' | 'release' | 'keyOf'> | null
  readonly numbers: NumberPlan
}

/** In one transaction: few enough that a bridge beside it is not kept waiting. */
const atOnce = 200

export class Compliance {
  readonly #options: ComplianceOptions

  constructor(options: ComplianceOptions) {
    this.#options = options
  }

  /** Who or what is meant. */
  async about(target: Target): Promise<About> {
    switch (target.kind) {
      case 'number': {
        const forms = numberForms(target.number, this.#options.numbers)
        return { kind: 'number', forms, shown: maskNumber(forms[0] ?? '') }
      }
      case 'call':
        return { kind: 'call', id: (await this.#options.store.items.callByKey(`sip:${target.id}`)) ?? target.id }
      case 'item':
        return target
      default:
        throw new TypeError(`nothing is meant by ${JSON.stringify(target satisfies never)}`)
    }
  }

  /** All that is meant, oldest first, page by page. */
  async *find(about: About): AsyncGenerator<readonly FoundItem[]> {
    let after = 0
    for (;;) {
      const page = await this.#options.store.erasures.find(about, { limit: atOnce, after })
      if (page.length > 0) yield page
      if (page.length < atOnce) return
      after = page.at(-1)?.seq ?? after
    }
  }

  /** Asks for the erasure of all that may be erased, and is not to be yet, step by step: each step is stored when it is answered. */
  async *erase(about: About, order: ErasureOrder): AsyncGenerator<readonly FoundItem[]> {
    yield* this.#byAndBy(() => this.#options.store.erasures.ask(about, order, atOnce))
  }

  /** Holds all that is not held yet, step by step. Rejects with an ArchiveError when a marker cannot be put: repeat it then. */
  async *hold(about: About, order: HoldOrder, signal: AbortSignal): AsyncGenerator<readonly FoundItem[]> {
    yield* this.#byAndBy(() => this.#options.store.holds.hold(about, order, atOnce))
    const { archive } = this.#options
    if (archive === null) return
    // Also of those that were held before: a marker that could not be put then is put now. And of those that are not archived yet: the
    // marker waits for them where they will come to lie.
    for await (const page of this.find(about)) {
      for (const item of page)
        if (item.hold !== null) await archive.hold(item.archiveKey ?? archive.keyOf(item), item.hold, signal)
    }
  }

  /** Releases all that is held, step by step; the markers first, so that what could not be released stays held. */
  async *release(about: About, order: HoldOrder, signal: AbortSignal): AsyncGenerator<readonly FoundItem[]> {
    const { archive, store } = this.#options
    if (archive !== null) {
      for await (const page of this.find(about)) {
        for (const item of page) if (item.hold !== null) await archive.release(item.archiveKey ?? archive.keyOf(item), signal)
      }
    }
    yield* this.#byAndBy(() => store.holds.release(about, order, atOnce))
  }

  async *#byAndBy(step: () => Promise<readonly FoundItem[]>): AsyncGenerator<readonly FoundItem[]> {
    for (;;) {
      const done = await step()
      if (done.length === 0) return
      yield done
    }
  }
}
