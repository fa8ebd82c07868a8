/**
 * Leader lines of what the server tells an application (drachtio's control protocol, server to application). The SIP text follows the
 * leader as it went over the wire.
 */

/** The wire side of a message: its size, the far end (or our own end for what we sent as a client), and when. */
export interface WireFacts {
  readonly bytes: number
  /** '' and 0 for a message that was made here and never was on a wire. */
  readonly protocol: string
  readonly address: string
  readonly port: number
  /** Epoch ms. */
  readonly at: number
}

const MS_PER_DAY = 86_400_000

/** Time of day as the protocol writes it: `HH:MM:SS.uuuuuu`, UTC, without a date. */
export function formatTimeOfDay(at: number): string {
  const ofDay = Math.floor(at) % MS_PER_DAY
  const two = (n: number): string => (n < 10 ? `0${n}` : `${n}`)
  const ms = ofDay % 1000
  const seconds = Math.floor(ofDay / 1000)
  return `${two(Math.floor(seconds / 3600))}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}.${String(ms).padStart(3, '0')}000`
}

function wire({ bytes, protocol, address, port, at }: WireFacts): string {
  return `${bytes}|${protocol}|${address}|${port}|${formatTimeOfDay(at)}`
}

/** Answer to a command: `OK` with what the command asked for, or a refusal with its reason. */
export function responseLeader(
  uid: string,
  commandId: string,
  verdict: 'OK' | 'NO' | 'NOK',
  ...tokens: readonly string[]
): string {
  return [uid, 'response', commandId, verdict, ...tokens].join('|')
}

/** The request that went out for a command; `transactionId` correlates its responses. */
export function sentRequestTokens(facts: WireFacts, transactionId: string): string {
  return `application|${wire(facts)}|${transactionId}|Msg sent:|`
}

/** The response that went out for a command. */
export function sentResponseTokens(facts: WireFacts, transactionId: string, dialogId: string): string {
  return `application|${wire(facts)}|${transactionId}|${dialogId}||Msg sent:|`
}

/** One target's final response, while a proxied request goes on. */
export function proxiedResponseTokens(facts: WireFacts): string {
  return `network|${wire(facts)}|||continue`
}

/** A request outside a dialog, and the socket that took it. */
export function newRequestLeader(uid: string, facts: WireFacts, transactionId: string, host: string, port: number): string {
  return `${uid}|sip|network|${wire(facts)}|${transactionId}||${host}|${port}|`
}

/** A message inside a dialog or transaction; `application` when the server itself sent it. */
export function messageLeader(
  uid: string,
  source: 'network' | 'application',
  facts: WireFacts,
  transactionId: string,
  dialogId: string,
): string {
  return `${uid}|sip|${source}|${wire(facts)}|${transactionId}|${dialogId}|`
}

export type CallDetail =
  | { readonly record: 'attempt' }
  | { readonly record: 'start'; readonly role: 'uas' | 'uac' | 'proxy-uas' | 'proxy-uac' }
  | {
      readonly record: 'stop'
      readonly reason: 'normal-release' | 'call-rejected' | 'call-canceled' | 'ackbye' | 'session-expired'
    }

/** A call detail record: what happened to a call, for applications that route `cdr:attempt`, `cdr:start` or `cdr:stop`. */
export function callDetailLeader(uid: string, detail: CallDetail, source: 'network' | 'application', at: number): string {
  const head = `${uid}|cdr:${detail.record}|${source}|${formatTimeOfDay(at)}`
  switch (detail.record) {
    case 'attempt':
      return head
    case 'start':
      return `${head}|${detail.role}`
    case 'stop':
      return `${head}|${detail.reason}`
    default:
      return detail satisfies never
  }
}
