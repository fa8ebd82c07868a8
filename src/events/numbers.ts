/**
 * Numbers as the world writes them: E.164 for real ones, bare for extensions (ITU-T E.164, RFC 3966). What a PBX puts into a
 * SIP URI may be any of `1001`, `+1 (415) 555-0100`, `00442079460000`, `0207 946 0000` or `5550100;phone-context=+1415`.
 */
import { type CountryCode, isSupportedCountry, parsePhoneNumberFromString } from 'libphonenumber-js/max'
import type { CallParty, Direction } from './event.ts'
import type { Side, WireParty } from './signal.ts'

export interface NumberPlan {
  /** Never throws: what is neither an extension nor a number becomes `other`, with what the wire said. */
  normalise(party: WireParty): CallParty
}

/** Longer user parts are cut before they are looked at: no number needs more, and the patterns are the operator's own. */
const maxUserLength = 128
const maxRemembered = 4096
/** E.164 has 15 digits at most; prefixes add a few. */
const maxDigits = 24

/**
 * A plan for a site: `country` (ISO 3166-1 alpha-2) tells how national numbers are meant, `internal` which user parts are
 * extensions. Throws when the country is unknown.
 */
export function numberPlan(site: { readonly country: string; readonly internal: readonly RegExp[] }): NumberPlan {
  const { country } = site
  if (!isSupportedCountry(country)) {
    throw new Error(`numbers.country: ${JSON.stringify(country)} is no country code; give two capital letters as in US, GB or DE`)
  }
  // A global or sticky pattern would remember where it last matched.
  const internal = site.internal.map(pattern => new RegExp(pattern.source, pattern.flags.replace(/[gy]/g, '')))
  const remembered = new Map<string, Naming>()

  const nameOf = (user: string): Naming => {
    const known = remembered.get(user)
    if (known !== undefined) return known
    const naming = nameUser(user, country, internal)
    if (remembered.size >= maxRemembered) remembered.clear() // an office calls the same numbers again; parsing one costs 0.1 ms
    remembered.set(user, naming)
    return naming
  }

  return {
    normalise(party) {
      const user = party.user.slice(0, maxUserLength)
      const naming = nameOf(user)
      // An extension that asks for privacy hides from whom it calls, not from its own office.
      if (naming.kind === 'extension') return { ...naming, display: party.display }
      if (party.anonymous || naming.kind === 'anonymous') return { kind: 'anonymous', value: 'anonymous', display: null }
      return { ...naming, display: party.display }
    },
  }
}

type Naming = Pick<CallParty, 'kind' | 'value'>

function nameUser(user: string, country: CountryCode, internal: readonly RegExp[]): Naming {
  const [local = '', ...parameters] = user.split(';')
  const bare = local.trim()
  if (bare !== '' && internal.some(pattern => pattern.test(bare))) return { kind: 'extension', value: bare }
  if (bare === '' || bare.toLowerCase() === 'anonymous') return { kind: 'anonymous', value: 'anonymous' }
  const number = toE164(bare, phoneContext(parameters), country)
  return number === null ? { kind: 'other', value: user } : { kind: 'e164', value: number }
}

/** The prefix of a `;phone-context=+1415` (RFC 3966 section 5.1.5); a context that is a domain says nothing about the number. */
function phoneContext(parameters: readonly string[]): string {
  for (const parameter of parameters) {
    const match = /^phone-context=(\+[\d().-]+)$/i.exec(parameter.trim())
    if (match?.[1] !== undefined) return match[1]
  }
  return ''
}

/** `null` when the text is no number that could be dialled from the country. */
function toE164(text: string, context: string, country: CountryCode): string | null {
  if (!/^\+?[\d\s().-]+$/.test(text)) return null
  const digits = text.replace(/[^\d+]/g, '')
  if (digits.length > maxDigits) return null
  if (digits.startsWith('+')) return global(digits)
  if (context !== '') return global(context.replace(/[^\d+]/g, '') + digits)
  const national = parsePhoneNumberFromString(digits, { defaultCountry: country, extract: false })
  if (national?.isValid() === true) return national.number
  // The international prefix of another country than this one's; PBXs and carriers agree on either.
  for (const prefix of ['011', '00']) {
    if (digits.startsWith(prefix)) return valid(`+${digits.slice(prefix.length)}`)
  }
  // Many carriers write E.164 without its plus. Nothing in this country is dialled like this, so it is worth a look.
  return digits.startsWith('0') || digits.length < 10 ? null : valid(`+${digits}`)
}

/** A number that came with its plus is taken at its word if it can be E.164 at all. */
function global(number: string): string | null {
  return valid(number) ?? (/^\+[1-9]\d{6,14}$/.test(number) ? number : null)
}

function valid(number: string): string | null {
  const parsed = parsePhoneNumberFromString(number, { extract: false })
  return parsed?.isValid() === true ? parsed.number : null
}

/**
 * Which way a call goes. Who is an extension decides; where neither party is, `side`, on which the caller stands, does. When
 * nothing tells, the call is taken to come from outside.
 */
export function direction(from: CallParty, to: CallParty, side: Side | null): Direction {
  const fromInside = from.kind === 'extension'
  const toInside = to.kind === 'extension'
  if (fromInside && toInside) return 'internal'
  if (fromInside) return 'outbound'
  if (toInside) return 'inbound'
  return side === 'pbx' ? 'outbound' : 'inbound'
}
