/**
 * What an application may ask of the server (drachtio's control protocol, application to server), parsed. Total: a payload that is no
 * command gives the refusal to answer with. `NO` means that the peer does not speak the protocol and is disconnected; `NOK` refuses
 * this one command.
 */
import { splitPayload } from './frame.ts'
import { type AppMessage, parseAppMessage, parseRequestLine, parseStatusLine } from './message-text.ts'

/** A request as the application wants it; `uri` may be the placeholder for "the remote target". */
export interface AppRequest extends AppMessage {
  readonly method: string
  readonly uri: string
}

export interface AppResponse extends AppMessage {
  readonly status: number
  readonly reason: string
}

export interface ProxyCommand {
  readonly kind: 'proxy'
  readonly id: string
  readonly transactionId: string
  /** Stay in the path of the dialog: Record-Route. */
  readonly remainInDialog: boolean
  /** Report every final response of a target, and the end. */
  readonly fullResponse: boolean
  /** Try the Contacts of a 3xx. */
  readonly followRedirects: boolean
  readonly simultaneous: boolean
  /** How long a target may give no sign of life, ms; `null` when the application did not say. */
  readonly provisionalTimeoutMs: number | null
  /** Target URIs in order, at least one. */
  readonly destinations: readonly string[]
  /** Headers to add to what is forwarded. */
  readonly headers: AppMessage['headers']
}

export type Command =
  | { readonly kind: 'authenticate'; readonly id: string; readonly secret: string }
  | { readonly kind: 'route' | 'remove-route'; readonly id: string; readonly verb: string }
  | { readonly kind: 'ping'; readonly id: string }
  | { readonly kind: 'respond'; readonly id: string; readonly transactionId: string; readonly response: AppResponse }
  | { readonly kind: 'cancel'; readonly id: string; readonly transactionId: string; readonly request: AppRequest }
  | { readonly kind: 'request'; readonly id: string; readonly routeUri: string | null; readonly request: AppRequest }
  | { readonly kind: 'request-in-dialog'; readonly id: string; readonly dialogId: string; readonly request: AppRequest }
  | ProxyCommand

export interface CommandRefusal {
  readonly kind: 'refusal'
  readonly id: string
  readonly verdict: 'NO' | 'NOK'
  readonly reason: string
}

const MAX_DESTINATIONS = 64

/** Parses one payload. */
export function parseCommand(payload: Buffer): Command | CommandRefusal {
  const { tokens, rest } = splitPayload(payload)
  const [id = '', type] = tokens
  if (type === undefined) return refuse(id, 'NO', 'Invalid message format')
  switch (type) {
    case 'authenticate':
      return { kind: 'authenticate', id, secret: tokens[2] ?? '' }
    case 'route':
      return verbCommand('route', id, tokens[2])
    case 'remove_route':
      return verbCommand('remove-route', id, tokens[2])
    case 'ping':
      return { kind: 'ping', id }
    case 'sip':
      return parseSip(id, tokens, rest ?? Buffer.alloc(0))
    case 'proxy':
      return parseProxy(id, tokens, rest ?? Buffer.alloc(0))
    default:
      return refuse(id, 'NO', 'Unknown message type')
  }
}

function refuse(id: string, verdict: 'NO' | 'NOK', reason: string): CommandRefusal {
  return { kind: 'refusal', id, verdict, reason }
}

function verbCommand(kind: 'route' | 'remove-route', id: string, verb: string | undefined): Command | CommandRefusal {
  return verb === undefined || verb === '' ? refuse(id, 'NOK', 'missing verb') : { kind, id, verb }
}

function parseSip(id: string, tokens: readonly string[], text: Buffer): Command | CommandRefusal {
  const [, , transactionId = '', dialogId = '', routeUri = ''] = tokens
  const message = parseAppMessage(text)
  const statusLine = parseStatusLine(message.startLine)
  if (statusLine !== null) {
    if (transactionId === '') return refuse(id, 'NO', 'transaction id missing')
    return { kind: 'respond', id, transactionId, response: { ...message, ...statusLine } }
  }
  const requestLine = parseRequestLine(message.startLine)
  if (requestLine === null) return refuse(id, 'NOK', `invalid request-uri: ${message.startLine}`)
  const request = { ...message, ...requestLine }
  if (dialogId !== '') return { kind: 'request-in-dialog', id, dialogId, request }
  if (transactionId === '') return { kind: 'request', id, routeUri: routeUri === '' ? null : routeUri, request }
  if (request.method === 'CANCEL') return { kind: 'cancel', id, transactionId, request }
  return refuse(id, 'NOK', `only CANCEL may name a transaction, not ${request.method}`)
}

function parseProxy(id: string, tokens: readonly string[], text: Buffer): ProxyCommand | CommandRefusal {
  const [, , transactionId = '', remain, full, redirects, forking, provisionalTimeout = '', , ...targets] = tokens
  const destinations = targets.filter(target => target !== '')
  if (tokens.length < 4 || transactionId === '') return refuse(id, 'NO', 'Invalid proxy request: not enough information provided')
  if (destinations.length === 0) return refuse(id, 'NOK', 'proxy request without a destination')
  if (destinations.length > MAX_DESTINATIONS) return refuse(id, 'NOK', `more than ${MAX_DESTINATIONS} proxy destinations`)
  return {
    kind: 'proxy',
    id,
    transactionId,
    remainInDialog: remain === 'remainInDialog',
    fullResponse: full === 'fullResponse',
    followRedirects: redirects === 'followRedirects',
    simultaneous: forking === 'simultaneous',
    provisionalTimeoutMs: parseDuration(provisionalTimeout),
    destinations,
    headers: parseAppMessage(text).headers,
  }
}

/** `2s`, `500ms`; anything else counts as not said. */
function parseDuration(text: string): number | null {
  const match = /^(\d{1,7})(ms|s)$/.exec(text)
  if (match === null) return null
  return Number(match[1]) * (match[2] === 's' ? 1000 : 1)
}
