import { expect, test } from 'vitest'
import type { Call } from '../../src/events/call.ts'
import { joinDirectives, tagsIn } from '../../src/events/directives.ts'
import type { CallSignal } from '../../src/events/signal.ts'
import { play, script } from './office.ts'

const leg = script()
const asking = <S extends CallSignal>(signal: S, directives: Readonly<Record<string, string>>): S => ({ ...signal, directives })

test('what the PBX asks is told by every later event, with its tags', () => {
  const { events } = play([
    asking(leg.invited(0), { queue: 'support', tags: 'VIP, Berlin office,vip' }),
    leg.ringing(10),
    asking(leg.answered(20), { 'ticket-id': '17', queue: 'another' }),
    leg.hungup(30),
  ])
  expect(events.map(({ call }) => call.directives?.['ticket-id'])).toEqual([undefined, undefined, '17', '17'])
  expect(events.map(({ call }) => call.directives?.queue)).toEqual(['support', 'support', 'support', 'support'])
  expect(events[0]?.call.tags).toEqual(['vip', 'berlin_office'])
})

test('a repeated message asks nothing new, and leaves the call the same object', () => {
  const known = { queue: 'support' }
  expect(joinDirectives(known, { queue: 'sales' })).toBe(known)
  expect(joinDirectives(known, undefined)).toBe(known)
  expect(joinDirectives(undefined, {})).toBeUndefined()
})

test('a call that was stored before directives were read goes on without any', () => {
  const { call } = play([leg.invited(0)])
  const { directives: _none, ...stored }: Call = JSON.parse(JSON.stringify(call))
  expect(Object.hasOwn(stored, 'directives')).toBe(false)
  const { events } = play([leg.answered(10)], stored)
  expect(events.map(({ call: { directives, tags } }) => [directives, tags])).toEqual([[undefined, []]])
})

test('there are never more than twenty directives or tags', () => {
  const many = Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`custom-field-${i}`, 'x']))
  const full = joinDirectives({ queue: 'support' }, many)
  expect(Object.keys(full ?? {})).toHaveLength(20)
  expect(joinDirectives(full, { subject: 'one too many' })).toBe(full)
  expect(tagsIn(Array.from({ length: 30 }, (_, i) => `t${i}`).join(','))).toHaveLength(20)
})
