/**
 * `tickets.preset: standard`: the automatic tickets that the Voice API names, for inbound calls: on answer, missed calls, voicemails,
 * and calls of first-time customers. They come behind the rules of the file.
 */
import type { TicketConditions, TicketRule } from './rule.ts'
import type { Template, TemplateField } from './template.ts'

const any: TicketConditions = {
  direction: null,
  from: null,
  to: null,
  queue: null,
  mailbox: null,
  agent: null,
  reason: null,
  hours: null,
  duration: null,
  wait: null,
  firstTimeCaller: null,
  anonymous: null,
}
const inbound: TicketConditions = { ...any, direction: ['inbound'] }

const field = (name: TemplateField): Template[number] => ({ field: name })
const answered: Template = [
  field('caller_name'),
  ' (',
  field('caller'),
  ') called ',
  field('called'),
  ' at ',
  field('started'),
  ' and spoke with ',
  field('agent'),
  '.',
]
const missed: Template = [
  field('caller_name'),
  ' (',
  field('caller'),
  ') called ',
  field('called'),
  ' at ',
  field('started'),
  ' and waited ',
  field('wait'),
  ': ',
  field('status'),
  ' (',
  field('reason'),
  ').',
]
const message: Template = [
  field('caller_name'),
  ' (',
  field('caller'),
  ') left a message of ',
  field('duration'),
  ' in mailbox ',
  field('mailbox'),
  ' at ',
  field('started'),
  '.\n\n',
  field('transcript'),
]

const base: Omit<TicketRule, 'name' | 'on' | 'create'> = {
  when: inbound,
  ignore: false,
  reuse: null,
  comment: null,
  publicComment: false,
  assign: null,
  display: null,
}
const quarterHourMs = 15 * 60_000
const dayMs = 24 * 60 * 60_000

/** In the order in which they are asked. */
export const standardRules: readonly TicketRule[] = [
  {
    ...base,
    name: 'standard-first-call',
    on: ['answered'],
    when: { ...inbound, firstTimeCaller: true },
    create: {
      subject: ['First call from ', field('caller')],
      description: answered,
      priority: null,
      tags: [['phone'], ['first_time_caller']],
      customFields: [],
    },
    assign: 'agent',
    display: 'agent',
  },
  {
    ...base,
    name: 'standard-answered',
    on: ['answered'],
    create: {
      subject: ['Call from ', field('caller')],
      description: answered,
      priority: null,
      tags: [['phone']],
      customFields: [],
    },
    assign: 'agent',
    display: 'agent',
  },
  {
    ...base,
    name: 'standard-transferred',
    on: ['transferred'],
    create: null,
    comment: ['Transferred to ', field('agent'), '.'],
    display: 'agent',
  },
  {
    ...base,
    name: 'standard-ended',
    on: ['ended'],
    create: null,
    comment: ['Phone call - ', field('duration'), ' with ', field('agent'), ', ', field('wait'), ' waiting.'],
  },
  {
    ...base,
    name: 'standard-missed',
    on: ['missed', 'abandoned'],
    create: {
      subject: ['Missed call from ', field('caller')],
      description: missed,
      priority: null,
      tags: [['phone'], ['missed_call']],
      customFields: [],
    },
    reuse: { withinMs: dayMs, of: 'rule' },
  },
  {
    ...base,
    name: 'standard-voicemail',
    on: ['voicemail'],
    create: {
      subject: ['Voicemail from ', field('caller')],
      description: message,
      priority: 'high',
      tags: [['phone'], ['voicemail']],
      customFields: [],
    },
    // The call that ended in the mailbox may have a ticket already.
    reuse: { withinMs: quarterHourMs, of: 'caller' },
    comment: [...message, '\n\n', field('recording_url')],
  },
]
