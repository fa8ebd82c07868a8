/** The section `tickets`: which calls and voicemails make tickets, and what stands in them. */
import { z } from 'zod'
import { complain, duration, flag, word as wordOf, wordOrInteger } from './fields.ts'
import { hours } from './office-hours.ts'
import { type Parsed, parsed, refused } from './problems.ts'
import { template } from './ticket-template.ts'

const moments = ['ringing', 'answered', 'transferred', 'missed', 'abandoned', 'ended', 'voicemail'] as const
const reasons = [
  'completed',
  'answered-elsewhere',
  'caller-hung-up',
  'no-answer',
  'busy',
  'rejected',
  'redirected',
  'not-found',
  'unavailable',
  'voicemail',
  'failed',
  'lost-signalling',
] as const

/** A list, or its only item by itself. */
function oneOrList<T extends z.ZodType>(item: T) {
  return z
    .preprocess(value => (Array.isArray(value) ? value : [value]), z.array(item).min(1).max(200))
    .meta({ type: ['string', 'array'] })
}

/** `+4930*`, `1001`, `anonymous`, or a regular expression that begins with ^. Upper and lower case are the same. */
function pattern() {
  return z.string().transform((text, context): RegExp => {
    const result = parsePartyPattern(text)
    if (result.ok) return result.value
    context.addIssue({ code: 'custom', message: complain(result.reason, result.fix) })
    return z.NEVER
  })
}

function parsePartyPattern(text: string): Parsed<RegExp> {
  if (text.trim() === '' || text.length > 500) return refused('is empty or too long', 'write a number or name, such as "+4930*"')
  const source = text.startsWith('^') ? text : `^${text.split('*').map(literal).join('.*')}$`
  try {
    return parsed(new RegExp(source, 'i'))
  } catch {
    return refused(
      'is not a regular expression',
      'correct it; what does not begin with ^ is a number or name in which * stands for anything',
    )
  }
}

function literal(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&')
}

const patterns = (description: string, example: readonly string[]) =>
  oneOrList(pattern()).optional().meta({ description, example })

const bounds = (description: string) =>
  z
    .strictObject({
      at_least: duration('0s', '30d').optional().meta({ description: 'Not shorter than this.', example: '5s' }),
      at_most: duration('0s', '30d').optional().meta({ description: 'Not longer than this.', example: '2h' }),
    })
    .transform(({ at_least, at_most }) => ({ atLeastMs: at_least ?? null, atMostMs: at_most ?? null }))
    .optional()
    .describe(description)

const when = z
  .strictObject({
    direction: oneOrList(z.enum(['inbound', 'outbound', 'internal']))
      .optional()
      .meta({ description: 'Seen from the site.', example: ['inbound'] }),
    from: patterns(
      'Who calls: numbers in E.164, extensions, the word anonymous; * stands for anything, ^ begins a regular expression.',
      ['+1415*', 'anonymous'],
    ),
    to: patterns('Who is called, likewise.', ['+14155550100', '10*']),
    queue: patterns('The queue, where the PBX names it (X-Zendesk-Queue).', ['support']),
    mailbox: patterns('The mailbox of a voicemail.', ['1001@default']),
    agent: oneOrList(z.string().min(1).max(255))
      .optional()
      .meta({ description: 'Extension, name or Zendesk id of an agent on the call.', example: ['1001'] }),
    reason: oneOrList(z.enum(reasons))
      .optional()
      .meta({ description: 'Why the call ended.', example: ['no-answer', 'busy'] }),
    hours: z
      .enum(['open', 'closed'])
      .optional()
      .meta({ description: 'Whether tickets.hours were open when the call came.', example: 'open' }),
    duration: bounds('How long the conversation, or the message, lasted.'),
    wait: bounds('How long the caller waited for an answer.'),
    first_time_caller: flag().optional().meta({
      description: 'Whether this is the first inbound call of this number that the bridge has reported.',
      example: true,
    }),
    anonymous: flag().optional().meta({ description: 'Whether the caller hides the number.', example: false }),
  })
  .prefault({})
  .describe('Conditions; all of them have to hold. Of a list, one has to.')
  .transform(asked => ({
    direction: asked.direction ?? null,
    from: asked.from ?? null,
    to: asked.to ?? null,
    queue: asked.queue ?? null,
    mailbox: asked.mailbox ?? null,
    agent: asked.agent ?? null,
    reason: asked.reason ?? null,
    hours: asked.hours ?? null,
    duration: asked.duration ?? null,
    wait: asked.wait ?? null,
    firstTimeCaller: asked.first_time_caller ?? null,
    anonymous: asked.anonymous ?? null,
  }))

const customFields = z
  .record(z.string(), template(5_000))
  .superRefine((fields, context) => {
    for (const id of Object.keys(fields)) {
      if (/^[1-9]\d{0,15}$/.test(id) && Number.isSafeInteger(Number(id))) continue
      const message = complain(`${id.slice(0, 40)} is not the id of a field`, 'write its number: "12345": text')
      context.addIssue({ code: 'custom', path: [id], message })
    }
  })
  .transform(fields => Object.entries(fields).map(([id, value]) => ({ id: Number(id), value })))

const create = z
  .strictObject({
    subject: template(255).meta({ description: 'Subject of the ticket.', example: 'Missed call from {{caller}}' }),
    description: template(10_000).meta({
      description: 'Its first comment.',
      example: '{{caller_name}} called {{called}} at {{started}} and waited {{wait}}.',
    }),
    priority: z.enum(['low', 'normal', 'high', 'urgent']).optional().meta({ description: 'Its priority.', example: 'normal' }),
    tags: z
      .array(template(255))
      .max(50)
      .prefault([])
      .meta({ description: 'Its tags; each becomes one word.', example: ['phone'] }),
    custom_fields: customFields
      .prefault({})
      .meta({ description: 'Its custom fields, by id.', example: { '12345': '{{queue}}' } }),
  })
  .transform(({ priority, custom_fields, ...rest }) => ({ ...rest, priority: priority ?? null, customFields: custom_fields }))
  .optional()
  .describe(
    'A new ticket. Names in {{…}}: caller, caller_name, called, called_name, customer, direction, agent, extension, queue, status, reason, duration, wait, hold, started, answered, ended, mailbox, transcript, recording_url, call_id, site.',
  )

const agentOrId = (description: string) =>
  wordOrInteger('agent', 1, Number.MAX_SAFE_INTEGER).optional().meta({ description, example: 'agent' })

const rule = z
  .strictObject({
    name: wordOf(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/, 'is not a short name', 'use letters, digits, dots and dashes').meta({
      description: 'As `tpe-bridge tickets test` shows it.',
      example: 'missed-in-hours',
    }),
    on: oneOrList(z.enum(moments)).meta({
      description:
        'When it is asked. A call ends as one of missed (nobody took it), abandoned (the caller gave up) and ended (somebody took it).',
      example: ['missed', 'abandoned'],
    }),
    when,
    ignore: flag().prefault(false).meta({ description: 'No ticket, and no later rule is asked.', example: false }),
    create,
    reuse: z
      .strictObject({
        within: duration('1m', '365d').meta({ description: 'Used at most this long ago.', example: '60m' }),
        of: z
          .enum(['caller', 'rule'])
          .prefault('caller')
          .meta({ description: 'Any ticket of this caller, or only one that this rule made for them.', example: 'rule' }),
      })
      .transform(({ within, of }) => ({ withinMs: within, of }))
      .optional()
      .describe('Instead of a new ticket, the newest one of the same caller that is not solved: it gets the comment.'),
    comment: template(10_000).optional().meta({
      description: 'What a ticket gets that exists already. Absent: the description.',
      example: 'Called again at {{started}}.',
    }),
    public_comment: flag().prefault(false).meta({ description: 'Whether the requester sees that comment.', example: false }),
    assign: agentOrId('To whom a new ticket is assigned: agent (who took the call), or a Zendesk user id.'),
    display: agentOrId('On whose screen the ticket pops up, likewise.'),
  })
  .superRefine((asked, context) => {
    const acts = asked.create !== undefined || asked.comment !== undefined
    if (!asked.ignore && !acts)
      context.addIssue({ code: 'custom', message: complain('does nothing', 'add create, comment, or ignore: true') })
    if (asked.ignore && acts)
      context.addIssue({
        code: 'custom',
        path: ['ignore'],
        message: complain('is true, but the rule also has create or comment', 'remove either'),
      })
  })
  .transform(({ create: ticket, reuse, comment, public_comment, assign, display, ...rest }) => ({
    ...rest,
    create: ticket ?? null,
    reuse: reuse ?? null,
    comment: comment ?? null,
    publicComment: public_comment,
    assign: assign ?? null,
    display: display ?? null,
  }))

export const tickets = z
  .strictObject({
    preset: z.enum(['standard', 'none']).optional().meta({
      description:
        'standard: tickets for inbound calls that are answered, missed calls, voicemails and first-time callers, behind the rules below. Absent: none with zendesk.api partner-edition or when there are rules; standard with zendesk.api calls, which keeps calls only as parts of tickets.',
      example: 'standard',
    }),
    hours,
    rules: z
      .array(rule)
      .max(200)
      .prefault([])
      .describe(
        'Asked in this order; the first one that matches decides. `tpe-bridge tickets test CALL_ID` shows which and why.',
      ),
  })
  .superRefine(({ rules, hours: { week } }, context) => {
    const names = new Map<string, number>()
    for (const [i, { name, when: asked }] of rules.entries()) {
      const other = names.get(name)
      if (other !== undefined)
        context.addIssue({
          code: 'custom',
          path: ['rules', i, 'name'],
          message: complain(`is the name of tickets.rules[${other}] already`, 'give each rule a name of its own'),
        })
      names.set(name, i)
      if (asked.hours !== null && week.every(day => day.length === 0))
        context.addIssue({
          code: 'custom',
          path: ['rules', i, 'when', 'hours'],
          message: complain('is asked, but tickets.hours.week is empty', 'add tickets.hours.week: { mon-fri: "09:00-17:00" }'),
        })
    }
  })
  .transform(({ preset, ...rest }) => ({ preset: preset ?? null, ...rest }))
