/**
 * Under which names a recorded call is known elsewhere: what joins it with its legs seen in other ways, and with other recordings of it.
 */
import type { Tie } from '../../events/signal.ts'
import { headerValues, sameName } from '../message/headers.ts'
import type { SipMessage } from '../message/message.ts'
import { extensionsOf } from './call-facts.ts'
import { readBuiltInBridge } from './cisco-recording.ts'
import type { CommunicationSession, Extension, RecordingMetadata } from './metadata.ts'
import type { RecordedParticipant } from './participants.ts'

/** Enough for a call that was transferred often; more is no call's. */
const MAX_TIES = 64

/** Headers in which clients name the call; the configuration may name more. */
const CALL_HEADERS = ['Cisco-Guid', 'AC-Session-ID', 'X-AUDC-Call-ID', 'X-Genesys-CallUUID', 'X-ISR-UCID']

export function tiesOf(
  message: SipMessage,
  metadata: RecordingMetadata | null,
  session: CommunicationSession | null,
  participants: readonly RecordedParticipant[],
  uniqueHeaders: readonly string[],
): Tie[] {
  const ties = new Map<string, Tie>()
  const tie = (key: string | null, reason: string): void => {
    if (key !== null && !ties.has(key) && ties.size < MAX_TIES) ties.set(key, { key, reason })
  }
  if (session !== null) {
    tie(keyed('siprec', session.id), 'recording metadata: session')
    if (/^00FA08[0-9A-F]{8,}$/i.test(session.id)) tie(ucidKey(session.id), 'recording metadata: session named by its UCID')
    if (session.groupId !== null) tie(keyed('siprec-group', session.groupId), 'recording metadata: group')
    for (const id of session.sipSessionIds) for (const key of sessionIdKeys(id)) tie(key, 'recording metadata: sipSessionID')
  }
  for (const value of headerValues(message, 'User-to-User')) tie(ucidKey(value), 'header User-to-User')
  for (const name of [...CALL_HEADERS, ...uniqueHeaders])
    for (const value of headerValues(message, name)) tie(keyed('unique', value), `header ${name}`)
  const bridge = readBuiltInBridge(message)
  for (const end of bridge === null ? [] : [bridge.near, bridge.far])
    if (end.refci !== '') tie(keyed('refci', `${end.cluster}:${end.refci}`), 'From of the built-in bridge: refci')
  if (metadata === null) return [...ties.values()]
  for (const extension of extensionsOf(metadata, session, participants)) {
    const key = extensionKey(extension, uniqueHeaders)
    if (key !== null) tie(key, `recording metadata: ${extension.label ?? extension.name}`)
  }
  // NetSapiens names a participant by the Call-ID of its leg.
  if (metadata.extensions.some(({ path, name }) => name === 'netsapiensextension' || path.includes('netsapiensextension')))
    for (const { id } of participants)
      if (/^[\w.@-]{16,}$/.test(id)) tie(keyed('sip', id), 'recording metadata: participant named by its Call-ID')
  return [...ties.values()]
}

function extensionKey({ name, value, path, label }: Extension, uniqueHeaders: readonly string[]): string | null {
  if (label !== null && name === 'value') {
    if (sameName(label, 'User-to-User')) return ucidKey(value)
    return [...CALL_HEADERS, ...uniqueHeaders].some(header => sameName(header, label)) ? keyed('unique', value) : null
  }
  switch (name) {
    case 'ucid':
    case 'avayaucid':
      return ucidKey(value) ?? keyed('unique', value)
    case 'genesysuuid':
    case 'exttrackingid':
      return keyed('unique', value)
    case 'callid':
      // BroadWorks' own id of its half of the call (`callhalf-…`), elsewhere (Ribbon) the Call-ID of a leg.
      return path.includes('broadworksrecordingmetadata') ? keyed('unique', value) : keyed('sip', value)
    case 'gcid':
      return keyed('gcid', value)
    case 'xfer-from':
    case 'xferfrom':
      return keyed('sip', value)
    default:
      return null
  }
}

/**
 * A Session-ID (RFC 7989) is two UUIDs, of which an all-zero one says nothing; either names the call. Clients also write a Call-ID
 * there (OpenSIPS).
 */
function sessionIdKeys(value: string): (string | null)[] {
  const uuids = /^([0-9a-f-]{32,36})(?:\s*;\s*remote\s*=\s*([0-9a-f-]{32,36}))?\s*(?:;|$)/i.exec(value)
  if (uuids === null) return [keyed('sip', value)]
  return uuids.slice(1).flatMap(uuid => {
    const hex = (uuid ?? '').replaceAll('-', '').toLowerCase()
    return /^[0-9a-f]{32}$/.test(hex) && !/^0+$/.test(hex) ? [keyed('session', hex)] : []
  })
}

/**
 * Avaya's Universal Call Identifier: `00FA080019001038F725B3;encoding=hex` in User-to-User, with or without that frame (`00` protocol,
 * `FA` the element's id, `08` its length) elsewhere. `null` for other user-to-user data.
 */
function ucidKey(value: string): string | null {
  const hex = value.split(';', 1)[0]?.trim().toUpperCase() ?? ''
  if (!/^[0-9A-F]{16,64}$/.test(hex)) return null
  return `ucid:${hex.replace(/^(?:00)?FA08(?=[0-9A-F]{16})/, '').slice(0, 16)}`
}

/** `null` for a value that no machine gives as a name. */
function keyed(kind: string, value: string): string | null {
  const text = value.trim()
  // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what it looks for
  if (text === '' || text.length > 256 || /[\u0000-\u0020\u007f]/.test(text)) return null
  return `${kind}:${text}`
}
