/** Regular expressions of the file. Total: V8's complaint becomes a reason. */
import { type Parsed, parsed, refused } from './problems.ts'

export function parsePattern(text: string): Parsed<RegExp> {
  try {
    return parsed(new RegExp(text))
  } catch (error) {
    // "Invalid regular expression: /(/: Unterminated group": what follows the pattern says what is wrong with it.
    const detail = error instanceof Error ? error.message.slice(error.message.lastIndexOf(': ') + 2).toLowerCase() : String(error)
    return refused(`is not a regular expression: ${detail}`, 'correct it; \\( \\[ \\. stand for the characters themselves')
  }
}

/** What a file's name may say about its call (named groups); in a voicemail's, `to` is the mailbox, and `consent` says nothing. */
export const fileNameGroups: readonly string[] = ['call_id', 'unique', 'from', 'to', 'time', 'consent']

/** A pattern for file names: named groups tie the file to its call, so one with a wrong name would do nothing, unseen. */
export function parseFileNamePattern(text: string): Parsed<RegExp> {
  const pattern = parsePattern(text)
  if (!pattern.ok) return pattern
  // An alternative that matches nothing makes every group of the pattern appear in `groups`.
  const groups = Object.keys(new RegExp(`${text}|`).exec('')?.groups ?? {})
  const unknown = groups.filter(group => !fileNameGroups.includes(group))
  if (unknown.length === 0) return pattern
  return refused(
    `has the unknown group ${unknown.join(', ')}`,
    `name groups ${fileNameGroups.join(', ')}; others are written (?:…)`,
  )
}
