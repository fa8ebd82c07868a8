import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  appendHeader,
  firstValue,
  hasHeader,
  headerValue,
  headerValues,
  prependHeader,
  removeFirstValue,
  replaceFirstValue,
  splitValues,
} from '../../../src/sip/message/headers.ts'
import type { SipRequest } from '../../../src/sip/message/message.ts'

const request: SipRequest = {
  kind: 'request',
  method: 'BYE',
  uri: 'sip:b@example.com',
  headers: [
    { name: 'VIA', value: 'a, b' },
    { name: 'To', value: '<sip:b@example.com>' },
    { name: 'via', value: 'c' },
  ],
  body: Buffer.alloc(0),
}
const listOf = (message: SipRequest) => message.headers.map(({ name, value }) => `${name}: ${value}`)

describe('splitting a value', () => {
  test.each([
    ['a', ['a']],
    ['', []],
    ['a , b,,c,', ['a', 'b', 'c']],
    ['"a, b" <sip:x>, <sip:y;p=1,2>;q="1,2"', ['"a, b" <sip:x>', '<sip:y;p=1,2>;q="1,2"']],
    ['"a\\", b" <sip:x>, c', ['"a\\", b" <sip:x>', 'c']],
    ['"never closed, x', ['"never closed, x']],
  ])('%s', (value, parts) => expect(splitValues(value)).toEqual(parts))

  test('no text makes it throw, and no part holds nothing', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...',"\\<> a;='.split('')), maxLength: 40 }), text => {
        for (const part of splitValues(text)) expect(part.trim()).not.toBe('')
      }),
    )
  })
})

test('names are found whatever their case', () => {
  expect(headerValue(request, 'Via')).toBe('a, b')
  expect(headerValues(request, 'vIA')).toEqual(['a', 'b', 'c'])
  expect(firstValue(request, 'Via')).toBe('a')
  expect(firstValue(request, 'Route')).toBeNull()
  expect(hasHeader(request, 'TO')).toBe(true)
  expect(headerValue(request, 'From')).toBeNull()
})

test('a change leaves the message it was made from alone', () => {
  const before = structuredClone(listOf(request))
  removeFirstValue(request, 'Via')
  prependHeader(request, 'Via', 'x')
  expect(listOf(request)).toEqual(before)
})

test.each<[what: string, changed: SipRequest, expected: string[]]>([
  [
    'prepending goes above its kin',
    prependHeader(request, 'To', 'x'),
    ['VIA: a, b', 'To: x', 'To: <sip:b@example.com>', 'via: c'],
  ],
  ['prepending what was not there goes on top', prependHeader(request, 'Route', 'r'), ['Route: r', ...listOf(request)]],
  ['appending goes last', appendHeader(request, 'Via', 'd'), [...listOf(request), 'Via: d']],
  [
    'replacing the first value keeps its neighbours',
    replaceFirstValue(request, 'Via', 'x'),
    ['VIA: x, b', ...listOf(request).slice(1)],
  ],
  ['removing the first value keeps its neighbours', removeFirstValue(request, 'Via'), ['VIA: b', ...listOf(request).slice(1)]],
  ['removing the only value removes the field', removeFirstValue(request, 'To'), ['VIA: a, b', 'via: c']],
  ['removing a value that is not there does nothing', removeFirstValue(request, 'Route'), listOf(request)],
])('%s', (_, changed, expected) => expect(listOf(changed)).toEqual(expected))
