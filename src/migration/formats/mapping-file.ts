/** The mapping file of the format `csv`: which columns say what. YAML, read by the command line and checked here. */
import { z } from 'zod'
import type { Direction } from '../../events/event.ts'
import { type EndReason, endReasons, type Outcome } from '../../events/outcome.ts'
import { type TimeReader, timeReader } from './time-format.ts'

const directions = ['inbound', 'outbound', 'internal'] as const
/** No old record says that a bridge lost sight of a call. */
const reasons = z.enum(endReasons).exclude(['lost-signalling'])

/** A column's name, or a text with names in braces: `{Date} {Time}`. Columns of files without a header are `{1}`, `{2}` … */
const expression = z.union([z.string().min(1).max(500), z.int().min(1).max(512)]).transform(value => template(String(value)))

const mappingSchema = z.strictObject({
  separator: z.string().length(1).default(','),
  backslash: z.boolean().default(false),
  header: z.boolean().default(true),
  encoding: z.enum(['utf-8', 'windows-1252', 'iso-8859-1', 'utf-16le']).default('utf-8'),
  timezone: z.string().max(64).optional(),
  time_format: z
    .string()
    .max(64)
    .default('auto')
    .transform((format, context): TimeReader => {
      try {
        return timeReader(format)
      } catch (error) {
        context.addIssue({ code: 'custom', message: error instanceof Error ? error.message : String(error) })
        return z.NEVER
      }
    }),
  id: expression.optional(),
  call_id: expression.optional(),
  from: expression,
  from_name: expression.optional(),
  to: expression,
  started_at: expression,
  answered_at: expression.optional(),
  ended_at: expression.optional(),
  duration: expression.optional(),
  talk_time: expression.optional(),
  wait_time: expression.optional(),
  direction: z.strictObject({ column: expression, values: z.record(z.string(), z.enum(directions)) }).optional(),
  agent: expression.optional(),
  outcome: z.strictObject({ column: expression, values: z.record(z.string(), reasons) }).optional(),
  recording: expression.optional(),
  tags: z.array(z.string().min(1).max(255)).max(20).default([]),
})

/** A text with places for columns; what stands between them stays. */
export type Template = readonly ({ readonly column: string } | { readonly text: string })[]

export type Mapping = z.output<typeof mappingSchema>

export type ReadMapping =
  | { readonly kind: 'mapping'; readonly mapping: Mapping }
  /** One line for each fault: the key, and what is wrong with it. */
  | { readonly kind: 'refused'; readonly problems: readonly string[] }

/** A mapping from what YAML gave. Total. */
export function readMapping(value: unknown): ReadMapping {
  const parsed = mappingSchema.safeParse(value)
  if (!parsed.success) {
    return {
      kind: 'refused',
      problems: parsed.error.issues.map(issue => `${issue.path.join('.') || 'the file'}: ${issue.message}`),
    }
  }
  const { ended_at, duration, talk_time } = parsed.data
  if (ended_at === undefined && duration === undefined && talk_time === undefined) {
    return { kind: 'refused', problems: ['ended_at: missing; give ended_at, duration (from start to end) or talk_time'] }
  }
  return { kind: 'mapping', mapping: parsed.data }
}

/** The outcome that goes with a reason. */
export function outcomeOf(reason: EndReason): Outcome {
  const isConnected = reason === 'completed' || reason === 'answered-elsewhere'
  const status = isConnected ? 'connected' : reason === 'caller-hung-up' ? 'abandoned' : 'missed'
  return { status, reason, sipCode: null, q850: null }
}

/** A column's words, compared without regard to case, turned into ours. */
export function wordIn<Word extends EndReason | Direction>(values: Readonly<Record<string, Word>>, text: string): Word | null {
  const wanted = text.trim().toLowerCase()
  const found = Object.entries(values).find(([word]) => word.trim().toLowerCase() === wanted)
  return found?.[1] ?? null
}

function template(text: string): Template {
  if (!/\{[^{}]+\}/.test(text)) return [{ column: text }]
  return text
    .split(/(\{[^{}]+\})/)
    .filter(part => part !== '')
    .map(part => (/^\{[^{}]+\}$/.test(part) ? { column: part.slice(1, -1) } : { text: part }))
}
