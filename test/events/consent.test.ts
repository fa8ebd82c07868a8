import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isChoice, laterChoice, saidIn } from '../../src/events/choice.ts'
import {
  type ConsentPolicy,
  type ConsentRules,
  consentOf,
  consentPolicies,
  type Parties,
  partiesNamed,
  partiesOf,
  rulingFor,
} from '../../src/events/consent.ts'
import type { CallParty } from '../../src/events/event.ts'
import { lastOf, play, script } from './office.ts'

const party = (value: string): CallParty => ({
  kind: value === 'anonymous' ? 'anonymous' : value.startsWith('+') ? 'e164' : 'extension',
  value,
  display: null,
})
const rule = (policy: ConsentPolicy, number: RegExp | null, line: RegExp | null = null) => ({ policy, number, line })
const parties = (far: readonly string[], ours: readonly string[]): Parties => ({ far: far.map(party), ours: ours.map(party) })

describe('what each policy makes of each choice', () => {
  test.each([
    ['always', true, 'given'],
    ['always', null, 'given'],
    ['always', false, 'given'],
    ['opt_out', true, 'given'],
    ['opt_out', null, 'given'],
    ['opt_out', false, 'no consent: the PBX said no; recordings.consent.default says opt_out'],
    ['opt_in', true, 'given'],
    ['opt_in', null, 'no consent: nobody said that the caller agreed; recordings.consent.default says opt_in'],
    ['opt_in', false, 'no consent: the PBX said no; recordings.consent.default says opt_in'],
    ['never', true, 'no consent: nothing of this call is kept; recordings.consent.default says never'],
    ['never', null, 'no consent: nothing of this call is kept; recordings.consent.default says never'],
    ['never', false, 'no consent: nothing of this call is kept; recordings.consent.default says never'],
  ] as const)('%s and %s', (policy, said, outcome) => {
    const verdict = consentOf({ policy, by: 'default' }, [{ who: 'the PBX', said }])
    expect(verdict.consent).toEqual({ policy, by: 'default', said })
    expect(verdict.kind === 'refused' ? verdict.reason : verdict.kind).toBe(outcome)
  })

  test('one no outweighs any yes, whoever says it', () => {
    const verdict = consentOf({ policy: 'opt_out', by: 'rules[1]' }, [
      { who: 'the PBX', said: true },
      { who: 'its name', said: null },
      { who: 'its sidecar', said: false },
    ])
    expect(verdict).toMatchObject({
      kind: 'refused',
      consent: { said: false },
      reason: expect.stringContaining('its sidecar said no'),
    })
  })
})

describe('whose rule counts', () => {
  const site: ConsentRules = {
    default: 'opt_out',
    rules: [
      rule('never', /^\+49301111$/),
      rule('opt_in', /^\+49/),
      rule('always', null, /^\+18005550100$/),
      rule('never', null, /^1009$/),
      rule('always', /^anonymous$/),
    ],
  }
  test.each([
    ['the first that fits', ['+49301111'], ['1001'], 'never', 'rules[0]'],
    ['a caller of a country', ['+4930222'], ['1001'], 'opt_in', 'rules[1]'],
    ['a line of ours, where the caller has no earlier one', ['+33140000000'], ['+18005550100', '1001'], 'always', 'rules[2]'],
    ['not a line of ours where the caller has one', ['+4930222'], ['+18005550100'], 'opt_in', 'rules[1]'],
    ['not a number of ours that looks like a caller’s', ['+33140000000'], ['+4930222'], 'opt_out', 'default'],
    ['the strictest of several callees', ['+33140000000', '+4930222'], ['1001'], 'opt_in', 'rules[1]'],
    ['a colleague’s, of an internal call', ['1001', '1009'], ['1001', '1009'], 'never', 'rules[3]'],
    ['one for callers without a number', ['anonymous'], ['1001'], 'always', 'rules[4]'],
    ['the strictest that may be, when the far side is not known', [], ['1001'], 'never', 'rules[0]'],
    ['the strictest that may be, when our side is not known', ['+33140000000'], [], 'never', 'rules[3]'],
  ] as const)('%s', (_name, far, ours, policy, by) => {
    expect(rulingFor(site, parties(far, ours))).toEqual({ policy, by })
  })

  test('a line’s own rule holds for whoever calls it, known or not', () => {
    const hotline: ConsentRules = { default: 'opt_in', rules: [rule('always', null, /^\+18005550100$/)] }
    expect(rulingFor(hotline, parties([], ['+18005550100']))).toEqual({ policy: 'always', by: 'rules[0]' })
  })

  test('a pattern with flags that remember matches each time', () => {
    const sticky: ConsentRules = { default: 'always', rules: [rule('never', /49/g)] }
    for (let i = 0; i < 3; i += 1) expect(rulingFor(sticky, parties(['+49'], ['1001'])).policy).toBe('never')
  })

  test('knowing less never makes it more permissive', () => {
    const number = fc.constantFrom('+491', '+331', '1001', '1009', 'anonymous')
    const pattern = fc.constantFrom(null, /^\+49/, /^\+/, /^1009$/, /^anonymous$/, /1$/)
    const policy = fc.constantFrom(...consentPolicies)
    const rules = fc.array(fc.record({ number: pattern, line: pattern, policy }), { maxLength: 5 })
    const strictness = (found: { readonly policy: ConsentPolicy }) => consentPolicies.indexOf(found.policy)
    fc.assert(
      fc.property(fc.record({ default: policy, rules }), number, number, (anySite, one, other) => {
        fc.pre(one !== other)
        const known = strictness(rulingFor(anySite, parties([one], [other])))
        expect(strictness(rulingFor(anySite, parties([], [other])))).toBeGreaterThanOrEqual(known)
        expect(strictness(rulingFor(anySite, parties([one], [])))).toBeGreaterThanOrEqual(known)
        expect(strictness(rulingFor(anySite, parties([], [])))).toBeGreaterThanOrEqual(known)
        expect(strictness(rulingFor(anySite, parties([one, other], [one, other])))).toBeGreaterThanOrEqual(known)
      }),
    )
  })
})

describe('who is on which side', () => {
  const leg = script()
  const callOf = (from: string, to: string, phone = '1002') => {
    const identity = { user: phone, display: null, anonymous: false }
    return lastOf(
      play([leg.invited(0, from, to, from === '1001' ? 'pbx' : 'carrier'), leg.answered(10, 'phone', identity)]).events,
    )
  }
  const values = ({ far, ours }: Parties) => [far.map(({ value }) => value), ours.map(({ value }) => value)]

  test('of a call', () => {
    expect(values(partiesOf(callOf('4155550100', '1001')))).toEqual([['+14155550100'], ['1001', '1002']])
    expect(values(partiesOf(callOf('1001', '4155550100', '+442079460000')))).toEqual([
      ['+14155550100', '+442079460000'],
      ['1001'],
    ])
    const rang = lastOf(play([leg.invited(0), leg.ringing(5, 'phone', { user: '1002', display: null, anonymous: false })]).events)
    expect(values(partiesOf(rang))).toEqual([['+14155550100'], ['1001']])
    expect(values(partiesOf(callOf('1001', '1003')))).toEqual([
      ['1001', '1003', '1002'],
      ['1001', '1003', '1002'],
    ])
  })

  test.each([
    ['+491', '1001', [['+491'], ['+491', '1001']]],
    [
      '1001',
      '1002',
      [
        ['1001', '1002'],
        ['1001', '1002'],
      ],
    ],
    ['1001', null, [[], ['1001']]],
    [null, '+491', [['+491'], ['+491']]],
    [null, null, [[], []]],
    [
      '+491',
      '+331',
      [
        ['+491', '+331'],
        ['+491', '+331'],
      ],
    ],
  ])('of a recording whose name says %s and %s', (from, to, sides) => {
    expect(values(partiesNamed(from === null ? null : party(from), to === null ? null : party(to)))).toEqual(sides)
  })
})

describe('what the PBX says while the call goes on', () => {
  const leg = script()

  test('is told by the next event', () => {
    const { events } = play([
      leg.invited(0),
      leg.chosen(1, true, 'caller', null),
      leg.answered(20),
      leg.chosen(30, false, 'callee'),
      leg.hungup(40),
    ])
    expect(events.map(({ call }) => call.consent)).toEqual([undefined, { said: true, at: 1 }, { said: false, at: 30 }])
  })

  test('makes no event of its own, is not heard of another dialog, and counts also in the response to the BYE', () => {
    const stranger = script('a84b4c76e66710@pbx.example', 'stranger')
    const { events, ignored, call } = play([
      leg.invited(0),
      leg.chosen(5, true),
      leg.chosen(5, true),
      stranger.chosen(6, false),
      leg.answered(20),
      leg.hungup(40),
      leg.chosen(50, false),
    ])
    expect(events).toHaveLength(3)
    expect(ignored).toEqual([null, null, 'repeated', 'unknown-dialog', null, null, null])
    expect(call?.consent).toEqual({ said: false, at: 50 })
    expect(play([leg.chosen(50, false), leg.chosen(40, true), leg.answered(60)], call)).toMatchObject({ call, events: [] })
  })

  test('ends the same in whatever order it is heard: the latest, and of one moment the no', () => {
    const choice = fc.record({ said: fc.boolean(), at: fc.nat({ max: 3 }) })
    const last = (choices: readonly { readonly said: boolean; readonly at: number }[]) =>
      choices.slice(1).reduce(laterChoice, choices[0] ?? { said: true, at: 0 })
    const shuffled = fc
      .array(choice, { minLength: 1, maxLength: 8 })
      .chain(choices => fc.tuple(fc.constant(choices), fc.shuffledSubarray(choices, { minLength: choices.length })))
    fc.assert(
      fc.property(shuffled, ([choices, others]) => {
        const found = last(choices)
        expect(last(others)).toEqual(found)
        const newest = choices.filter(({ at }) => at === Math.max(...choices.map(each => each.at)))
        expect(found.said).toBe(newest.every(({ said }) => said))
      }),
    )
  })
})

test.each([
  ['yes', true],
  [' TRUE ', true],
  ['1', true],
  ['no', false],
  ['False', false],
  ['0', false],
  ['', null],
  ['  ', null],
  ['perhaps', false],
  ['yes, please', false],
])('the word %j says %s', (word, said) => {
  expect(saidIn(word)).toBe(said)
})

test('the words that are choices are those that are read as what they say', () => {
  expect(['yes', 'No', 'TRUE', 'false', '1', '0'].every(isChoice)).toBe(true)
  expect(['', 'perhaps', 'y', 'yes no'].some(isChoice)).toBe(false)
})
