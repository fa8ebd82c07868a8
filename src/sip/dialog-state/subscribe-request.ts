/**
 * SUBSCRIBEs through drachtio-srf: sends one and tells its final response. Everything that is particular to drachtio-srf about
 * subscriptions is here; it makes dialogs of its own only for applications that leave authentication and NOTIFYs to it.
 */
import type Srf from 'drachtio-srf'

/** A request as it went out. */
export interface SubscribeRequest {
  /** The request URI outside a dialog; `null` inside `dialogId`, where the server knows it. */
  readonly uri: string | null
  readonly dialogId: string
  readonly headers: Readonly<Record<string, string>>
}

export interface SubscribeResponse {
  readonly status: number
  /** The value of a header of the response; `null` when there is none. */
  readonly header: (name: string) => string | null
  /** The request URI as it was on the wire: what a digest is made over. */
  readonly requestUri: string
}

/** `unsent`: no server is connected, or it refused the request. */
export type SubscribeResult =
  | { readonly kind: 'response'; readonly response: SubscribeResponse }
  | { readonly kind: 'unsent'; readonly reason: string }

/** The request URI that a drachtio-server replaces by the dialog's own. */
const placeholder = 'sip:placeholder'

/** The control protocol's name of a dialog that we began. */
export function dialogIdOf(callId: string, fromTag: string): string {
  return `${callId};from-tag=${fromTag}`
}

/** Sends a SUBSCRIBE; `onResult` hears of its final response, once. A server that goes away meanwhile never answers. */
export function sendSubscribe(srf: Srf, request: SubscribeRequest, onResult: (result: SubscribeResult) => void): void {
  const { uri, dialogId, headers } = request
  const options = { method: 'SUBSCRIBE', headers: { ...headers }, ...(uri === null ? { stackDialogId: dialogId } : {}) }
  const onSent = (error: unknown, sent: Srf.SrfRequest | undefined): void => {
    if (sent === undefined) {
      onResult({ kind: 'unsent', reason: error instanceof Error ? error.message : String(error) })
      return
    }
    sent.on('response', response => {
      if (response === undefined || response.status < 200) return
      const header = (name: string): string | null => response.get(name) ?? null
      onResult({ kind: 'response', response: { status: response.status, header, requestUri: sent.uri } })
    })
  }
  try {
    // The library's types know another form of this method only.
    const send: unknown = Reflect.get(srf, 'request')
    if (typeof send === 'function') Reflect.apply(send, srf, [uri ?? placeholder, options, onSent])
  } catch (error) {
    // Without a connection it throws an assertion.
    onResult({ kind: 'unsent', reason: error instanceof Error ? error.message : String(error) })
  }
}
