import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { child, childrenNamed, parseXml, readXml, xmlLimits } from '../../src/sip/xml.ts'
import { cpuMs } from './sdp/cpu-time.ts'

const rootOf = (text: string) => {
  const result = parseXml(text)
  if (!result.ok) throw new Error(result.reason)
  return result.root
}
const reasonOf = (text: string): string => {
  const result = parseXml(text)
  return result.ok ? 'accepted' : result.reason
}

describe('a document', () => {
  test('gives its elements by their local names, with attributes and text, whatever their prefixes mean', () => {
    const root = rootOf(
      '\r\n<?xml version="1.0"?><a:r xmlns:a="x" n="1" p:n="2">\n t <a:c/><![CDATA[<u>]]><c>&lt;&#65;</c></a:r>\0',
    )
    expect([root.prefix, root.name, root.text]).toEqual(['a', 'r', 't <u>'])
    expect([...root.attributes]).toEqual([
      ['n', '1'],
      ['p:n', '2'],
    ])
    expect(child(root, 'c')?.prefix).toBe('a')
    expect(childrenNamed(root, 'c').map(({ text }) => text)).toEqual(['', '<A'])
  })

  test.each([
    ['is not well formed', '<a><b></a>', /unexpected close tag|unmatched/i],
    ['breaks off', '<a><b/>', /unclosed/],
    ['has a document type', '<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>', /document type/],
    ['names an entity of its own', '<a>&x;</a>', /entity/],
    ['is too deep', '<a>'.repeat(xmlLimits.depth + 1), /elements deep/],
    ['has too many elements', `<a>${'<b/>'.repeat(xmlLimits.elements)}</a>`, /elements/],
    [
      'has too many attributes',
      `<a ${Array.from({ length: xmlLimits.attributes + 1 }, (_, i) => `b${i}=""`).join(' ')}/>`,
      /attributes/,
    ],
    ['is too long', ' '.repeat(xmlLimits.characters + 1), /characters/],
    ['is empty', '', /element|document must contain/],
  ])('that %s is refused', (_, text, reason) => {
    expect(reasonOf(text)).toMatch(reason)
  })
})

describe('a faulty document', () => {
  test('is read around its faults, as many as are tolerated, and says the first', () => {
    const text = '<a><b>x & y</b><c>z</c></a>'
    const { root, fault } = readXml(text, 4)
    expect(root?.children.map(({ name, text: own }) => [name, own])).toEqual([
      ['b', 'x & y'],
      ['c', 'z'],
    ])
    expect(fault).toMatch(/^\d+:\d+: /)
    expect(readXml(text, 0).root?.children.map(({ name }) => name)).toEqual(['b'])
  })

  test('is read up to where a limit is reached', () => {
    const { root, fault } = readXml(`<a><b/>${'<c>'.repeat(40)}`, 100)
    expect(root?.children.map(({ name }) => name)).toEqual(['b', 'c'])
    expect(fault).toMatch(/elements deep/)
  })
})

test.each([
  ['runs of blanks', `<a>${' '.repeat(200_000)}b</a>`],
  ['bare ampersands', `<a>${'& '.repeat(50_000)}</a>`],
])('%s take no time', (_, text) => {
  expect(cpuMs(() => readXml(text, 8))).toBeLessThan(100)
})

test('no text makes it throw', () => {
  const piece = fc.oneof(
    fc.constantFrom('<a>', '</a>', '<a b="', '"/>', '<!--', '<![CDATA[', '&', ';', '<!DOCTYPE', '\0'),
    fc.string(),
  )
  fc.assert(
    fc.property(fc.array(piece), fc.nat(3), (pieces, tolerated) => void readXml(pieces.join(''), tolerated)),
    { numRuns: 200 },
  )
})
