/** When something was, as one writes it on a command line. */
import { InvalidArgumentError } from 'commander'
import { parseDuration } from '../config/units.ts'

/** `2d` (ago), `2026-11-22` (UTC) or `2026-11-22T09:00Z` as epoch ms. Throws commander's InvalidArgumentError, which ends with 2. */
export const readMoment = (text: string, now: number): number => {
  const ago = parseDuration(text)
  if (ago.ok) return now - ago.value
  // A bare number is a date to Date.parse, too: of this year or of 2001.
  const at = /^\d{4}-\d{2}-\d{2}/.test(text) ? Date.parse(text) : Number.NaN
  if (Number.isNaN(at))
    throw new InvalidArgumentError('write how long ago (30m, 6h, 2d) or a date (2026-11-22, 2026-11-22T09:00Z).')
  return at
}
