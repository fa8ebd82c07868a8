/**
 * Carries out what a subscription (subscription.ts) says: sends its SUBSCRIBEs through drachtio-srf with credentials, keeps its one
 * timer, and hands the bodies of its NOTIFYs on. Owns the state and the names of its dialog; the watcher is its only caller.
 *
 * Invariants: (1) one request is under way at most, and only its answer counts (`#current`); (2) it holds a place in the pace from the
 * moment that a request goes out until its final answer, its repetitions with credentials included.
 */
import type Srf from 'drachtio-srf'
import { answerChallenge, isStale } from './digest-answer.ts'
import type { Pace } from './pace.ts'
import { dialogIdOf, type SubscribeResponse, type SubscribeResult, sendSubscribe } from './subscribe-request.ts'
import { advance } from './subscription.ts'
import {
  type Action,
  newSubscription,
  type Phase,
  type SubscriptionInput,
  type SubscriptionState,
  wakeAt,
} from './subscription-state.ts'

export interface SubscriberOptions {
  readonly srf: Srf
  /** The extension: `sip:1001@192.0.2.10`. */
  readonly uri: string
  /** Whom we subscribe as: a From URI. */
  readonly from: string
  /** `null`: challenges are not answered. */
  readonly credentials: { readonly username: string; readonly password: string } | null
  readonly intervalMs: number
  readonly pace: Pace
  /** Epoch ms. */
  readonly now: () => number
  readonly random: (bytes: number) => Buffer
  /** A dialog of that Call-ID begins: its NOTIFYs are for `notified`. */
  readonly onDialog: (callId: string) => void
  readonly onUp: () => void
  readonly onDown: (reason: string) => void
}

/** What a NOTIFY says about its subscription. */
export interface Notify {
  readonly state: 'active' | 'terminated'
  readonly expiresMs: number | null
  readonly reason: string
  readonly retryAfterMs: number | null
}

/** The end of every Call-ID of ours, so that a NOTIFY of a dialog that we have forgotten is known as ours. */
export const callIdSuffix = '@dialogs.tpe-bridge'

/** A request that has had no final response for so long will have none: 64 × T1 and something. */
const answerWithinMs = 40_000

export class Subscriber {
  readonly counters = { requests: 0, challenges: 0, failures: 0 }
  readonly #options: SubscriberOptions
  #state: SubscriptionState
  #callId = ''
  #tag = ''
  #seq = 0
  /** Whether the last request was inside the dialog. */
  #inDialog = false
  /** Header and value that answer the challenge to the last request. */
  #credentials: readonly [name: string, value: string] | null = null
  #current = 0
  #leavePace: () => void = () => {}
  #onStopped: () => void = () => {}
  #timer: NodeJS.Timeout | null = null
  #answerTimer: NodeJS.Timeout | null = null

  constructor(options: SubscriberOptions) {
    this.#options = options
    this.#state = newSubscription(options.intervalMs)
  }

  get phase(): Phase {
    return this.#state.phase
  }

  start(): void {
    this.#input({ kind: 'start' })
  }

  /** Unsubscribes, where there is something to unsubscribe from; resolves when that is done, after 2 s at the latest. */
  stop(): Promise<void> {
    return new Promise(resolve => {
      this.#onStopped = resolve
      this.#input({ kind: 'stop' })
    })
  }

  /** The SIP server is gone. */
  lost(): void {
    this.#input({ kind: 'lost' })
  }

  /** A NOTIFY of our dialog came. */
  notified(notify: Notify): void {
    this.#input({ kind: 'notified', ...notify })
  }

  /** Asks for a full document. */
  askForAll(): void {
    this.#input({ kind: 'incomplete' })
  }

  #input(input: SubscriptionInput): void {
    const context = { now: this.#options.now(), random: () => this.#fraction() }
    const { state, actions } = advance(this.#state, input, context)
    this.#state = state
    for (const action of actions) this.#perform(action)
    if (this.#state.phase.kind === 'stopped') {
      this.#finishRequest()
      this.#onStopped()
    }
    this.#arm()
  }

  #perform(action: Action): void {
    switch (action.kind) {
      case 'subscribe':
        this.#begin()
        this.#enqueue(action.expiresMs)
        return
      case 'refresh':
        this.#inDialog = true
        this.#enqueue(action.expiresMs)
        return
      case 'repeat':
        this.#transmit(action.expiresMs)
        return
      case 'up':
        this.#options.onUp()
        return
      case 'down':
        this.counters.failures += 1
        this.#finishRequest()
        this.#options.onDown(action.reason)
        return
      default:
        unreachable(action)
    }
  }

  #begin(): void {
    const { random, onDialog } = this.#options
    this.#callId = `${random(16).toString('hex')}${callIdSuffix}`
    this.#tag = random(8).toString('hex')
    this.#seq = 0
    this.#inDialog = false
    onDialog(this.#callId)
  }

  /** Sends when its turn has come, unless something else happened until then. */
  #enqueue(expiresMs: number): void {
    this.#finishRequest()
    this.#credentials = null
    let leave: (() => void) | null = null
    let stepBack: (() => void) | null = null
    this.#leavePace = () => {
      stepBack?.()
      leave?.()
    }
    stepBack = this.#options.pace.enter(leavePace => {
      leave = leavePace
      this.#transmit(expiresMs)
    })
  }

  #transmit(expiresMs: number): void {
    const { srf, uri, from } = this.#options
    this.#current += 1
    this.counters.requests += 1
    const current = this.#current
    if (!this.#inDialog) this.#seq += 1
    const headers = {
      ...(this.#inDialog
        ? {}
        : { From: `<${from}>;tag=${this.#tag}`, To: `<${uri}>`, 'Call-ID': this.#callId, CSeq: `${this.#seq} SUBSCRIBE` }),
      Event: 'dialog',
      Accept: 'application/dialog-info+xml',
      Expires: String(Math.ceil(expiresMs / 1000)),
      ...(this.#credentials === null ? {} : { [this.#credentials[0]]: this.#credentials[1] }),
    }
    if (this.#answerTimer !== null) clearTimeout(this.#answerTimer)
    this.#answerTimer = setTimeout(() => this.#settled(current, noAnswer), answerWithinMs)
    const request = { uri: this.#inDialog ? null : uri, dialogId: dialogIdOf(this.#callId, this.#tag), headers }
    sendSubscribe(srf, request, result => this.#settled(current, result))
  }

  #settled(current: number, result: SubscribeResult): void {
    if (current !== this.#current) return
    if (result.kind === 'unsent') {
      this.#finishRequest()
      this.#input({ kind: 'unsent', reason: result.reason })
      return
    }
    const { response } = result
    const { answerable, stale } = this.#answer(response)
    this.#input({
      kind: 'reply',
      status: response.status,
      expiresMs: seconds(response.header('Expires')),
      minExpiresMs: seconds(response.header('Min-Expires')),
      retryAfterMs: seconds(response.header('Retry-After')),
      answerable,
      stale,
    })
    if (current === this.#current) this.#finishRequest() // it was not repeated
  }

  /** Makes credentials for the next repetition, if a challenge came and we can answer it. */
  #answer({ status, header, requestUri }: SubscribeResponse): { answerable: boolean; stale: boolean } {
    const asking = status === 401 ? 'WWW-Authenticate' : status === 407 ? 'Proxy-Authenticate' : null
    const challenge = asking === null ? null : header(asking)
    const { credentials, random } = this.#options
    if (challenge === null || credentials === null) return { answerable: false, stale: false }
    this.counters.challenges += 1
    const cnonce = random(8).toString('hex')
    const answer = answerChallenge(challenge, { ...credentials, method: 'SUBSCRIBE', uri: requestUri, cnonce })
    if (!answer.ok) return { answerable: false, stale: false }
    this.#credentials = [status === 401 ? 'Authorization' : 'Proxy-Authorization', answer.credentials]
    return { answerable: true, stale: isStale(challenge) }
  }

  /** Nothing that is under way counts any more. */
  #finishRequest(): void {
    this.#current += 1
    if (this.#answerTimer !== null) clearTimeout(this.#answerTimer)
    this.#answerTimer = null
    const leave = this.#leavePace
    this.#leavePace = () => {}
    leave()
  }

  #arm(): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
    const at = wakeAt(this.#state)
    if (at === null) return
    this.#timer = setTimeout(() => this.#input({ kind: 'woken' }), Math.max(1, Math.ceil(at - this.#options.now())))
  }

  #fraction(): number {
    return this.#options.random(4).readUInt32BE() / 2 ** 32
  }
}

const noAnswer: SubscribeResult = { kind: 'response', response: { status: 408, header: () => null, requestUri: '' } }

/** Seconds at the start of a header value, as ms; Retry-After may go on (RFC 3261 section 20.33). `null` for anything else. */
export function seconds(value: string | null): number | null {
  const digits = value === null ? undefined : /^\s*(\d{1,10})(?!\d)/.exec(value)?.[1]
  return digits === undefined ? null : Number(digits) * 1000
}

function unreachable(value: never): never {
  throw new Error(`the subscriber cannot do ${JSON.stringify(value)}`)
}
