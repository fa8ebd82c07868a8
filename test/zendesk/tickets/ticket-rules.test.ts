import { describe, expect, it } from 'vitest'
import type { CallSnapshot, EventType } from '../../../src/events/event.ts'
import type { Delivery } from '../../../src/zendesk/delivery.ts'
import type { TicketRule } from '../../../src/zendesk/tickets/rule.ts'
import { ticketRules } from '../../../src/zendesk/tickets/ticket-rules.ts'
import { madeEvent, madeVoicemail, startedAt } from '../made-events.ts'
import { aRule, berlin, rulesOf, standard } from './made-rules.ts'

const facts = { firstTimeCaller: null, recordingUrl: null }
const missed = { outcome: { status: 'missed', reason: 'no-answer', sipCode: 480, q850: null }, waitMs: 20_000 } as const
const talked = {
  outcome: { status: 'connected', reason: 'completed', sipCode: 200, q850: null },
  answeredAt: startedAt + 5_000,
  durationMs: 125_000,
  waitMs: 5_000,
} as const

function delivery(type: EventType, changes: Partial<CallSnapshot> = {}): Delivery {
  const event = madeEvent('call-1', 3, type, changes)
  return { kind: 'event', idempotencyKey: event.id, event }
}
const ended = (changes: Partial<CallSnapshot> = missed) => delivery('call.ended', changes)
const audio = { path: '/a.mp3', size: 1, sha256: '', durationMs: 14_000, channels: 1, sampleRate: 8000 }
const voicemail: Delivery = { kind: 'voicemail', idempotencyKey: 'vm', site: 'hq', item: madeVoicemail('vm', audio), audio }

describe('which rule fires', () => {
  it('is the first that matches, and why says what became of each', () => {
    const rules = rulesOf(
      aRule('closed', { when: { hours: 'closed' } }),
      aRule('sunday', { when: { direction: ['inbound'], from: [/^\+1415/] } }),
      aRule('never', {}),
    )
    // 2026-11-22 is a Sunday.
    const { wish, why } = rules.decide(ended(), facts)
    expect(wish?.rule).toBe('closed')
    expect(why).toEqual(['rule closed: on missed|abandoned ✓, hours closed ✓'])
    const monday = rules.decide(ended({ ...missed, startedAt: startedAt + 24 * 3_600_000 }), facts)
    expect(monday.wish?.rule).toBe('sunday')
    expect(monday.why).toEqual([
      'rule closed: on missed|abandoned ✓, hours closed ✗ (open: Monday 10:30)',
      'rule sunday: on missed|abandoned ✓, direction inbound ✓, from ^\\+1415 ✓',
    ])
  })

  it('is none behind one that says ignore', () => {
    const { wish, why } = rulesOf(aRule('vip', { ignore: true, create: null }), aRule('all')).decide(ended(), facts)
    expect(wish).toBeNull()
    expect(why.at(-1)).toBe('rule vip: ignore, so no further rule is asked')
  })

  it.each<[string, Partial<TicketRule['when']>, Partial<CallSnapshot>, boolean]>([
    ['direction', { direction: ['outbound'] }, missed, false],
    ['one of several numbers', { to: [/^9/, /^1001$/] }, missed, true],
    ['a queue that the PBX named', { queue: [/^support$/i] }, { ...missed, directives: { queue: 'Support' } }, true],
    ['a queue when there is none', { queue: [/.*/] }, missed, false],
    ['an agent by extension', { agent: ['1001'] }, missed, true],
    ['an agent by id', { agent: ['35436'] }, missed, true],
    ['another agent', { agent: ['Bob'] }, missed, false],
    ['a reason', { reason: ['busy', 'no-answer'] }, missed, true],
    ['another reason', { reason: ['busy'] }, missed, false],
    ['a wait that is long enough', { wait: { atLeastMs: 20_000, atMostMs: null } }, missed, true],
    ['a wait that is too short', { wait: { atLeastMs: 20_001, atMostMs: null } }, missed, false],
    ['a wait that is too long', { wait: { atLeastMs: null, atMostMs: 19_999 } }, missed, false],
    ['anonymity', { anonymous: true }, { ...missed, from: { kind: 'anonymous', value: 'anonymous', display: null } }, true],
    ['no anonymity', { anonymous: true }, missed, false],
    ['a first call when nobody knows', { firstTimeCaller: true }, missed, false],
  ])('is decided by %s', (_what, when, call, fires) => {
    expect(rulesOf(aRule('a', { when })).decide(ended(call), facts).wish !== null).toBe(fires)
  })

  it.each<[string, Delivery, string | null]>([
    ['call.started', delivery('call.started'), null],
    ['call.held', delivery('call.held'), null],
    ['call.ringing', delivery('call.ringing'), 'ringing'],
    ['call.answered', delivery('call.answered'), 'answered'],
    ['call.transferred', delivery('call.transferred'), 'transferred'],
    ['an end that nobody answered', ended(), 'missed'],
    [
      'an end of the caller’s',
      ended({ outcome: { status: 'abandoned', reason: 'caller-hung-up', sipCode: 487, q850: null } }),
      'abandoned',
    ],
    ['an end of a conversation', ended(talked), 'ended'],
    ['a voicemail', voicemail, 'voicemail'],
  ])('%s is one moment, or none', (_what, made, moment) => {
    const moments = ['ringing', 'answered', 'transferred', 'missed', 'abandoned', 'ended', 'voicemail'] as const
    const fired = moments.filter(on => rulesOf(aRule(on, { on: [on] })).decide(made, facts).wish !== null)
    expect(fired).toEqual(moment === null ? [] : [moment])
    expect(rulesOf(aRule('a', { on: moments })).concerns(made)).toBe(moment !== null)
  })
})

describe('what is wished', () => {
  it('has its texts filled in, in the office’s time, and names the agent', () => {
    const rule = aRule('a', {
      on: ['ended'],
      create: {
        subject: ['Call of ', { field: 'customer' }, ' (', { field: 'caller_name' }, ')'],
        description: [{ field: 'agent' }, ', ', { field: 'duration' }, ', ', { field: 'started' }, ', ', { field: 'hold' }],
        priority: 'high',
        tags: [['Phone Call'], [{ field: 'direction' }], [{ field: 'queue' }]],
        customFields: [{ id: 7, value: [{ field: 'reason' }] }],
      },
      assign: 'agent',
      display: 99,
    })
    expect(rulesOf(rule).decide(ended(talked), facts).wish).toEqual({
      rule: 'a',
      choice: { kind: 'new' },
      create: {
        subject: 'Call of +14155550100 (Carla Customer)',
        description: 'Alice, 2 min 05 s, 2026-11-22 10:30 (Europe/Berlin), 0 s',
        priority: 'high',
        tags: ['phone_call', 'inbound'],
        customFields: [{ id: 7, value: 'completed' }],
      },
      comment: 'Alice, 2 min 05 s, 2026-11-22 10:30 (Europe/Berlin), 0 s',
      publicComment: false,
      assigneeId: 35436,
      displayTo: 99,
    })
  })

  it('lets nothing that a caller sends become a placeholder, a second line or too long', () => {
    const name = `{{ticket.requester.email}}\r\nX{% if %}{${'x'.repeat(3_000)}`
    const rule = aRule('a', {
      create: {
        subject: [{ field: 'caller_name' }],
        description: [{ field: 'caller_name' }, '{{'],
        priority: null,
        tags: [[{ field: 'caller_name' }]],
        customFields: [],
      },
    })
    const { wish } = rulesOf(rule).decide(
      ended({ ...missed, from: { kind: 'e164', value: '+14155550100', display: name } }),
      facts,
    )
    expect(wish?.create?.subject).toHaveLength(255)
    expect(wish?.create?.description.length).toBeLessThan(510)
    expect(wish?.create?.subject).not.toMatch(/[{}\r\n]/)
    expect(wish?.create?.tags[0]).toMatch(/^[^\s,"]{1,255}$/)
  })

  it('assigns to nobody while several phones ring', () => {
    const agents = [1, 2].map(id => ({ id, extension: `100${id}`, name: `A${id}` }))
    const rule = aRule('a', { on: ['ringing'], assign: 'agent', display: 'agent' })
    expect(rulesOf(rule).decide(delivery('call.ringing', { agents }), facts).wish).toMatchObject({
      assigneeId: null,
      displayTo: null,
    })
  })
})

describe('what the PBX asks for a call', () => {
  const asking = (directives: Record<string, string>, type: EventType = 'call.ended', more: Partial<CallSnapshot> = missed) =>
    delivery(type, { ...more, directives })

  it('comes over the rule that fired', () => {
    const headers = {
      'ticket-id': '17',
      subject: 'Order {{1}}',
      tags: 'VIP, phone',
      priority: 'Urgent',
      'assignee-id': '5',
      'display-to': 'agent',
      comment: 'as agreed',
      'custom-field-7': 'x',
    }
    expect(rulesOf(aRule('a')).decide(asking(headers), facts).wish).toMatchObject({
      rule: 'a',
      choice: { kind: 'given', ticketId: 17 },
      create: { subject: 'Order ((1))', tags: ['phone', 'vip'], priority: 'urgent', customFields: [{ id: 7, value: 'x' }] },
      comment: 'as agreed',
      assigneeId: 5,
      displayTo: 35436,
    })
  })

  it('forbids a ticket with No-Ticket, whatever the rules say', () => {
    const { wish, why } = rulesOf(aRule('a')).decide(asking({ 'no-ticket': 'Yes', 'ticket-id': '3' }), facts)
    expect([wish, why]).toEqual([null, ['header X-Zendesk-No-Ticket: no ticket for this call']])
  })

  it('makes a ticket without any rule, once answered or missed, and logs a conversation on it', () => {
    const rules = rulesOf()
    const moment = (type: EventType, headers: Record<string, string>, more: Partial<CallSnapshot> = {}) =>
      rules.decide(asking(headers, type, more), facts).wish
    expect(moment('call.answered', { subject: 'S' })?.create?.subject).toBe('S')
    expect(moment('call.ringing', { subject: 'S' })).toBeNull()
    expect(moment('call.answered', { 'ticket-id': '3' })).toBeNull()
    expect(moment('call.answered', { 'ticket-id': '3', 'display-to': '9' })).toMatchObject({ create: null, displayTo: 9 })
    expect(moment('call.ended', { 'ticket-id': '3' }, talked)).toMatchObject({
      choice: { kind: 'given', ticketId: 3 },
      create: null,
      comment: 'Phone call (inbound) from +14155550100 to 1001 at 2026-11-22 10:30 (Europe/Berlin): connected, 2 min 05 s, Alice',
    })
    expect(moment('call.answered', { queue: 'support' })).toBeNull()
  })

  it.each<[string, string, string]>([
    ['ticket-id', '17a', 'it is no ticket number'],
    ['ticket-id', '0', 'it is no ticket number'],
    ['priority', 'asap', 'it is none of low, normal, high, urgent'],
    ['no-ticket', 'perhaps', 'it is neither yes nor no'],
    ['display-to', 'Alice', 'it is neither a Zendesk user id nor the word agent'],
    ['tags', ', ,', 'it holds no tag'],
    ['subject', ' ', 'it is empty'],
    ['custom-field-x', 'y', 'there is no such directive'],
    ['tikcet-id', '1', 'there is no such directive'],
  ])('is left out where it makes no sense: %s %j', (name, value, complaint) => {
    const { wish, why } = rulesOf(aRule('a')).decide(asking({ [name]: value }), facts)
    expect(wish).toEqual(rulesOf(aRule('a')).decide(ended(), facts).wish)
    expect(why[0]).toBe(`header X-Zendesk-${name}: ignored, ${complaint}`)
  })
})

describe('the standard preset', () => {
  it.each<[string, Delivery, boolean | null, string | null]>([
    ['an answer', delivery('call.answered', talked), false, 'standard-answered'],
    ['a first answer', delivery('call.answered', talked), true, 'standard-first-call'],
    ['the end of a conversation', ended(talked), false, 'standard-ended'],
    ['a missed call', ended(), false, 'standard-missed'],
    ['a voicemail', voicemail, null, 'standard-voicemail'],
    ['an outbound call', ended({ ...missed, direction: 'outbound' }), false, null],
    ['ringing', delivery('call.ringing'), false, null],
  ])('%s', (_what, made, firstTimeCaller, rule) => {
    expect(standard().decide(made, { ...facts, firstTimeCaller }).wish?.rule ?? null).toBe(rule)
  })

  it('leaves callers who hide their number alone, but for a rule that asks for them, and for what they leave in a mailbox', () => {
    const hidden = { kind: 'anonymous', value: 'anonymous', display: null } as const
    const call = ended({ ...missed, from: hidden })
    expect(standard().decide(call, facts)).toMatchObject({ wish: null, forbidden: false })
    expect(standard().decide(call, facts).why[0]).toMatch(/zendesk\.callers\.anonymous/)
    const asked = ticketRules(
      { preset: null, hours: berlin, rules: [aRule('hidden', { when: { anonymous: true } })], anonymous: 'no-ticket' },
      'none',
    )
    expect(asked.decide(call, facts).wish?.rule).toBe('hidden')
    if (voicemail.kind !== 'voicemail') throw new Error('a voicemail expected')
    const message = { ...voicemail, item: { ...voicemail.item, from: hidden } }
    expect(standard().decide(message, facts).wish?.rule).toBe('standard-voicemail')
  })

  it('stands behind the rules of the file, and in for them only where nobody said otherwise', () => {
    const settings = { hours: berlin, rules: [aRule('mine')], anonymous: 'ticket' as const }
    const fired = (preset: 'standard' | 'none' | null, made: Delivery, rules = settings.rules) =>
      ticketRules({ ...settings, rules, preset }, 'standard').decide(made, facts).wish?.rule
    expect([fired('standard', ended()), fired('standard', voicemail)]).toEqual(['mine', 'standard-voicemail'])
    expect([fired(null, ended()), fired(null, voicemail)]).toEqual(['mine', undefined])
    expect([fired(null, voicemail, []), fired('none', voicemail, [])]).toEqual(['standard-voicemail', undefined])
  })
})
