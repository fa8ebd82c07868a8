import { expect, test } from 'vitest'
import { moments } from '../../src/zendesk/tickets/moment.ts'
import { ticketRules } from '../../src/zendesk/tickets/ticket-rules.ts'
import { accepted, complaints } from './loading.ts'

const section = (rule: string, more = '') => `tickets:\n${more}  rules:\n    - { name: a, on: missed, ${rule} }\n`
const create = 'create: { subject: s, description: d }'

test('a whole section becomes rules, with one word where a list of one is meant', async () => {
  const { tickets } = await accepted(`
tickets:
  hours:
    timezone: Europe/Berlin
    week: { mon-wed: "09:00-17:00", "thu,fri": ["09:00-12:00", "13:00-17:00"], sat: "22:00-02:00" }
    holidays: [2026-12-25]
  rules:
    - name: closed
      on: [missed, abandoned]
      when: { direction: inbound, from: ["+49*", anonymous], hours: closed, wait: { at_least: 5s }, first_time_caller: true }
      create: { subject: "Call from {{ caller }}!", description: "{{caller_name}}", tags: [a b], custom_fields: { 12345: "{{queue}}" } }
      reuse: { within: 60m, of: rule }
      assign: agent
      display: 35436
`)
  expect(tickets.hours.week.map(day => day.length)).toEqual([1, 1, 1, 2, 2, 1, 1])
  expect(tickets.hours.week[5]).toEqual([{ from: 22 * 60, to: 24 * 60 }])
  expect(tickets.hours.week[6]).toEqual([{ from: 0, to: 120 }])
  expect(tickets.rules[0]).toMatchObject({
    on: ['missed', 'abandoned'],
    when: {
      direction: ['inbound'],
      hours: 'closed',
      wait: { atLeastMs: 5_000, atMostMs: null },
      firstTimeCaller: true,
      to: null,
    },
    create: { subject: ['Call from ', { field: 'caller' }, '!'], customFields: [{ id: 12345, value: [{ field: 'queue' }] }] },
    reuse: { withinMs: 3_600_000, of: 'rule' },
    comment: null,
    assign: 'agent',
    display: 35436,
  })
  const from = tickets.rules[0]?.when.from?.[0]
  expect([from?.test('+4930123'), from?.test('+14930123'), from?.test('49301')]).toEqual([true, false, false])
  // What the configuration yields is what the rules take: the compiler says the rest.
  expect(ticketRules({ ...tickets, anonymous: 'ticket' }, 'none').asksFirstTimeCaller).toBe(true)
})

test('rules know the same moments as the configuration', async () => {
  const { tickets } = await accepted(`tickets: { rules: [{ name: a, on: [${moments.join(', ')}], ${create} }] }`)
  expect(tickets.rules[0]?.on).toEqual(moments)
})

test.each<[string, string, string]>([
  ['an unknown name in a template', section('create: { subject: "{{callr}}", description: d }'), 'did you mean {{caller}}?'],
  ['a template with a brace too few', section('comment: "{{caller}"'), 'has braces that do not belong together'],
  ['a rule that does nothing', section('when: {}'), 'does nothing — fix: add create, comment, or ignore: true'],
  ['a rule that ignores and creates', section(`ignore: true, ${create}`), 'remove either'],
  ['an unknown moment', 'tickets: { rules: [{ name: a, on: [mised], comment: c }] }', 'write missed'],
  ['an unknown reason', section('comment: c, when: { reason: [bussy] }'), 'write busy'],
  ['a broken expression', section('comment: c, when: { from: "^(" }'), 'is not a regular expression'],
  ['hours without a week', section('comment: c, when: { hours: open }'), 'tickets.hours.week is empty'],
  ['a time zone that is none', section('comment: c', '  hours: { timezone: Europe/Belrin }\n'), 'did you mean Europe/Berlin?'],
  ['a day that is none', section('comment: c', '  hours: { week: { mo-fr: "09:00-17:00" } }\n'), 'mo-fr is no day'],
  ['hours that are none', section('comment: c', '  hours: { week: { mon: "9-17" } }\n'), 'is not a time span'],
  ['a date that is none', section('comment: c', '  hours: { holidays: ["2026-02-30"] }\n'), 'is not a date'],
  [
    'a field without a number',
    section('create: { subject: s, description: d, custom_fields: { Kind: x } }'),
    'Kind is not the id',
  ],
  [
    'a name twice',
    'tickets: { rules: [{ name: a, on: ended, comment: c }, { name: a, on: ended, comment: c }] }',
    'is the name of tickets.rules[0] already',
  ],
])('%s is refused, with what to do', async (_what, yaml, said) => {
  const problems = await complaints(yaml)
  expect(problems).toHaveLength(1)
  expect(problems[0]).toContain(said)
})
