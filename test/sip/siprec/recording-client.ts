/** A recording client on UDP that a test scripts: it sends the fixtures' messages to a SIP server and keeps what comes back. */

import { vi } from 'vitest'
import { headerValue } from '../../../src/sip/message/headers.ts'
import type { HopAddress, SipRequest, SipResponse } from '../../../src/sip/message/message.ts'
import { serializeMessage } from '../../../src/sip/message/serialize.ts'
import { udpPeer } from '../embedded/transaction-peers.ts'

let serial = 0

export interface RecordingClient {
  /** Sends a request of the dialog (or the one that begins it) and waits for its final response. */
  ask(message: SipRequest): Promise<SipResponse>
  /** Sends without waiting for anything. */
  send(message: SipRequest): void
  /** Acknowledges the 200 to an INVITE, perhaps with a description. */
  acknowledge(invite: SipRequest, body?: string): void
  hangUp(invite: SipRequest): Promise<SipResponse>
  cancel(invite: SipRequest): Promise<SipResponse>
  /** The first request of that method that the server sent. */
  request(method: string): Promise<SipRequest>
  /** The final response to a message that was sent. */
  response(message: SipRequest): Promise<SipResponse>
}

export async function recordingClient(server: HopAddress): Promise<RecordingClient> {
  const peer = await udpPeer(null)
  const branches = new Map<string, string>()
  const toTags = new Map<string, string>()
  const contact = `<sip:client@127.0.0.1:${peer.address.port}>;+sip.src`

  const idOf = (message: SipRequest | SipResponse): string => headerValue(message, 'Call-ID') ?? ''
  const cseqOf = (message: SipRequest | SipResponse): string => headerValue(message, 'CSeq') ?? ''

  function prepared(message: SipRequest, branch: string): SipRequest {
    const tag = toTags.get(idOf(message))
    const headers = message.headers.flatMap(field => {
      switch (field.name) {
        case 'Via':
          return { name: 'Via', value: `SIP/2.0/UDP 127.0.0.1:${peer.address.port};branch=${branch};rport` }
        case 'Contact':
          return { name: 'Contact', value: contact }
        case 'To': {
          const bare = field.value.replace(/;tag=.*$/, '')
          return { name: 'To', value: tag === undefined || message.method === 'CANCEL' ? bare : `${bare};tag=${tag}` }
        }
        case 'Content-Length':
          return []
        default:
          return field
      }
    })
    const { address, port } = server
    return {
      ...message,
      uri: `sip:recorder@${address}:${port}`,
      headers: [...headers, { name: 'Content-Length', value: `${message.body.length}` }],
    }
  }

  function send(message: SipRequest, branch = `z9hG4bKclient${++serial}`): void {
    branches.set(`${idOf(message)} ${cseqOf(message)}`, branch)
    peer.send(serializeMessage(prepared(message, branch)), server)
  }

  function response(message: SipRequest): Promise<SipResponse> {
    return vi.waitFor(
      () => {
        const found = peer.got.find(
          (candidate): candidate is SipResponse =>
            candidate.kind === 'response' &&
            candidate.status >= 200 &&
            idOf(candidate) === idOf(message) &&
            cseqOf(candidate) === cseqOf(message),
        )
        if (found === undefined) throw new Error(`no answer to ${cseqOf(message)}`)
        const tag = /;tag=([^;]+)/.exec(headerValue(found, 'To') ?? '')?.[1]
        if (tag !== undefined) toTags.set(idOf(message), tag)
        return found
      },
      { timeout: 4_000, interval: 2 },
    )
  }

  const derived = (invite: SipRequest, method: string, cseq: string, body = ''): SipRequest => ({
    ...invite,
    method,
    headers: invite.headers
      .filter(({ name }) => name !== 'Content-Type' && name !== 'Require')
      .map(field => (field.name === 'CSeq' ? { name: 'CSeq', value: `${cseq} ${method}` } : field))
      .concat(body === '' ? [] : [{ name: 'Content-Type', value: 'application/sdp' }]),
    body: Buffer.from(body),
  })
  const numberOf = (message: SipRequest): string => cseqOf(message).split(' ')[0] ?? '1'

  return {
    send: message => send(message),
    response,
    ask(message) {
      send(message)
      return response(message)
    },
    acknowledge: (invite, body) => send(derived(invite, 'ACK', numberOf(invite), body)),
    hangUp(invite) {
      const bye = derived(invite, 'BYE', String(Number(numberOf(invite)) + 50))
      send(bye)
      return response(bye)
    },
    cancel(invite) {
      const cancel = derived(invite, 'CANCEL', numberOf(invite))
      send(cancel, branches.get(`${idOf(invite)} ${cseqOf(invite)}`))
      return response(cancel)
    },
    request: method =>
      vi.waitFor(
        () => {
          const found = peer.got.find(
            (candidate): candidate is SipRequest => candidate.kind === 'request' && candidate.method === method,
          )
          if (found === undefined) throw new Error(`no ${method} came`)
          return found
        },
        { timeout: 4_000, interval: 2 },
      ),
  }
}
