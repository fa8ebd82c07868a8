/** Requests that this server sends for an application, filled in as RFC 3261 8.1.1 (outside a dialog) and 12.2.1.1 (inside) ask. */
import { sameName } from '../../message/headers.ts'
import type { HeaderField, HopAddress, SipRequest } from '../../message/message.ts'
import { formatNameAddr, parseNameAddr } from '../../message/name-addr.ts'
import { parseUri } from '../../message/uri.ts'
import type { AppRequest } from '../control/command.ts'
import { appHeader } from '../control/message-text.ts'
import type { LocalIdentity } from '../local-identity.ts'
import { withTag } from '../responses.ts'
import type { Dialog, DialogPeer } from './dialog.ts'

/** Requests that carry a Contact: they begin a dialog or refresh its target. */
const WITH_CONTACT = new Set(['INVITE', 'SUBSCRIBE', 'REFER', 'UPDATE'])

/** Headers that say which dialog and transaction a request belongs to: inside a dialog they are the dialog's. */
const DIALOG_HEADERS = ['From', 'To', 'Call-ID', 'CSeq', 'Max-Forwards']

/** A body and the headers that describe it; `null` when nothing says what the body is. */
export function describedBody(message: {
  readonly headers: readonly HeaderField[]
  readonly body: Buffer
}): readonly HeaderField[] | null {
  if (message.body.length === 0 || appHeader(message, 'Content-Type') !== null) return []
  return message.body.subarray(0, 3).toString('latin1') === 'v=0' ? [{ name: 'Content-Type', value: 'application/sdp' }] : null
}

/**
 * The application's headers with the parties written out: `@localhost` replaced by the address that the far end can reach, and a bare
 * URI put into angle brackets, as some phones read no other.
 */
export function withRealParties(headers: readonly HeaderField[], hostPort: string): readonly HeaderField[] {
  return headers.map(field =>
    PARTIES.has(field.name.toLowerCase()) ? { ...field, value: bracketed(realAddress(field.value, hostPort)) } : field,
  )
}

const PARTIES = new Set(['from', 'to', 'contact', 'p-asserted-identity'])

const realAddress = (value: string, hostPort: string): string => value.replace(/@localhost(?::\d+)?(?![\w.-])/g, `@${hostPort}`)

function bracketed(value: string): string {
  const bare = value.includes('<') || value.includes(',') ? null : parseNameAddr(value)
  return bare === null ? value : formatNameAddr(bare)
}

export interface NewRequest {
  readonly request: SipRequest
  readonly callId: string
  readonly fromTag: string
  readonly seq: number
  readonly localParty: string
  /** '' when the method carries none. */
  readonly contact: string
}

/** A request outside any dialog. `defaults` are what the application may leave to us; returns `null` when the body has no type. */
export function newRequest(
  app: AppRequest,
  identity: LocalIdentity,
  local: HopAddress,
  defaults: { readonly callId: string; readonly tag: string; readonly seq: number },
): NewRequest | null {
  const described = describedBody(app)
  if (described === null) return null
  const headers = withRealParties(app.headers, identity.hostPort(local))
  const given = (name: string): string | null => appHeader({ headers }, name)
  const own = identity.uri(local, app.uri)
  const from = withTag(given('From') ?? `<${own}>`, defaults.tag)
  const callId = given('Call-ID') ?? defaults.callId
  const seq = Number(/^\d{1,10}/.exec(given('CSeq') ?? '')?.[0] ?? defaults.seq)
  const contact = WITH_CONTACT.has(app.method) ? (given('Contact') ?? `<${own}>`) : ''
  const fields: HeaderField[] = [
    { name: 'Max-Forwards', value: given('Max-Forwards') ?? '70' },
    { name: 'From', value: from },
    { name: 'To', value: given('To') ?? `<${app.uri}>` },
    { name: 'Call-ID', value: callId },
    { name: 'CSeq', value: `${seq} ${app.method}` },
  ]
  if (contact !== '') fields.push({ name: 'Contact', value: contact })
  fields.push(...without(headers, contact === '' ? DIALOG_HEADERS : [...DIALOG_HEADERS, 'Contact']), ...described)
  const request: SipRequest = { kind: 'request', method: app.method, uri: app.uri, headers: fields, body: app.body }
  return { request, callId, fromTag: parseNameAddr(from)?.params.get('tag') ?? defaults.tag, seq, localParty: from, contact }
}

/**
 * A request inside a dialog, and the URI of its next hop. `null` when the body has no type. The URI is the remote target unless the
 * application names another.
 */
export function requestInDialog(
  app: AppRequest,
  dialog: Dialog,
  peer: DialogPeer,
  seq: number,
  hostPort: string,
): { readonly request: SipRequest; readonly nextHop: string } | null {
  const described = describedBody(app)
  if (described === null) return null
  const toTarget = app.method === 'ACK' || app.uri.includes('placeholder') || parseUri(app.uri) === null
  const { uri, routes, nextHop } = routed(toTarget ? peer.target : app.uri, peer.routes)
  const headers = withRealParties(without(app.headers, DIALOG_HEADERS), hostPort)
  const fields: HeaderField[] = [
    ...routes.map(value => ({ name: 'Route', value })),
    { name: 'Max-Forwards', value: '70' },
    { name: 'From', value: dialog.localParty },
    { name: 'To', value: peer.party },
    { name: 'Call-ID', value: dialog.callId },
    { name: 'CSeq', value: `${seq} ${app.method}` },
  ]
  if (WITH_CONTACT.has(app.method) && appHeader({ headers }, 'Contact') === null)
    fields.push({ name: 'Contact', value: dialog.contact })
  fields.push(...headers, ...described)
  return { request: { kind: 'request', method: app.method, uri, headers: fields, body: app.body }, nextHop }
}

/** Request URI, Route and next hop for a target behind a route set; a first route without `lr` is a strict router (RFC 3261 12.2.1.1). */
function routed(target: string, routes: readonly string[]): { uri: string; routes: readonly string[]; nextHop: string } {
  const [first, ...rest] = routes
  const firstUri = first === undefined ? null : (parseNameAddr(first)?.uri ?? null)
  if (firstUri === null) return { uri: target, routes: [], nextHop: target }
  if (isLooseRouter(firstUri)) return { uri: target, routes, nextHop: firstUri }
  return { uri: firstUri, routes: [...rest, `<${target}>`], nextHop: firstUri }
}

/** Whether a Route URI belongs to a router of RFC 3261 rather than of RFC 2543. */
export function isLooseRouter(uri: string): boolean {
  return parseUri(uri)?.params.has('lr') ?? false
}

function without(headers: readonly HeaderField[], names: readonly string[]): readonly HeaderField[] {
  return headers.filter(field => !names.some(name => sameName(field.name, name)))
}
