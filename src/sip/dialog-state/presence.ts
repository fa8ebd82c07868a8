/** What the dialogs of an extension say about the person at it. Pure. */
import type { WireParty } from '../../events/signal.ts'
import { type DialogElement, rendersNothing } from './dialog-info.ts'
import { partyOf } from './dialog-signals.ts'

/** `unknown`: no subscription stands, so nothing is told. Whoever dials out is on a call already. */
export type Presence = 'on_call' | 'ringing' | 'available' | 'unknown'

/** One extension, as it is since `at` (epoch ms). */
export interface ExtensionPresence {
  /** The user part of `uri`: `1001`. */
  readonly extension: string
  /** As configured: `sip:1001@192.0.2.10`. */
  readonly uri: string
  readonly presence: Presence
  /** On a call, and every one of its calls is on hold, whoever holds. */
  readonly held: boolean
  /** With whom, or who calls; `null` where the PBX does not say. */
  readonly remote: WireParty | null
  readonly at: number
}

/** What a person would say of someone with these dialogs. */
export function presenceOf(dialogs: Iterable<DialogElement>): Pick<ExtensionPresence, 'presence' | 'held' | 'remote'> {
  const all = [...dialogs]
  const calls = all.filter(isTalk)
  if (calls.length > 0) {
    const spokenTo = calls.find(call => !isHeld(call))
    return { presence: 'on_call', held: spokenTo === undefined, remote: remoteOf(spokenTo ?? calls[0]) }
  }
  const ringing = all.find(({ state }) => state !== 'terminated')
  return { presence: ringing === undefined ? 'available' : 'ringing', held: false, remote: remoteOf(ringing) }
}

/** Whether two say the same, apart from since when. */
export function samePresence(a: ExtensionPresence, b: ExtensionPresence): boolean {
  return (
    a.presence === b.presence &&
    a.held === b.held &&
    a.remote?.user === b.remote?.user &&
    a.remote?.display === b.remote?.display &&
    a.remote?.anonymous === b.remote?.anonymous
  )
}

function isTalk({ state, direction }: DialogElement): boolean {
  return state === 'confirmed' || (direction === 'initiator' && state !== 'terminated')
}

function isHeld({ local, remote }: DialogElement): boolean {
  return rendersNothing(local) || rendersNothing(remote)
}

function remoteOf(dialog: DialogElement | undefined): WireParty | null {
  return dialog === undefined ? null : partyOf(dialog.remote)
}
