import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { CallParty } from '../../src/events/event.ts'
import { direction, numberPlan } from '../../src/events/numbers.ts'
import { office, wire } from './office.ts'

const plans = new Map(
  ['US', 'GB', 'DE', 'FR', 'IT', 'AU', 'CH', 'JP', 'BR', 'IN'].map(country => [
    country,
    numberPlan({ country, internal: [/^[1-9]\d{2,3}$/] }),
  ]),
)

function inCountry(country: string, user: string) {
  const plan = plans.get(country)
  if (plan === undefined) throw new Error(`no plan for ${country}`)
  return plan.normalise(wire(user))
}

describe('real numbers become E.164', () => {
  test.each([
    ['US', '+14155550100', '+14155550100'],
    ['US', '4155550100', '+14155550100'],
    ['US', '14155550100', '+14155550100'],
    ['US', '(415) 555-0100', '+14155550100'],
    ['US', '+1-415-555-0100', '+14155550100'],
    ['US', '415.555.0100', '+14155550100'],
    ['US', '011442079460000', '+442079460000'],
    ['US', '00442079460000', '+442079460000'],
    ['US', '442079460000', '+442079460000'],
    ['US', '5550100;phone-context=+1415', '+14155550100'],
    ['US', '+14155550100;npdi;rn=+14155550199', '+14155550100'],
    ['US', '4155550100;phone-context=example.com', '+14155550100'],
    ['GB', '02079460000', '+442079460000'],
    ['GB', '442079460000', '+442079460000'],
    ['GB', '0014155550100', '+14155550100'],
    ['GB', '01114155550100', '+14155550100'],
    ['GB', '+44(0)2079460000', '+442079460000'],
    ['DE', '030 123456', '+4930123456'],
    ['DE', '00442079460000', '+442079460000'],
    ['DE', '0151-23456789', '+4915123456789'],
    ['FR', '0142685300', '+33142685300'],
    ['FR', '33142685300', '+33142685300'],
    ['IT', '066982', '+39066982'],
    ['AU', '0412 345 678', '+61412345678'],
    ['AU', '001114155550100', '+14155550100'],
    ['CH', '0446681800', '+41446681800'],
    ['JP', '0312345678', '+81312345678'],
    ['JP', '01014155550100', '+14155550100'],
    ['BR', '11987654321', '+5511987654321'],
    ['IN', '09876543210', '+919876543210'],
    ['US', '+99912345678', '+99912345678'], // not assigned, but E.164 in form: the wire is taken at its word
  ])('%s: %s is %s', (country, user, value) => {
    expect(inCountry(country, user)).toEqual({ kind: 'e164', value, display: null })
  })
})

describe('what is no real number stays as it is', () => {
  test.each([
    ['US', '1001', 'extension'],
    ['US', '911', 'extension'],
    ['US', 'alice', 'other'],
    ['US', '*97', 'other'],
    ['US', '5550100', 'other'],
    ['US', '+1', 'other'],
    ['US', '+1415555010012345678', 'other'],
    ['DE', '0', 'other'],
    ['US', '00', 'other'],
    ['US', '9w14155550100', 'other'],
    ['US', '123456789012345678901234567890', 'other'],
  ])('%s: %s is of kind %s', (country, user, kind) => {
    expect(inCountry(country, user)).toEqual({ kind, value: user, display: null })
  })

  test.each(['anonymous', 'Anonymous', '', '  '])('%j is anonymous', user => {
    expect(inCountry('US', user)).toEqual({ kind: 'anonymous', value: 'anonymous', display: null })
  })

  test('a caller who asks for privacy stays anonymous, name and all', () => {
    expect(office.numbers.normalise({ user: '4155550100', display: 'Carol', anonymous: true })).toEqual({
      kind: 'anonymous',
      value: 'anonymous',
      display: null,
    })
  })

  test('an extension that asks for privacy is known to its own office', () => {
    expect(office.numbers.normalise({ user: '1001', display: 'Alice', anonymous: true })).toEqual({
      kind: 'extension',
      value: '1001',
      display: 'Alice',
    })
  })

  test('a name that is asked for twice, with another display, keeps each display', () => {
    expect(office.numbers.normalise(wire('4155550100', 'Carol')).display).toBe('Carol')
    expect(office.numbers.normalise(wire('4155550100')).display).toBeNull()
  })
})

test('a global pattern matches the second call as it matched the first', () => {
  const plan = numberPlan({ country: 'US', internal: [/^2\d{3}$/g] })
  expect(['2001', '2002', '2003', '2004'].map(user => plan.normalise(wire(user)).kind)).toEqual(Array(4).fill('extension'))
})

test('an unknown country is an error that says what to write', () => {
  expect(() => numberPlan({ country: 'usa', internal: [] })).toThrow(/numbers\.country: "usa".*US, GB or DE/)
})

test('whatever the wire says is normalised without an error, and E.164 has the form of E.164', () => {
  const user = fc.oneof(
    fc.uint8Array({ maxLength: 300 }).map(bytes => Buffer.from(bytes).toString('utf8')),
    fc.string({ unit: fc.constantFrom(...'0123456789+-.() ;=pw*#'), maxLength: 40 }),
  )
  fc.assert(
    fc.property(user, fc.boolean(), (text, anonymous) => {
      const { kind, value } = office.numbers.normalise({ user: text, display: null, anonymous })
      if (kind === 'e164') expect(value).toMatch(/^\+[1-9]\d{6,14}$/)
      expect(value.length).toBeLessThanOrEqual(128)
    }),
    { numRuns: 1000 },
  )
})

describe('direction', () => {
  const inside: CallParty = { kind: 'extension', value: '1001', display: null }
  const outside: CallParty = { kind: 'e164', value: '+14155550100', display: null }
  const hidden: CallParty = { kind: 'anonymous', value: 'anonymous', display: null }
  test.each([
    [inside, inside, null, 'internal'],
    [inside, outside, 'carrier', 'outbound'],
    [outside, inside, 'pbx', 'inbound'],
    [hidden, inside, null, 'inbound'],
    [outside, outside, 'carrier', 'inbound'],
    [outside, outside, 'pbx', 'outbound'],
    [hidden, outside, 'pbx', 'outbound'],
    [outside, outside, null, 'inbound'],
  ] as const)('%o to %o, caller on side %s: %s', (from, to, side, expected) => {
    expect(direction(from, to, side)).toBe(expected)
  })
})
