import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type CsvDialect, CsvRecords } from '../../../src/migration/formats/csv-records.ts'

function split(text: string, sizes: readonly number[] = [], dialect: CsvDialect = { separator: ',' }) {
  const records = new CsvRecords(dialect)
  const rows = []
  let at = 0
  for (const size of sizes) {
    rows.push(...records.push(text.slice(at, at + size)))
    at += size
  }
  return [...rows, ...records.push(text.slice(at)), ...records.end()]
}

const values = (text: string, dialect?: CsvDialect) =>
  split(text, [], dialect).map(row => (row.kind === 'row' ? row.value : row.detail))

test('quotes, doubled quotes, empty fields and line breaks within quotes are read', () => {
  expect(values('a,"b ""c"" <1>",,"d\ne"\r\n')).toEqual([['a', 'b "c" <1>', '', 'd\ne']])
  expect(values('"x", "y"\n')).toEqual([['x', 'y']])
  expect(values('a;b\n', { separator: ';' })).toEqual([['a', 'b']])
})

test('a backslash escapes only where the dialect says so', () => {
  expect(values('"a\\"b"\n', { separator: ',', backslash: true })).toEqual([['a"b']])
  expect(values('"a\\",b\n')).toEqual([['a\\', 'b']])
})

test('blank lines are no records, and lines are counted through quoted line breaks', () => {
  expect(split('a\r\n\r\n"b\nb"\r\nc').map(row => row.line)).toEqual([1, 3, 5])
})

test('a quote that is never closed costs its own record, within bounds, and not the rest of the file', () => {
  const rows = split(`a,"b${'x'.repeat(70_000)}\nnext,row\n`)
  expect(rows.map(row => row.kind)).toEqual(['broken', 'row'])
  expect(values('a,"b')).toEqual(['the file ends inside of a quoted field'])
})

test('however the text is cut into pieces, the records are the same', () => {
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom('a', ',', '"', '\n', '\r', '\\', ' ', 'é')),
      fc.array(fc.nat({ max: 5 })),
      (text, sizes) => {
        expect(split(text.join(''), sizes)).toEqual(split(text.join('')))
      },
    ),
  )
})

test('what is written with quotes is read back as it was', () => {
  const record = fc
    .array(fc.string({ unit: 'grapheme' }), { minLength: 1, maxLength: 8 })
    .filter(fields => fields.some(field => field !== ''))
  fc.assert(
    fc.property(fc.array(record), records => {
      const text = records.map(fields => fields.map(field => `"${field.replaceAll('"', '""')}"`).join(',')).join('\r\n')
      expect(values(text)).toEqual(records)
    }),
  )
})
