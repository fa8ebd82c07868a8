/**
 * Documents of the dialog event package (RFC 4235, `application/dialog-info+xml`): who has which dialogs, as the PBX tells a watcher.
 * The parser is total: it takes what vendors send (other namespace prefixes, attributes and elements left out, words in another case)
 * and refuses with a reason what cannot be understood. A dialog without an id or a state that we know is left out, as RFC 4235 asks.
 */
import { child, childrenNamed, parseXml, type XmlElement } from '../xml.ts'

/** RFC 4235 section 3.7.1. */
export type DialogState = 'trying' | 'proceeding' | 'early' | 'confirmed' | 'terminated'

/** Why a dialog is in its state (RFC 4235 section 3.7.1): how it ended, for the most part. */
export type DialogEvent = 'cancelled' | 'rejected' | 'replaced' | 'local-bye' | 'remote-bye' | 'error' | 'timeout'

/** The three names of a SIP dialog. */
export interface DialogNames {
  readonly callId: string
  readonly localTag: string
  readonly remoteTag: string
}

/** One side of a dialog; `local` is the watched extension. */
export interface DialogSide {
  /** As written: `sip:1001@pbx`, `tel:+15550100`. */
  readonly uri: string | null
  readonly display: string | null
  /** The URI that requests go to. */
  readonly target: string | null
  /** `<param>`s of the target, names in lower case: `+sip.rendering`. */
  readonly params: ReadonlyMap<string, string>
}

export interface DialogElement {
  readonly id: string
  /** `null` where the PBX does not say (Asterisk): then the element is a state of the extension and names no dialog. */
  readonly callId: string | null
  readonly localTag: string | null
  readonly remoteTag: string | null
  /** Whether the watched extension began it. */
  readonly direction: 'initiator' | 'recipient' | null
  readonly state: DialogState
  readonly event: DialogEvent | null
  /** The SIP status that came with the event. */
  readonly code: number | null
  /** For how long the dialog has been there, in ms. */
  readonly durationMs: number | null
  readonly replaces: DialogNames | null
  /** URI of who transferred the call here. */
  readonly referredBy: string | null
  readonly local: DialogSide
  readonly remote: DialogSide
}

export interface DialogInfo {
  readonly version: number
  /** A full document tells of every dialog, a partial one only of those that changed. */
  readonly state: 'full' | 'partial'
  /** URI of the watched extension. */
  readonly entity: string
  readonly dialogs: readonly DialogElement[]
}

export type DialogInfoResult = { readonly ok: true; readonly info: DialogInfo } | { readonly ok: false; readonly reason: string }

/** The most dialogs that one document, and one extension, may have. */
export const maxDialogs = 256

/** What a NOTIFY over UDP can carry, and far more than a phone has dialogs; a longer document is not even looked at. */
const maxCharacters = 65_536

/** Longer names than any real one are no names. */
const maxNameLength = 512

const states: readonly string[] = ['trying', 'proceeding', 'early', 'confirmed', 'terminated'] satisfies readonly DialogState[]
const events: readonly string[] = [
  'cancelled',
  'rejected',
  'replaced',
  'local-bye',
  'remote-bye',
  'error',
  'timeout',
] satisfies readonly DialogEvent[]

/** Parses the body of a NOTIFY. Never throws. */
export function parseDialogInfo(text: string): DialogInfoResult {
  if (text.length > maxCharacters) return refused(`has more than ${maxCharacters} characters`)
  const xml = parseXml(text)
  if (!xml.ok) return refused(`is no XML that we read: ${xml.reason}`)
  const { root } = xml
  if (root.name !== 'dialog-info') return refused('is no dialog-info document')
  const version = wholeNumber(root.attributes.get('version'), 10)
  if (version === null) return refused('has no version')
  const state = word(root.attributes.get('state'))
  if (state !== 'full' && state !== 'partial') return refused('says neither full nor partial')
  const elements = childrenNamed(root, 'dialog')
  if (elements.length > maxDialogs) return refused(`has more than ${maxDialogs} dialogs`)
  const dialogs = elements.flatMap(element => dialogIn(element) ?? [])
  return { ok: true, info: { version, state, entity: name(root.attributes.get('entity')) ?? '', dialogs } }
}

/** Whether that side is heard by nobody: `+sip.rendering=no` (RFC 4235 section 3.7.3.1.2, RFC 4235 section 5.2) is how a hold shows. */
export function rendersNothing(side: DialogSide): boolean {
  const rendering = side.params.get('+sip.rendering') ?? side.params.get('sip.rendering')
  return rendering !== undefined && word(rendering) === 'no'
}

function dialogIn(element: XmlElement): DialogElement | null {
  const { attributes } = element
  const stateElement = child(element, 'state')
  const state = word(stateElement?.text)
  const callId = name(attributes.get('call-id'))
  const id = name(attributes.get('id')) ?? callId
  if (id === null || !isState(state)) return null
  const direction = word(attributes.get('direction'))
  const event = word(stateElement?.attributes.get('event'))
  const seconds = wholeNumber(child(element, 'duration')?.text, 8)
  return {
    id,
    callId,
    localTag: name(attributes.get('local-tag')),
    remoteTag: name(attributes.get('remote-tag')),
    direction: direction === 'initiator' || direction === 'recipient' ? direction : null,
    state,
    event: isEvent(event) ? event : null,
    code: statusIn(stateElement?.attributes.get('code')),
    durationMs: seconds === null ? null : seconds * 1000,
    replaces: namesIn(child(element, 'replaces')),
    referredBy: name(child(element, 'referred-by')?.text),
    local: sideIn(child(element, 'local')),
    remote: sideIn(child(element, 'remote')),
  }
}

function sideIn(element: XmlElement | null): DialogSide {
  const identity = element === null ? null : child(element, 'identity')
  const target = element === null ? null : child(element, 'target')
  const params = new Map<string, string>()
  for (const { attributes } of target === null ? [] : childrenNamed(target, 'param')) {
    const key = word(attributes.get('pname'))
    // Several vendors write `pval`, the name of the attribute in a draft of RFC 4235.
    if (key !== '' && !params.has(key)) params.set(key, attributes.get('pvalue') ?? attributes.get('pval') ?? '')
  }
  const display = identity?.attributes.get('display')?.trim() ?? ''
  return {
    uri: name(identity?.text),
    display: display === '' ? null : display.slice(0, maxNameLength),
    target: name(target?.attributes.get('uri')),
    params,
  }
}

function namesIn(element: XmlElement | null): DialogNames | null {
  const callId = name(element?.attributes.get('call-id'))
  const localTag = name(element?.attributes.get('local-tag'))
  const remoteTag = name(element?.attributes.get('remote-tag'))
  return callId === null || localTag === null || remoteTag === null ? null : { callId, localTag, remoteTag }
}

function name(text: string | undefined): string | null {
  const trimmed = text?.trim() ?? ''
  return trimmed === '' || trimmed.length > maxNameLength ? null : trimmed
}

function word(text: string | undefined): string {
  return text?.trim().toLowerCase() ?? ''
}

function wholeNumber(text: string | undefined, digits: number): number | null {
  const trimmed = text?.trim() ?? ''
  return /^\d+$/.test(trimmed) && trimmed.replace(/^0+(?=.)/, '').length <= digits ? Number(trimmed) : null
}

function statusIn(text: string | undefined): number | null {
  const status = wholeNumber(text, 3)
  return status !== null && status >= 100 && status <= 699 ? status : null
}

function isState(text: string): text is DialogState {
  return states.includes(text)
}

function isEvent(text: string): text is DialogEvent {
  return events.includes(text)
}

function refused(reason: string): DialogInfoResult {
  return { ok: false, reason }
}
