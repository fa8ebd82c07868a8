/** The formats that history can be read from, by the names that the command line knows them by. */
import { asteriskCdr } from './asterisk-cdr.ts'
import { asteriskCel } from './asterisk-cel.ts'
import { ciscoCdr, ciscoFileOrder } from './cisco-cdr.ts'
import { freeswitchJson } from './freeswitch-json.ts'
import type { HistoryReader } from './history-format.ts'
import type { WallClock } from './local-time.ts'
import { mappedCsv } from './mapped-csv.ts'
import type { Mapping } from './mapping-file.ts'
import { threeCx } from './three-cx.ts'

export const formatNames = ['asterisk-cdr', 'asterisk-cel', 'freeswitch-json', '3cx', 'cisco-cdr', 'csv'] as const
export type FormatName = (typeof formatNames)[number]

/** A format, and what it takes to read it. */
export type FormatChoice =
  | { readonly name: Exclude<FormatName, 'csv'>; readonly clock: WallClock }
  | { readonly name: 'csv'; readonly clock: WallClock; readonly mapping: Mapping }

export interface ChosenFormat {
  readonly reader: HistoryReader
  /** How the files' bytes become text (WHATWG Encoding); a byte order mark overrules it. */
  readonly encoding: string
  /** Files that have to be read before others come first; otherwise they are read as given. */
  readonly order: (a: string, b: string) => number
}

export function chosenFormat(choice: FormatChoice): ChosenFormat {
  const usual = { encoding: 'utf-8', order: () => 0 }
  switch (choice.name) {
    case 'asterisk-cdr':
      return { ...usual, reader: asteriskCdr(choice.clock) }
    case 'asterisk-cel':
      return { ...usual, reader: asteriskCel(choice.clock) }
    case 'freeswitch-json':
      return { ...usual, reader: freeswitchJson() }
    case '3cx':
      return { ...usual, reader: threeCx(choice.clock) }
    case 'cisco-cdr':
      return { ...usual, reader: ciscoCdr(), order: ciscoFileOrder }
    case 'csv':
      return { ...usual, reader: mappedCsv(choice.mapping, choice.clock), encoding: choice.mapping.encoding }
    default:
      throw new TypeError(`no such format: ${JSON.stringify(choice satisfies never)}`)
  }
}
