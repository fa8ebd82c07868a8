/** Texts of tickets: `Missed call from {{caller}}`. A name that is not known would stand in tickets as it is, so it is refused here. */
import { z } from 'zod'
import { closest } from './closest.ts'
import { complain } from './fields.ts'
import { type Parsed, parsed, refused } from './problems.ts'

/** What may stand between the braces. */
export const templateFields = [
  'caller',
  'caller_name',
  'called',
  'called_name',
  'customer',
  'direction',
  'agent',
  'extension',
  'queue',
  'status',
  'reason',
  'duration',
  'wait',
  'hold',
  'started',
  'answered',
  'ended',
  'mailbox',
  'transcript',
  'recording_url',
  'call_id',
  'site',
] as const

/** A text taken apart: `['Call from ', { field: 'caller' }]`. */
export type TicketTemplate = readonly (string | { readonly field: (typeof templateFields)[number] })[]

/** A text of 1 to `limit` characters with `{{name}}` in it. */
export function template(limit: number) {
  return z.string().transform((text, context): TicketTemplate => {
    const result = parseTemplate(text, limit)
    if (result.ok) return result.value
    context.addIssue({ code: 'custom', message: complain(result.reason, result.fix) })
    return z.NEVER
  })
}

/** Total. */
function parseTemplate(text: string, limit: number): Parsed<TicketTemplate> {
  if (text.trim() === '') return refused('is empty', 'write a text, or remove the key')
  if (text.length > limit) return refused(`is longer than ${limit} characters`, 'shorten it')
  const parts: (string | { field: (typeof templateFields)[number] })[] = []
  // Every other piece stood between braces.
  for (const [i, piece] of text.split(/\{\{([^{}]*)\}\}/).entries()) {
    if (i % 2 === 0) {
      if (piece.includes('{{') || piece.includes('}}'))
        return refused('has braces that do not belong together', 'write {{name}}, such as {{caller}}')
      if (piece !== '') parts.push(piece)
      continue
    }
    const name = piece.trim()
    const field = templateFields.find(each => each === name)
    if (field === undefined) {
      const meant = closest(name, templateFields)
      const fix = meant === null ? `the names are ${templateFields.join(', ')}` : `did you mean {{${meant}}}?`
      return refused(`has the unknown name {{${name.slice(0, 64)}}}`, fix)
    }
    parts.push({ field })
  }
  return parsed(parts)
}
