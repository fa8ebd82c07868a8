/** A captured message as a line of a ladder: between whom, and in a few words what. What it held is forgotten: a capture may be long. */
import { createHash } from 'node:crypto'
import { headerValue, headerValues } from '../../sip/message/headers.ts'
import type { HopAddress, SipMessage, SipRequest } from '../../sip/message/message.ts'
import { parseUri } from '../../sip/message/uri.ts'
import { mediaDirection } from '../../sip/observer/media-direction.ts'
import { readReasons } from '../../sip/observer/reason.ts'
import { referTo } from '../../sip/observer/ties.ts'

export interface SeenLine {
  /** Wire time, epoch ms. */
  readonly at: number
  readonly source: HopAddress
  readonly destination: HopAddress
  /** `INVITE 1002`, `re-INVITE hold`, `180 Ringing`, `200 OK (BYE)`. */
  readonly text: string
  readonly isAck: boolean
  /** The same for a message that is sent again, and for no other one. */
  readonly identity: string
}

const maxText = 60

/** `method`: that of its transaction. */
export function seenLine(at: number, source: HopAddress, destination: HopAddress, message: SipMessage, method: string): SeenLine {
  const words = message.kind === 'request' ? requestWords(message) : responseWords(message.status, message.reason, method)
  const named = (name: string) => headerValue(message, name) ?? ''
  const ends = `${source.address} ${source.port} ${destination.address} ${destination.port}`
  return {
    at,
    source,
    destination,
    text: ownCopy(words.slice(0, maxText)),
    isAck: message.kind === 'request' && message.method === 'ACK',
    identity: digestOf([ends, words, named('CSeq'), named('Via'), named('To')]),
  }
}

/** The same text, which does not keep alive the message that it was cut from. */
export function ownCopy(text: string): string {
  return Buffer.from(text).toString()
}

function digestOf(words: readonly string[]): string {
  return createHash('sha1').update(words.join('\n')).digest('base64')
}

function requestWords(request: SipRequest): string {
  const { method } = request
  switch (method) {
    case 'INVITE':
    case 'UPDATE': {
      const isFirst = !/;\s*tag=/i.test(headerValue(request, 'To') ?? '')
      if (isFirst) return `${method} ${parseUri(request.uri)?.user ?? ''}`.trim()
      const hold = mediaDirection(request.body) === 'held' ? ' hold' : ''
      return `${method === 'INVITE' ? 're-INVITE' : method}${hold}`
    }
    case 'REFER':
      return `REFER to ${referTo(request)?.user ?? '?'}`
    case 'NOTIFY':
      return `NOTIFY ${headerValue(request, 'Event') ?? ''}`.trim()
    case 'BYE':
    case 'CANCEL': {
      const { q850 } = readReasons(headerValues(request, 'Reason'))
      return q850 === null ? method : `${method} cause ${q850}`
    }
    default:
      return method
  }
}

function responseWords(status: number, reason: string, method: string): string {
  return `${status} ${reason}${method === 'INVITE' ? '' : ` (${method})`}`
}
