/** Records whose first line names their columns. */
import type { CsvRecord } from './csv-records.ts'

/** The fields of a record by the names of their columns, which are compared without regard to case, blanks, `-` and `_`. */
export interface NamedFields {
  /** The text of a column, trimmed; '' when there is no such column, or nothing in it. The first name that exists counts. */
  get(...names: readonly string[]): string
}

/** Where each column stands, by its name as written and by its plain one. */
export type Columns = ReadonlyMap<string, number>

export function columnsOf(header: CsvRecord): Columns {
  const columns = new Map<string, number>()
  // Of two columns with one name the first counts.
  for (const [index, name] of header.entries()) {
    for (const spelling of [name.trim(), plain(name)]) if (!columns.has(spelling)) columns.set(spelling, index)
  }
  return columns
}

export function namedFields(columns: Columns, record: CsvRecord): NamedFields {
  return {
    get(...names) {
      for (const name of names) {
        const index = columns.get(name) ?? columns.get(plain(name))
        if (index !== undefined) return record[index]?.trim() ?? ''
      }
      return ''
    },
  }
}

/** Whether there is such a column. */
export function hasColumn(columns: Columns, name: string): boolean {
  return columns.has(plain(name))
}

function plain(name: string): string {
  return name.replace(/[\s\uFEFF_-]/g, '').toLowerCase()
}

/** Records of files whose first line may name the columns. */
export class NamedRecords {
  readonly #documented: Columns | null
  readonly #required: readonly string[]
  #columns: Columns | null = null
  #isFirst = true

  /** `documented`: the columns of a file without names. `required`: a first line that names all of these is a header. */
  constructor(documented: Columns | null, required: readonly string[]) {
    this.#documented = documented
    this.#required = required
  }

  begin(): void {
    this.#columns = this.#documented
    this.#isFirst = true
  }

  /** Whether the columns are those that the system's documentation names, not the file. */
  get areDocumented(): boolean {
    return this.#columns === this.#documented
  }

  /** The fields of a record; `header` for one that names them, `nameless` when nobody has. */
  read(record: CsvRecord): NamedFields | 'header' | 'nameless' {
    if (this.#isFirst) {
      this.#isFirst = false
      const named = columnsOf(record)
      if (this.#required.every(name => hasColumn(named, name))) {
        this.#columns = named
        return 'header'
      }
    }
    return this.#columns === null ? 'nameless' : namedFields(this.#columns, record)
  }
}
