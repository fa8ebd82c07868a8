/** Rows with named columns, gathered to calls: what a format adds is how one row reads. */
import type { Fault, Found, Place } from '../historic-call.ts'
import type { CallWindow } from './call-window.ts'
import type { NamedFields, NamedRecords } from './columns.ts'
import type { CsvRecord } from './csv-records.ts'
import type { RowMeaning } from './history-format.ts'

/** A part of the call `key`; `isLast`: no more rows of it will come. */
export interface CallPart<Part> {
  readonly key: string
  readonly part: Part
  readonly isLast?: boolean
}

/** `null`: the row says nothing of interest. */
export type ReadRow<Part> = (fields: NamedFields, record: CsvRecord) => CallPart<Part> | Fault | null

export class CallRows<Part> implements RowMeaning<CsvRecord> {
  readonly #records: NamedRecords
  readonly #window: CallWindow<Part>
  readonly #read: ReadRow<Part>

  constructor(records: NamedRecords, window: CallWindow<Part>, read: ReadRow<Part>) {
    this.#records = records
    this.#window = window
    this.#read = read
  }

  begin(): void {
    this.#records.begin()
  }

  take(record: CsvRecord, place: Place): readonly Found[] {
    const fields = this.#records.read(record)
    if (fields === 'header' || fields === 'nameless') return []
    const row = this.#read(fields, record)
    if (row === null) return []
    if ('reason' in row) return [{ kind: 'refusal', refusal: { ...row, ...place } }]
    const found = this.#window.add(row.key, row.part, place)
    return row.isLast === true ? [...found, ...this.#window.complete(row.key)] : found
  }

  end(): readonly Found[] {
    return this.#window.end()
  }
}
