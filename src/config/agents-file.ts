/**
 * The table of agents: CSV (RFC 4180) with a header line, `extension,zendesk_id,name` in any order. Spreadsheets' semicolons are
 * understood, empty lines and lines that begin with # are skipped. Total; what the cells may hold is the schema's business.
 */
import type { Complaint } from './problems.ts'

export interface Cell {
  readonly text: string
  readonly line: number
  readonly column: number
}

export interface AgentRow {
  readonly line: number
  /** By column name. */
  readonly cells: ReadonlyMap<string, Cell>
}

export interface TableProblem extends Complaint {
  readonly line: number
  readonly column: number
}

export interface AgentTable {
  readonly rows: readonly AgentRow[]
  readonly problems: readonly TableProblem[]
}

const columns = ['extension', 'zendesk_id', 'name']

export function parseAgentTable(text: string): AgentTable {
  const separator = /^[^\r\n,]*;/m.test(text) && !/^[^\r\n]*,/.test(text) ? ';' : ','
  const problems: TableProblem[] = []
  const records = splitRecords(text, separator, problems)
  const [header, ...rest] = records
  const names = header?.map(cell => cell.text.toLowerCase()) ?? []
  const missing = columns.filter(column => !names.includes(column))
  if (header === undefined || missing.length > 0) {
    const fix = `begin the file with the line ${columns.join(',')}`
    return {
      rows: [],
      problems: [{ line: header?.[0]?.line ?? 1, column: 1, reason: `has no column ${missing.join(', ')}`, fix }],
    }
  }
  const rows = rest.flatMap((record): AgentRow[] => {
    const line = record[0]?.line ?? 1
    if (record.length === names.length)
      return [{ line, cells: new Map(names.map((name, i) => [name, record[i] ?? emptyCell(line)])) }]
    problems.push({
      line,
      column: 1,
      reason: `has ${record.length} values, the header has ${names.length}`,
      fix: 'give every column a value; put a name that holds the separator in quotes',
    })
    return []
  })
  return { rows, problems }
}

function emptyCell(line: number): Cell {
  return { text: '', line, column: 1 }
}

/** The records of a CSV text; a quoted cell may span lines. */
function splitRecords(text: string, separator: string, problems: TableProblem[]): Cell[][] {
  const records: Cell[][] = []
  let record: Cell[] = []
  let at = 0
  let line = 1
  let lineStart = 0
  const endRecord = (): void => {
    const [first] = record
    const blank = record.length === 1 && first?.text === ''
    if (!blank && first?.text.startsWith('#') !== true) records.push(record)
    record = []
  }
  while (at <= text.length) {
    const start = { line, column: at - lineStart + 1 }
    if (text[at] === '"') {
      const end = closingQuote(text, at)
      if (end === null) {
        problems.push({
          ...start,
          reason: 'a quote is not closed',
          fix: 'add the closing "; a quote within a cell is written ""',
        })
        return records
      }
      const quoted = text.slice(at + 1, end)
      record.push({ text: quoted.replaceAll('""', '"').trim(), ...start })
      for (const { index } of quoted.matchAll(/\n/g)) {
        line += 1
        lineStart = at + 2 + index
      }
      at = end + 1
      while (text[at] === ' ' || text[at] === '\r') at += 1
      if (at < text.length && text[at] !== separator && text[at] !== '\n') {
        problems.push({
          line,
          column: at - lineStart + 1,
          reason: 'text follows a closing quote',
          fix: 'a quote within a cell is written ""',
        })
        while (at < text.length && text[at] !== separator && text[at] !== '\n') at += 1
      }
    } else {
      let end = at
      while (end < text.length && text[end] !== separator && text[end] !== '\n') end += 1
      record.push({ text: text.slice(at, end).trim(), ...start })
      at = end
    }
    if (text[at] !== separator) {
      endRecord()
      line += 1
      lineStart = at + 1
    }
    at += 1
  }
  return records
}

function closingQuote(text: string, open: number): number | null {
  let at = text.indexOf('"', open + 1)
  while (at >= 0 && text[at + 1] === '"') at = text.indexOf('"', at + 2)
  return at < 0 ? null : at
}
