/**
 * The texts of tickets: `Missed call from {{caller}}`. Values come from the wire and from voices, so none may become markup of the
 * ticket's own or make it too long: they are put on one line, cut, and lose their braces, since Zendesk fills in
 * `{{ticket.…}}` placeholders of its own wherever it finds them.
 */
import type { Occasion } from './occasion.ts'

const valueLimit = 500
const transcriptLimit = 20_000
/** What stands where nothing is known. */
const unknown = '-'

/** How a time is shown to people: `2026-11-22 10:30`. */
export type ShowTime = (at: number) => string

type Read = (occasion: Occasion, time: ShowTime) => string | null

/** Every name that may stand in `{{…}}`, and what takes its place. */
const fields = {
  caller: ({ from }) => from.value,
  caller_name: ({ from }) => from.display ?? from.value,
  called: ({ to }) => to.value,
  called_name: ({ to }) => to.display ?? to.value,
  customer: ({ direction, from, to }) => (direction === 'outbound' ? to : from).value,
  direction: ({ direction }) => direction,
  agent: ({ agents }) => agents.map(({ name }) => name).join(', '),
  extension: ({ agents }) => agents.map(({ extension }) => extension).join(', '),
  queue: ({ directives }) => directives.queue ?? null,
  status: ({ moment, status }) => status ?? moment,
  reason: ({ reason }) => reason,
  duration: ({ durationMs }) => spoken(durationMs),
  wait: ({ waitMs }) => (waitMs === null ? null : spoken(waitMs)),
  hold: ({ holdMs }) => (holdMs === null ? null : spoken(holdMs)),
  started: ({ startedAt }, time) => time(startedAt),
  answered: ({ answeredAt }, time) => (answeredAt === null ? null : time(answeredAt)),
  ended: ({ endedAt }, time) => (endedAt === null ? null : time(endedAt)),
  mailbox: ({ mailbox }) => mailbox,
  transcript: ({ transcript }) => transcript,
  recording_url: ({ recordingUrl }) => recordingUrl,
  call_id: ({ callId }) => callId,
  site: ({ site }) => site,
} satisfies Record<string, Read>

export type TemplateField = keyof typeof fields

/** A text with places to fill in, taken apart: `['Call from ', { field: 'caller' }]`. */
export type Template = readonly (string | { readonly field: TemplateField })[]

/** The text for an occasion, at most `limit` characters; an empty one is `-`, since Zendesk takes no empty texts. */
export function filled(template: Template, occasion: Occasion, time: ShowTime, limit: number): string {
  const text = template.map(part => (typeof part === 'string' ? part : fieldText(part.field, occasion, time))).join('')
  return cut(text.trim(), limit) || unknown
}

/** A template's text as one Zendesk tag: lower case, one word; `null` when nothing is left. */
export function filledTag(template: Template, occasion: Occasion, time: ShowTime): string | null {
  return tagOf(filled(template, occasion, time, 255))
}

/** A text as one Zendesk tag; `null` when nothing is left of it. */
function tagOf(text: string): string | null {
  const tag = text
    .toLowerCase()
    .replace(/[\s,"]+/g, '_')
    .replace(/^_+|_+$/g, '')
  return tag === '' || tag === unknown ? null : cut(tag, 255)
}

/** A text of the wire, safe to stand in a ticket: no control characters, no braces (placeholders), at most `limit` characters. */
export function harmless(text: string, limit: number): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what it takes out
  const plain = text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g, ' ')
  return cut(plain.replaceAll('{', '(').replaceAll('}', ')').trim(), limit)
}

function fieldText(field: TemplateField, occasion: Occasion, time: ShowTime): string {
  const read: Read = fields[field]
  const value = read(occasion, time)
  if (value === null || value === '') return unknown
  return harmless(value, field === 'transcript' ? transcriptLimit : valueLimit)
}

/** Cut to UTF-16 units without leaving half of a character. */
function cut(text: string, limit: number): string {
  if (text.length <= limit) return text
  return `${text.slice(0, limit - 1).replace(/[\ud800-\udbff]$/, '')}…`
}

/** `14 s`, `2 min 05 s`, `1 h 02 min`. */
function spoken(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000))
  if (seconds < 60) return `${seconds} s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 60) return `${minutes} min ${String(seconds % 60).padStart(2, '0')} s`
  return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, '0')} min`
}
