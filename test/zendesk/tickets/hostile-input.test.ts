import fc from 'fast-check'
import { expect, test } from 'vitest'
import { templateFields } from '../../../src/config/ticket-template.ts'
import { joinDirectives, tagsIn } from '../../../src/events/directives.ts'
import type { CallParty } from '../../../src/events/event.ts'
import { phoneCallEventBody } from '../../../src/zendesk/partner-edition/bodies.ts'
import { newCommentBody, newTicketBody } from '../../../src/zendesk/partner-edition/ticket-bodies.ts'
import { phoneCallEventSchema } from '../../../src/zendesk/wire/call-event.ts'
import { newCommentSchema, newTicketSchema } from '../../../src/zendesk/wire/ticket.ts'
import { madeEvent } from '../made-events.ts'
import { aRule, rulesOf } from './made-rules.ts'

const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 256 }),
  fc.string({ minLength: 250, maxLength: 256 }),
  fc.constantFrom('{{', '\ud83d'.repeat(256)),
)
const party: fc.Arbitrary<CallParty> = fc.record({
  kind: fc.constantFrom('e164' as const, 'extension' as const, 'anonymous' as const, 'other' as const),
  value: text,
  display: fc.option(text),
})
const names = [
  'ticket-id',
  'subject',
  'description',
  'comment',
  'tags',
  'priority',
  'assignee-id',
  'display-to',
  'queue',
  'custom-field-7',
  'x',
]
const values = fc.oneof(text, fc.constantFrom('1', 'agent', 'high', 'a, b', '9'.repeat(16)))
const directives = fc.dictionary(fc.constantFrom(...names), values)

test('whatever the wire says, what goes to Zendesk is what it takes', () => {
  const everything = templateFields.map(field => ({ field }))
  const rule = aRule('a', {
    create: {
      subject: everything,
      description: everything,
      priority: null,
      tags: templateFields.map(field => [{ field }]),
      customFields: [{ id: 1, value: everything }],
    },
    assign: 'agent',
    display: 'agent',
  })
  const outcome = { status: 'missed', reason: 'busy', sipCode: 486, q850: null } as const
  const property = fc.property(party, party, directives, (from, to, asked) => {
    const changes = { from, to, outcome, directives: asked, tags: tagsIn(asked.tags) }
    const event = madeEvent('call-1', 1, 'call.ended', changes)
    const body = phoneCallEventBody(event)
    expect(phoneCallEventSchema.safeParse(body).error).toBeUndefined()
    const facts = { firstTimeCaller: null, recordingUrl: null }
    const { wish } = rulesOf(rule).decide({ kind: 'event', idempotencyKey: event.id, event }, facts)
    if (wish?.create == null || wish.comment === null) throw new Error('the rule did not fire')
    const ticket = newTicketBody(wish.create, wish)
    expect(newTicketSchema.safeParse(ticket).error).toBeUndefined()
    expect(newCommentSchema.safeParse(newCommentBody(wish.comment, wish)).error).toBeUndefined()
    const texts = [ticket.ticket.subject, ticket.ticket.description, wish.comment, ...(ticket.ticket.tags ?? [])]
    expect(texts.join('\n')).not.toMatch(/[{}]/)
  })
  fc.assert(property, { numRuns: 150 })
})

test('directives that are joined keep what was known', () => {
  const property = fc.property(directives, directives, (first, second) => {
    const joined = joinDirectives(joinDirectives(undefined, first), second) ?? {}
    for (const [name, value] of Object.entries(first)) expect(joined[name]).toBe(value)
    expect(joinDirectives(joined, first)).toBe(joined)
    expect(joinDirectives(joined, second)).toBe(joined)
  })
  fc.assert(property)
})
