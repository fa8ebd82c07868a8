/**
 * Whether a recording may be kept: asks the rules about its parties, and everybody who may know what the caller chose. What is
 * decided once is stored with the recording and stands.
 */
import {
  asksForChoice,
  type ConsentRules,
  consentOf,
  isForAll,
  partiesNamed,
  partiesOf,
  type RecordedConsent,
  rulingFor,
} from '../../events/consent.ts'
import type { CallParty } from '../../events/event.ts'
import type { RecordingItem } from '../../events/recording.ts'
import { readSidecar, type Sidecar } from '../folders/sidecar.ts'
import type { RecordingLedger } from '../ledger.ts'
import { isInside } from './spool.ts'

export interface KeepingOptions {
  readonly rules: ConsentRules
  /** The folders, absolute, in which a recorder leaves a sidecar beside its recordings. */
  readonly sidecarFolders: readonly string[]
}

export type Keeping =
  | { readonly kind: 'keep'; readonly consent: RecordedConsent }
  | { readonly kind: 'refuse'; readonly consent: RecordedConsent; readonly reason: string }
  /** The call goes on, or what was chosen may still be told: until then (epoch ms) at the earliest, if that is known. */
  | { readonly kind: 'wait'; readonly until: number | null }
  /** Somebody says something that cannot be read: a person has to look. */
  | { readonly kind: 'unclear'; readonly reason: string }

export interface KeepingFacts {
  readonly ledger: RecordingLedger
  /** The site's number plan, for a number as a file's name has it. */
  readonly partyOf: (number: string) => CallParty
  /** Epoch ms. */
  readonly now: number
  /** How long the recording has waited, and how long it waits for its sidecar, ms. */
  readonly waited: number
  readonly sidecarWaitMs: number
}

/** No call is as long, ms; the end of one that goes on for ever by the book is not waited for. */
const longestCallMs = 24 * 3_600_000
/** So long after the end the PBX's last word, its response to the BYE, may still be on its way into the ledger, ms. */
const lastWordMs = 3_000

/** Decides over a recording whose call is found, or will not be. Rejects when the ledger does. */
export async function mayKeep(item: RecordingItem, options: KeepingOptions, facts: KeepingFacts): Promise<Keeping> {
  if (item.consent !== undefined && item.consent !== null) return { kind: 'keep', consent: item.consent }
  const { hints, callId } = item
  const call = callId === null ? null : await facts.ledger.call(callId)
  // Who else will take part, and what will be chosen, is not known before the end.
  if (call !== null && !isForAll(options.rules)) {
    const { endedAt } = call
    if (endedAt === null && facts.waited < longestCallMs) return { kind: 'wait', until: null }
    // Of a clock that was set back nothing is to be learnt.
    if (endedAt !== null && facts.now >= endedAt && facts.now < endedAt + lastWordMs)
      return { kind: 'wait', until: endedAt + lastWordMs }
  }
  const named = (number: string | null): CallParty | null => (number === null ? null : facts.partyOf(number))
  const ruling = rulingFor(options.rules, call === null ? partiesNamed(named(hints.from), named(hints.to)) : partiesOf(call))
  const sidecar = await sidecarOf(item, options)
  if (asksForChoice(ruling)) {
    if (mayStillBeTold(sidecar, facts)) return { kind: 'wait', until: null }
    if (sidecar?.kind === 'unreadable') return { kind: 'unclear', reason: `its sidecar cannot be read: ${sidecar.reason}` }
  }
  const verdict = consentOf(ruling, [
    { who: 'the PBX', said: call?.consent?.said ?? null },
    { who: 'its name or form', said: hints.consent ?? null },
    { who: 'its sidecar', said: sidecar?.kind === 'read' ? sidecar.said : null },
  ])
  return verdict.kind === 'given' ? { ...verdict, kind: 'keep' } : { ...verdict, kind: 'refuse' }
}

function mayStillBeTold(sidecar: Sidecar | null, { waited, sidecarWaitMs }: KeepingFacts): boolean {
  return sidecar !== null && sidecar.kind !== 'read' && waited < sidecarWaitMs
}

async function sidecarOf({ sourcePath }: RecordingItem, { sidecarFolders }: KeepingOptions): Promise<Sidecar | null> {
  return sidecarFolders.some(folder => isInside(folder, sourcePath)) ? await readSidecar(sourcePath) : null
}
