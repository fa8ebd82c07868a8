import fc from 'fast-check'
import { expect, test } from 'vitest'
import { JsonValues } from '../../../src/migration/formats/json-values.ts'

function split(text: string, sizes: readonly number[] = []) {
  const values = new JsonValues()
  const rows = []
  let at = 0
  for (const size of sizes) {
    rows.push(...values.push(text.slice(at, at + size)))
    at += size
  }
  return [...rows, ...values.push(text.slice(at)), ...values.end()]
}

const object = fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 2 }))

test.each([
  ['one a line', (values: readonly object[]) => values.map(value => JSON.stringify(value)).join('\n')],
  ['pretty-printed', (values: readonly object[]) => values.map(value => JSON.stringify(value, null, 2)).join('\n')],
  ['without anything between them', (values: readonly object[]) => values.map(value => JSON.stringify(value)).join('')],
  ['in one array', (values: readonly object[]) => JSON.stringify(values)],
])('objects %s are read, in pieces of any size', (_, write) => {
  fc.assert(
    fc.property(fc.array(object), fc.array(fc.nat({ max: 9 })), (values, sizes) => {
      const read = split(write(values), sizes).map(row => (row.kind === 'row' ? row.value : row.detail))
      expect(read).toEqual(JSON.parse(JSON.stringify(values)))
    }),
  )
})

test('an object that was cut short is named, and costs nothing behind it', () => {
  const rows = split('{"a":1}\n{"b":{"c":"x"\n{"d":2}\n{"e":"cut\n{"f":3}\n')
  expect(rows.map(row => (row.kind === 'row' ? row.value : `line ${row.line}`))).toEqual([
    { a: 1 },
    'line 2',
    { d: 2 },
    'line 4',
    { f: 3 },
  ])
})

test('any text gives rows or broken ones, and never throws', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: fc.constantFrom('{', '}', '[', ']', '"', '\\', ',', ':', '1', '\n', 'x') }),
      text => void split(text),
    ),
  )
})

test('an object larger than any record is given up, and the next one is read', () => {
  const rows = split(`{"a":"${'x'.repeat(1_100_000)}"}\n{"b":1}\n`)
  expect(rows.map(row => row.kind)).toEqual(['broken', 'row'])
})
