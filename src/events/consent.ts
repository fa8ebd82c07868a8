/**
 * Whether a recording may be kept: what the site's rules ask for, and what the caller chose. Pure. The words of the policies are
 * Zendesk's own.
 *
 *   always    keep it, whatever was chosen          opt_in   keep it when the caller said yes
 *   opt_out   keep it unless the caller said no     never    keep none
 *
 * A rule is for the numbers of the far side, of a line of ours, or for both together. The first rule that fits a party is that
 * party's; of several parties the strictest counts, and of several rules that may be a party's, since something that they ask about is
 * not known.
 */
import type { CallParty, CallSnapshot } from './event.ts'

/** From the most permissive to the strictest. */
export const consentPolicies = ['always', 'opt_out', 'opt_in', 'never'] as const
export type ConsentPolicy = (typeof consentPolicies)[number]

/** Both patterns see a party's value: `+4930901820`, `1001`, `anonymous`. `null` fits every party. */
export interface ConsentRule {
  /** The far side; of an internal call, each of the two. */
  readonly number: RegExp | null
  /** Our side: the number that was dialled, or the extension. */
  readonly line: RegExp | null
  readonly policy: ConsentPolicy
}

export interface ConsentRules {
  /** For whom no rule is. */
  readonly default: ConsentPolicy
  readonly rules: readonly ConsentRule[]
}

/** Whom a recording may be of. */
export interface Parties {
  /** Empty: not known. */
  readonly far: readonly CallParty[]
  readonly ours: readonly CallParty[]
}

/** What the rules ask for one recording. */
export interface Ruling {
  readonly policy: ConsentPolicy
  /** Where the configuration says so: `default`, `rules[0]`. */
  readonly by: string
}

/** What somebody says of one recording. `who`: `the PBX`, `its sidecar`. */
export interface Statement {
  readonly who: string
  /** `null`: nothing. */
  readonly said: boolean | null
}

/** Why a recording was kept or not; stored with it, so that rules of a later day do not rewrite it. */
export interface RecordedConsent {
  readonly policy: ConsentPolicy
  readonly by: string
  /** What the caller chose; `null` when nobody said. */
  readonly said: boolean | null
}

export type ConsentVerdict =
  | { readonly kind: 'given'; readonly consent: RecordedConsent }
  | { readonly kind: 'refused'; readonly consent: RecordedConsent; readonly reason: string }

/** What is asked for a recording of these parties. */
export function rulingFor(site: ConsentRules, { far, ours }: Parties): Ruling {
  const parties = far.length === 0 ? [null] : far
  return strictest(parties.flatMap(party => possibleRulings(site, party, ours)))
}

/** Every ruling that may be this party's: one, unless something that a rule asks about is not known. `null`: the party is not. */
function possibleRulings(site: ConsentRules, party: CallParty | null, ours: readonly CallParty[]): readonly Ruling[] {
  const here = ours.filter(each => party === null || !isSame(each, party))
  const possible: Ruling[] = []
  for (const [index, { number, line, policy }] of site.rules.entries()) {
    const fits = [matches(number, party === null ? [] : [party]), matches(line, here)]
    if (fits.includes('no')) continue
    possible.push({ policy, by: `rules[${index}]` })
    if (!fits.includes('unknown')) return possible
  }
  return [...possible, { policy: site.default, by: 'default' }]
}

function strictest([first, ...others]: readonly Ruling[]): Ruling {
  if (first === undefined) throw new Error('every party has a ruling, be it the default')
  const strictness = ({ policy }: Ruling): number => consentPolicies.indexOf(policy)
  return others.reduce((most, each) => (strictness(each) > strictness(most) ? each : most), first)
}

/** Whether one policy holds for everybody and whatever is chosen, so that nothing has to be known of a call. */
export const isForAll = (site: ConsentRules): boolean => site.rules.length === 0 && !asksForChoice({ policy: site.default })

/** Whether what the caller chose can change anything. */
export const asksForChoice = ({ policy }: Pick<Ruling, 'policy'>): boolean => policy === 'opt_in' || policy === 'opt_out'

/** The verdict over one recording. Whoever says no outweighs all who say yes. */
export function consentOf(ruling: Ruling, statements: readonly Statement[]): ConsentVerdict {
  const no = statements.find(({ said }) => said === false)
  const yes = statements.find(({ said }) => said === true)
  const said = no !== undefined ? false : yes !== undefined ? true : null
  const consent: RecordedConsent = { ...ruling, said }
  const rule = `recordings.consent.${ruling.by} says ${ruling.policy}`
  const refused = (what: string): ConsentVerdict => ({ kind: 'refused', consent, reason: `no consent: ${what}; ${rule}` })
  switch (ruling.policy) {
    case 'always':
      return { kind: 'given', consent }
    case 'never':
      return refused('nothing of this call is kept')
    case 'opt_in':
      if (said === true) return { kind: 'given', consent }
      return refused(no === undefined ? 'nobody said that the caller agreed' : `${no.who} said no`)
    case 'opt_out':
      return no === undefined ? { kind: 'given', consent } : refused(`${no.who} said no`)
    default:
      return ruling.policy satisfies never
  }
}

/** Who is on which side of a call: who called, what was dialled, and who answered. Of an internal one everybody is on both. */
export function partiesOf(call: Pick<CallSnapshot, 'from' | 'to' | 'direction' | 'legs'>): Parties {
  const answered = call.legs.filter(({ answeredAt }) => answeredAt !== null)
  const callees = distinct([call.to, ...answered.map(({ to }) => to)])
  switch (call.direction) {
    case 'inbound':
      return { far: [call.from], ours: callees }
    case 'outbound':
      return { far: callees, ours: [call.from] }
    case 'internal': {
      const all = distinct([call.from, ...callees])
      return { far: all, ours: all }
    }
    default:
      return call.direction satisfies never
  }
}

/** The same of the parties that a recording's own name tells, `null` where it tells none: extensions are ours, all others are not. */
export function partiesNamed(from: CallParty | null, to: CallParty | null): Parties {
  const named = [from, to].filter(party => party !== null)
  const outside = named.filter(({ kind }) => kind !== 'extension')
  return { far: outside.length === 0 && named.length === 2 ? named : outside, ours: named }
}

/** Whether a pattern fits any of the parties; none: they are not known. */
function matches(pattern: RegExp | null, parties: readonly CallParty[]): 'yes' | 'no' | 'unknown' {
  if (pattern === null) return 'yes'
  if (parties.length === 0) return 'unknown'
  // A global or sticky pattern would remember where it last matched.
  const fresh = new RegExp(pattern.source, pattern.flags.replace(/[gy]/g, ''))
  return parties.some(({ value }) => fresh.test(value)) ? 'yes' : 'no'
}

const isSame = (a: CallParty, b: CallParty): boolean => a.kind === b.kind && a.value === b.value

function distinct(parties: readonly CallParty[]): readonly CallParty[] {
  return parties.filter((party, index) => parties.findIndex(each => isSame(each, party)) === index)
}
