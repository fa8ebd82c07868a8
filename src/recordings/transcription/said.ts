/**
 * What a transcriber's answer says: `{"text", "language"?, "sentiment"?, "keywords"?}`, where only the text is needed and what is
 * odd about the rest is left out. Pure and total: any text gives a transcript or a reason.
 */
import { z } from 'zod'
import type { Transcript } from '../../events/recording.ts'

type Text = Extract<Transcript, { kind: 'text' }>
export type Said = { readonly ok: true; readonly transcript: Text } | { readonly ok: false; readonly reason: string }

/** As many characters as Zendesk's side takes. */
const longestText = 1_000_000
const longestKeyword = 100
const mostKeywords = 100

const answerSchema = z.object({
  text: z.string(),
  language: z.string().min(1).max(35).nullish().catch(null),
  sentiment: z.enum(['positive', 'neutral', 'negative']).nullish().catch(null),
  keywords: z.array(z.unknown()).max(10_000).nullish().catch(null),
})

/** An answer that has to be JSON: that of an HTTP transcriber. */
export function saidInJson(body: string): Said {
  const json = jsonOf(body)
  if (json === undefined) return { ok: false, reason: `it is not JSON: ${opening(body)}` }
  const parsed = answerSchema.safeParse(json)
  return parsed.success
    ? { ok: true, transcript: transcriptOf(parsed.data) }
    : { ok: false, reason: `its JSON has no "text": ${opening(body)}` }
}

/** What a command printed: such JSON, or else the text itself. */
export function saidInOutput(output: string): Text {
  const parsed = answerSchema.safeParse(jsonOf(output))
  return transcriptOf(parsed.success ? parsed.data : { text: output })
}

function transcriptOf({ text, language, sentiment, keywords }: z.input<typeof answerSchema>): Text {
  const words = Array.isArray(keywords) ? keywords.flatMap(word => (typeof word === 'string' ? [word.trim()] : [])) : []
  return {
    kind: 'text',
    text: whole(text.trim().slice(0, longestText)),
    language: language ?? null,
    sentiment: sentiment ?? null,
    keywords: [...new Set(words)].filter(word => word !== '' && word.length <= longestKeyword).slice(0, mostKeywords),
  }
}

/** Without half of a character at its end, and without NUL, which no database column takes. */
function whole(text: string): string {
  return text.replace(/[\uD800-\uDBFF]$/, '').replaceAll('\0', '')
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // Not JSON is an answer like any other: the caller says what came instead.
    return undefined
  }
}

/** The first characters on one line: an error page, mostly; what was said in a call does not get here. */
function opening(body: string): string {
  return `"${body.slice(0, 120).replace(/\s+/g, ' ').trim()}"`
}
