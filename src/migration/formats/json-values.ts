/**
 * JSON values that follow each other: one a line, one a file, pretty-printed or not, or the elements of one array. A value that was
 * cut short (a crash, a full disk) is given up where the next one begins.
 */
import type { RowSplitter, SplitRow } from './history-format.ts'

/** A FreeSWITCH record with every variable is some 30 KiB. */
const longestValue = 1024 * 1024
/** After these a value may stand inside of another one. */
const beforeValue = new Set(['', '[', ',', ':', '{'])

export class JsonValues implements RowSplitter<unknown> {
  #text = ''
  #depth = 0
  #inString = false
  #escaped = false
  #last = ''
  #line = 1
  #beganAt = 1
  #skipping = false

  push(text: string): readonly SplitRow<unknown>[] {
    const rows: SplitRow<unknown>[] = []
    for (const character of text) this.#accept(character, rows)
    return rows
  }

  end(): readonly SplitRow<unknown>[] {
    const rows: SplitRow<unknown>[] = []
    if (this.#depth > 0) rows.push(this.#broken('the file ends inside of a JSON value'))
    this.#reset()
    return rows
  }

  #accept(character: string, rows: SplitRow<unknown>[]): void {
    if (character === '\n') {
      this.#line += 1
      if (this.#inString) this.#giveUp('a text has no closing quote', rows)
      if (this.#depth === 0) this.#skipping = false
      return
    }
    if (this.#depth === 0) {
      // Between values: blanks, commas and the brackets of an array; anything else is noise, once a line.
      if (character === '{') this.#begin()
      else if (!/[\s,[\]\uFEFF]/.test(character) && !this.#skipping) {
        this.#skipping = true
        rows.push({ kind: 'broken', line: this.#line, detail: 'there is text between JSON objects' })
      }
      return
    }
    if (!this.#inString && character === '{' && !beforeValue.has(this.#last)) {
      this.#giveUp('a JSON value is cut short', rows)
      this.#begin()
      return
    }
    this.#text += character
    if (this.#inString) {
      if (this.#escaped) this.#escaped = false
      else if (character === '\\') this.#escaped = true
      else if (character === '"') this.#inString = false
    } else if (character === '"') this.#inString = true
    else if (character === '{' || character === '[') this.#depth += 1
    else if (character === '}' || character === ']') this.#depth -= 1
    if (!/\s/.test(character)) this.#last = character
    if (this.#depth === 0) rows.push(this.#finish())
    else if (this.#text.length > longestValue) this.#giveUp(`a JSON value is longer than ${longestValue} characters`, rows)
  }

  #begin(): void {
    this.#text = '{'
    this.#depth = 1
    this.#last = '{'
    this.#beganAt = this.#line
  }

  #finish(): SplitRow<unknown> {
    const text = this.#text
    this.#reset()
    try {
      return { kind: 'row', line: this.#beganAt, value: JSON.parse(text) }
    } catch (error) {
      return this.#broken(error instanceof Error ? error.message.slice(0, 120) : String(error))
    }
  }

  #giveUp(detail: string, rows: SplitRow<unknown>[]): void {
    rows.push(this.#broken(detail))
    this.#reset()
    this.#skipping = true
  }

  #broken(detail: string): SplitRow<unknown> {
    return { kind: 'broken', line: this.#beganAt, detail }
  }

  #reset(): void {
    this.#text = ''
    this.#depth = 0
    this.#inString = false
    this.#escaped = false
    this.#last = ''
  }
}
