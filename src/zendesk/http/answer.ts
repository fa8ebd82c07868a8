/** An HTTP answer as it came, and what it says, in a few words for a person. Pure. */
import { z } from 'zod'
import { errorSchema } from '../wire/words.ts'
import { excerpt, looksLikeHtml } from './excerpt.ts'

/** Headers by lower-case name, and the body as text, or why there is no whole body. */
export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: { readonly kind: 'whole'; readonly text: string } | { readonly kind: 'broken'; readonly why: string }
}

/** The documented API sometimes sends an object where the Voice API sends a word. */
const anyErrorSchema = errorSchema.extend({
  error: z.union([z.string(), z.object({ title: z.string().optional(), message: z.string().optional() })]),
})

/** What an answer says is wrong, in either half of the API. */
export type AnsweredError = z.infer<typeof anyErrorSchema>

/** The header's value; `null` when it is missing. `name` in lower case. */
export const headerOf = (answer: Pick<Answer, 'headers'>, name: string): string | null => answer.headers[name] ?? null

/** What an answer of the API says about what is wrong, if it says it in the API's own shape. */
export function errorIn(answer: Answer): AnsweredError | null {
  if (answer.body.kind === 'broken') return null
  const json = parseJson(answer.body.text)
  const parsed = json.ok ? anyErrorSchema.safeParse(json.value) : null
  return parsed?.success ? parsed.data : null
}

/** What the far side said, short: the API's own words with the complaints by field, or what came instead of them. */
export function said(answer: Answer): string {
  if (answer.body.kind === 'broken') return `an answer that broke off (${answer.body.why})`
  const error = errorIn(answer)
  if (error !== null) return excerpt(sentences(error), 300)
  const { text } = answer.body
  if (text.trim() === '') return 'an empty body'
  return `${looksLikeHtml(headerOf(answer, 'content-type'), text) ? 'a web page' : 'text'} "${excerpt(text)}"`
}

/** JSON, or the fact that it is none: not JSON is an answer like any other, of which the caller says what came instead. */
export function parseJson(text: string): { readonly ok: true; readonly value: unknown } | { readonly ok: false } {
  try {
    return { ok: true, value: JSON.parse(text) }
  } catch {
    return { ok: false }
  }
}

function sentences({ error, description, details }: AnsweredError): string {
  const name = typeof error === 'string' ? error : [error.title, error.message].filter(part => part !== undefined).join(': ')
  const complaints = details === undefined || details === null ? '' : plain(details)
  return [name, description, complaints].filter(part => part !== undefined && part !== '').join('; ')
}

/** `{"a.b": ["x", "y"]}` as `a.b: x, y`; any other shape as its JSON. */
function plain(details: unknown): string {
  if (typeof details !== 'object' || details === null || Array.isArray(details)) return JSON.stringify(details)
  return Object.entries(details)
    .map(([field, complaint]) => `${field}: ${isTexts(complaint) ? complaint.join(', ') : JSON.stringify(complaint)}`)
    .join('; ')
}

const isTexts = (value: unknown): value is readonly string[] =>
  Array.isArray(value) && value.every(item => typeof item === 'string')
