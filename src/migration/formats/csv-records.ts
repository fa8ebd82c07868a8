/**
 * Comma-separated values as PBXs write them (RFC 4180, and what deviates from it in practice): any separator, LF or CRLF, quotes
 * doubled or escaped with a backslash, quoted fields with line breaks. Blank lines are no records.
 */
import type { RowSplitter, SplitRow } from './history-format.ts'

export type CsvRecord = readonly string[]

export interface CsvDialect {
  readonly separator: string
  /** Whether a backslash takes the special meaning of the character behind it; else it is a character like any other. */
  readonly backslash?: boolean
}

/** No record of a call is longer; what is longer is a quote that was never closed. */
const longestRecord = 64 * 1024
const mostFields = 512

type State = 'start' | 'plain' | 'quoted' | 'quote-in-quoted' | 'skipping'

export class CsvRecords implements RowSplitter<CsvRecord> {
  readonly #separator: string
  readonly #backslash: boolean
  #state: State = 'start'
  #escaped = false
  #field = ''
  #fields: string[] = []
  #size = 0
  #line = 1
  #beganAt = 1
  #sawReturn = false

  constructor({ separator, backslash = false }: CsvDialect) {
    this.#separator = separator
    this.#backslash = backslash
  }

  push(text: string): readonly SplitRow<CsvRecord>[] {
    const rows: SplitRow<CsvRecord>[] = []
    for (const character of text) this.#accept(character, rows)
    return rows
  }

  end(): readonly SplitRow<CsvRecord>[] {
    const rows: SplitRow<CsvRecord>[] = []
    if (this.#state === 'quoted') rows.push(this.#broken('the file ends inside of a quoted field'))
    else this.#endRecord(rows)
    this.#reset()
    return rows
  }

  #accept(character: string, rows: SplitRow<CsvRecord>[]): void {
    const isBreak = character === '\n' || character === '\r'
    // CRLF is one line break.
    const isSecondHalf = character === '\n' && this.#sawReturn
    this.#sawReturn = character === '\r'
    if (this.#state === 'quoted') {
      this.#size += 1
      if (isBreak && !isSecondHalf) this.#line += 1
      if (this.#escaped || (character !== '"' && !(this.#backslash && character === '\\'))) {
        this.#field += character
        this.#escaped = false
      } else if (character === '"') this.#state = 'quote-in-quoted'
      else this.#escaped = true
    } else if (isBreak) {
      if (isSecondHalf) {
        this.#beganAt = this.#line
        return
      }
      if (this.#state === 'skipping') this.#reset()
      else this.#endRecord(rows)
      this.#line += 1
      this.#beganAt = this.#line
      return
    } else if (this.#state === 'skipping') return
    else this.#acceptInLine(character)
    if (this.#size > longestRecord || this.#fields.length > mostFields) {
      const what = this.#size > longestRecord ? `longer than ${longestRecord} characters` : `more than ${mostFields} fields`
      rows.push(this.#broken(`the record has ${what}; a quote that is never closed?`))
      this.#reset()
      this.#state = 'skipping'
    }
  }

  #acceptInLine(character: string): void {
    this.#size += 1
    if (this.#state === 'quote-in-quoted' && character === '"') {
      this.#field += '"'
      this.#state = 'quoted'
    } else if (character === this.#separator) {
      this.#fields.push(this.#field)
      this.#field = ''
      this.#state = 'start'
    } else if (this.#state === 'start' && character === '"') this.#state = 'quoted'
    // Blanks before an opening quote, as some exports have them.
    else if (this.#state === 'start' && character === ' ' && this.#separator !== ' ') return
    else {
      this.#field += character
      this.#state = 'plain'
    }
  }

  #endRecord(rows: SplitRow<CsvRecord>[]): void {
    const isBlank = this.#fields.length === 0 && this.#field.trim() === '' && this.#state !== 'quote-in-quoted'
    if (!isBlank) rows.push({ kind: 'row', line: this.#beganAt, value: [...this.#fields, this.#field] })
    this.#reset()
  }

  #broken(detail: string): SplitRow<CsvRecord> {
    return { kind: 'broken', line: this.#beganAt, detail }
  }

  #reset(): void {
    this.#state = 'start'
    this.#escaped = false
    this.#field = ''
    this.#fields = []
    this.#size = 0
  }
}
