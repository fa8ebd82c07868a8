/** Which of the users that a search found has a number. Pure. */
import { parsePhoneNumberFromString } from 'libphonenumber-js/max'
import type { User } from '../wire/documented/user.ts'

/** What to do when several users have the number as their own. */
export type Ambiguity = 'most-recent' | 'none'

/** The digits by which a number is found however it was written: `4155550100` for `+14155550100`. */
export function searchDigits(number: string): string {
  return parsePhoneNumberFromString(number, { extract: false })?.nationalNumber ?? number.replace(/\D/g, '')
}

/**
 * The user whose own number it is. Shared numbers identify nobody, nor do users that were deleted. `several`: how many there were
 * when that is why nobody was chosen.
 */
export function ownerOf(
  number: string,
  users: readonly User[],
  ambiguity: Ambiguity,
): { readonly user: User | null; readonly several: number } {
  const owners = users.filter(
    user =>
      user.role === 'end-user' && user.active !== false && user.shared_phone_number !== true && sameNumber(user.phone, number),
  )
  const [first, ...others] = owners
  if (first === undefined) return { user: null, several: 0 }
  if (others.length === 0) return { user: first, several: 0 }
  if (ambiguity === 'none') return { user: null, several: owners.length }
  return { user: owners.reduce((newest, user) => (changedAt(user) > changedAt(newest) ? user : newest)), several: 0 }
}

/** A search by the last digits also finds other countries' numbers; national ways to write this one are accepted. */
function sameNumber(phone: string | null | undefined, number: string): boolean {
  if (phone === null || phone === undefined) return false
  const digits = phone.replace(/x\d*$/i, '').replace(/\D/g, '')
  const national = searchDigits(number)
  const whole = number.replace(/\D/g, '')
  return [whole, `00${whole}`, `011${whole}`, national, `0${national}`, `1${national}`].includes(digits)
}

const changedAt = (user: User): number => Date.parse(user.updated_at ?? user.created_at ?? '') || 0
