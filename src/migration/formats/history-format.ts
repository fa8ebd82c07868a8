/** How a format is read: text comes in pieces of any size, rows and then calls come out. Pure; files are read elsewhere. */
import type { Found, Place } from '../historic-call.ts'

/** What pieces of text gave: how many rows, and what they mean. */
export interface ReadStep {
  readonly rows: number
  readonly found: readonly Found[]
}

/** Reads the files of one import, one after the other. */
export interface HistoryReader {
  /** A file begins. */
  open(file: string): void
  push(text: string): ReadStep
  /** The file ended. */
  close(): ReadStep
  /** No file follows: calls that waited for more rows come out. */
  end(): ReadStep
}

export type SplitRow<Value> =
  | { readonly kind: 'row'; readonly line: number; readonly value: Value }
  /** No row could be made of it; reading goes on behind it. */
  | { readonly kind: 'broken'; readonly line: number; readonly detail: string }

/** Cuts text into rows. Total: any text gives rows or broken ones, within bounded memory. */
export interface RowSplitter<Value> {
  push(text: string): readonly SplitRow<Value>[]
  end(): readonly SplitRow<Value>[]
}

/** What the rows of a format mean. */
export interface RowMeaning<Value> {
  /** A file begins: what was known of its columns is forgotten. */
  begin(): void
  take(value: Value, place: Place): readonly Found[]
  end(): readonly Found[]
}

/** A reader of a splitter's rows. */
export class SplitReader<Value> implements HistoryReader {
  readonly #split: () => RowSplitter<Value>
  readonly #meaning: RowMeaning<Value>
  #file = ''
  #splitter: RowSplitter<Value>

  constructor(split: () => RowSplitter<Value>, meaning: RowMeaning<Value>) {
    this.#split = split
    this.#meaning = meaning
    this.#splitter = split()
  }

  open(file: string): void {
    this.#file = file
    this.#splitter = this.#split()
    this.#meaning.begin()
  }

  push(text: string): ReadStep {
    return this.#take(this.#splitter.push(text))
  }

  close(): ReadStep {
    return this.#take(this.#splitter.end())
  }

  end(): ReadStep {
    return { rows: 0, found: this.#meaning.end() }
  }

  #take(rows: readonly SplitRow<Value>[]): ReadStep {
    const found = rows.flatMap(row => {
      const place = { file: this.#file, line: row.line }
      return row.kind === 'row' ? this.#meaning.take(row.value, place) : [brokenRow(place, row.detail)]
    })
    return { rows: rows.length, found }
  }
}

function brokenRow(place: Place, detail: string): Found {
  const fix = 'look at the file there: is it of the format that was named, and whole?'
  return { kind: 'refusal', refusal: { ...place, reason: 'the row cannot be read', detail, fix } }
}
