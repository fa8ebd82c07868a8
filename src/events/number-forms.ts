/** The ways in which one number may have been written down: whoever looks for it types one of them, a file's name has another. */
import { parsePhoneNumberFromString } from 'libphonenumber-js/max'
import type { NumberPlan } from './numbers.ts'

/** Prefixes with which a PBX may dial abroad. */
const international = ['00', '011']

/**
 * What `text` may have been stored as, by the site's plan: E.164 with and without its plus, as it is dialled in its own country and from
 * abroad, and as it was typed. An extension, or what is no number, is only itself; nobody is found by an anonymous one: empty.
 */
export function numberForms(text: string, plan: NumberPlan): readonly string[] {
  const typed = text.trim()
  const { kind, value } = plan.normalise({ user: typed, display: null, anonymous: false })
  if (kind === 'anonymous') return []
  if (kind !== 'e164') return [...new Set([value, typed])]
  const digits = value.slice(1)
  const national = parsePhoneNumberFromString(value)?.formatNational().replace(/\D/g, '') ?? ''
  const forms = [value, digits, ...international.map(prefix => `${prefix}${digits}`), typed.replace(/[\s().-]/g, '')]
  // As dialled at home, which says nothing at a site elsewhere.
  const isHome = plan.normalise({ user: national, display: null, anonymous: false }).value === value
  return [...new Set(isHome ? [...forms, national] : forms)]
}
