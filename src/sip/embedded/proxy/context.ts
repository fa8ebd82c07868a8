/**
 * One proxied request: its targets, what each said, what the caller hears (RFC 3261 section 16.7, the response context). The proxy
 * makes one for each request; it lives until the caller has its final response and, for late answers, as long as the transaction
 * layer keeps the branches.
 *
 *   a branch:  waiting ──▶ locating ──▶ calling ──1xx──▶ proceeding ──▶ done
 *
 *   searching ── 2xx, or the best of the rest once every branch is done ──▶ finished
 *
 * Invariants: (1) the caller gets exactly one final response by its transaction; a 2xx that comes after it is forwarded all the same
 * (16.7 step 5); (2) a further target is tried only when the one before gave no answer, failed, or said 408 or 503 (RFC 3263 4.3:
 * targets are ways to one destination, and 486 is that destination's answer); (3) a branch that may still ring is cancelled before
 * the context finishes.
 */
import { headerValue, headerValues, removeFirstValue } from '../../message/headers.ts'
import type { HeaderField, HopAddress, SipRequest, SipResponse } from '../../message/message.ts'
import { parseNameAddr, tagOf } from '../../message/name-addr.ts'
import { responseTo } from '../responses.ts'
import type { ClientTransaction, ServerTransaction, TransactionLayer } from '../transaction/transaction-layer.ts'
import { bestOutcome, type Outcome } from './best-response.ts'
import type { NextHopLocator } from './next-hop.ts'

export interface ProxyTimers {
  /** How long a target may give no sign of life while there is another one to try, ms. */
  readonly noAnswerMs: number
  /** Timer C: how long a phone may ring without a word, ms (RFC 3261 16.6 step 11: above 180,000). */
  readonly timerCMs: number
}

export const DEFAULT_PROXY_TIMERS: ProxyTimers = { noAnswerMs: 2_000, timerCMs: 185_000 }

/** What one proxied request has of its own. */
export interface ProxyPlan {
  /** Next hop URIs in the order of preference. */
  readonly targets: readonly string[]
  readonly simultaneous: boolean
  readonly followRedirects: boolean
  /** Overrides `noAnswerMs`, and holds for the last target too. */
  readonly provisionalTimeoutMs: number | null
  /** The copy for one target; `null` refuses to send there. */
  copyFor(target: string, hop: HopAddress): SipRequest | null
  /** A copy left for a target. */
  onSent?(copy: SipRequest): void
  /** A final response of a target arrived, once each. */
  onFinal?(response: SipResponse, source: HopAddress): void
  /** The caller got its final response. */
  onFinished?(response: SipResponse): void
}

export interface ProxyContextParts {
  readonly layer: TransactionLayer
  readonly locator: NextHopLocator
  readonly timers: ProxyTimers
  readonly newTag: () => string
}

interface Branch {
  readonly target: string
  state: 'waiting' | 'locating' | 'calling' | 'proceeding' | 'done'
  transaction: ClientTransaction | null
  outcome: Outcome | null
  noAnswer: NodeJS.Timeout | null
  timerC: NodeJS.Timeout | null
}

/** Targets that redirections may add up to. */
const MAX_BRANCHES = 64
const ELSEWHERE: readonly HeaderField[] = [{ name: 'Reason', value: 'SIP;cause=200;text="Call completed elsewhere"' }]

export class ProxyContext {
  readonly #parts: ProxyContextParts
  /** `null` once finished: what lingers for late answers must be small. */
  #active: { readonly upstream: ServerTransaction; readonly plan: ProxyPlan } | null
  #branches: Branch[]
  #cancelled = false
  /** No further target will be tried. */
  #settled = false
  /** To tags of the phones that answered: a repeated 2xx is forwarded, not reported. */
  readonly #answered = new Set<string>()

  constructor(upstream: ServerTransaction, plan: ProxyPlan, parts: ProxyContextParts) {
    this.#active = { upstream, plan }
    this.#parts = parts
    this.#branches = plan.targets.map(newBranch)
  }

  start(): void {
    const { plan } = this.#active ?? {}
    if (plan === undefined) return
    if (plan.simultaneous) for (const branch of [...this.#branches]) this.#start(branch)
    else this.#startNext()
  }

  /** The caller gave up: so do the targets (16.10). It gets 487, or the 2xx that crossed its CANCEL. */
  cancel(cancel: SipRequest): void {
    if (this.#active === null || this.#cancelled) return
    this.#cancelled = true
    this.#settled = true
    const reasons = headerValues(cancel, 'Reason').map(value => ({ name: 'Reason', value }))
    for (const branch of this.#branches) {
      branch.transaction?.cancel(reasons)
      // Who has not answered at all may never do so: the caller need not wait for that.
      if (branch.state !== 'proceeding' && branch.state !== 'done') this.#conclude(branch, 487)
    }
    this.#finishWhenDone()
  }

  /** Forgets everything without sending anything. */
  stop(): void {
    for (const branch of this.#branches) clearTimers(branch)
    this.#active = null
  }

  #startNext(): void {
    const next = this.#settled ? undefined : this.#branches.find(branch => branch.state === 'waiting')
    if (next === undefined) this.#finishWhenDone()
    else this.#start(next)
  }

  #start(branch: Branch): void {
    branch.state = 'locating'
    this.#parts.locator.locate(branch.target, next => {
      if (branch.state !== 'locating' || this.#active === null) return
      if (next.ok) this.#launch(branch, next.hop)
      else this.#giveUp(branch, 503)
    })
  }

  #launch(branch: Branch, hop: HopAddress): void {
    if (this.#active === null) return
    const { plan } = this.#active
    const copy = plan.copyFor(branch.target, hop)
    if (copy === null) {
      this.#giveUp(branch, 403)
      return
    }
    branch.state = 'calling'
    const isLast = this.#settled || !this.#branches.some(({ state }) => state === 'waiting')
    const patience = plan.provisionalTimeoutMs ?? (isLast || plan.simultaneous ? null : this.#parts.timers.noAnswerMs)
    if (patience !== null) branch.noAnswer = setTimeout(() => this.#onNoAnswer(branch), patience)
    this.#restartTimerC(branch)
    branch.transaction = this.#parts.layer.request(copy, hop, {
      onResponse: (response, transaction) => this.#onResponse(branch, response, transaction),
      onFailure: failure => this.#onFailure(branch, failure),
    })
    plan.onSent?.(branch.transaction.request)
  }

  #onResponse(branch: Branch, response: SipResponse, transaction: ClientTransaction): void {
    const { status } = response
    if (status < 200) this.#onProvisional(branch, response)
    else if (status < 300) this.#onSuccess(branch, removeFirstValue(response, 'Via'), response, transaction.destination)
    else if (branch.state !== 'done') {
      this.#active?.plan.onFinal?.(response, transaction.destination)
      this.#end(branch, { response: removeFirstValue(response, 'Via'), local: false })
      this.#goOnAfter(status, status < 400 && this.#addRedirections(branch, response))
    }
  }

  #onProvisional(branch: Branch, response: SipResponse): void {
    if (branch.state === 'done') return
    branch.state = 'proceeding'
    if (branch.noAnswer !== null) clearTimeout(branch.noAnswer)
    branch.noAnswer = null
    if (response.status === 100) return
    this.#restartTimerC(branch)
    this.#active?.upstream.respond(removeFirstValue(response, 'Via'))
  }

  #onSuccess(branch: Branch, response: SipResponse, received: SipResponse, source: HopAddress): void {
    const tag = tagOf(headerValue(response, 'To') ?? '') ?? ''
    const isNew = !this.#answered.has(tag)
    this.#answered.add(tag)
    if (this.#active === null) {
      this.#parts.layer.sendResponseStateless(response)
      return
    }
    if (isNew) this.#active.plan.onFinal?.(received, source)
    clearTimers(branch)
    branch.state = 'done'
    this.#settled = true
    for (const other of this.#branches) {
      if (other === branch) continue
      if (other.state === 'calling' || other.state === 'proceeding') other.transaction?.cancel(ELSEWHERE)
      this.#end(other, null)
    }
    this.#finish(response)
  }

  #onFailure(branch: Branch, failure: 'timeout' | 'transport'): void {
    if (branch.state === 'done') return
    const status = this.#cancelled ? 487 : failure === 'timeout' ? 408 : 503
    this.#giveUp(branch, status)
  }

  /** Not a word yet: the next target gets its chance. Should this one still wake up, the layer sends it the CANCEL. */
  #onNoAnswer(branch: Branch): void {
    branch.transaction?.cancel([])
    this.#giveUp(branch, 408)
  }

  #onTimerC(branch: Branch): void {
    branch.transaction?.cancel([])
    this.#giveUp(branch, 408)
  }

  #giveUp(branch: Branch, status: number): void {
    this.#conclude(branch, status)
    this.#goOnAfter(status, false)
  }

  /** Ends a branch with a response of our own. */
  #conclude(branch: Branch, status: number): void {
    if (this.#active === null) return
    const response = responseTo(this.#active.upstream.request, status, { toTag: this.#parts.newTag() })
    this.#end(branch, { response, local: true })
  }

  #end(branch: Branch, outcome: Outcome | null): void {
    clearTimers(branch)
    branch.state = 'done'
    branch.outcome = outcome
  }

  #goOnAfter(status: number, redirected: boolean): void {
    const { plan } = this.#active ?? {}
    if (plan === undefined) return
    if (!plan.simultaneous && status !== 408 && status !== 503 && !redirected) this.#settled = true
    if (status >= 600) {
      this.#settled = true
      for (const { state, transaction } of this.#branches)
        if (state === 'calling' || state === 'proceeding') transaction?.cancel([])
    }
    if (plan.simultaneous) this.#finishWhenDone()
    else this.#startNext()
  }

  /** Whether there are new targets in a 3xx that the application wants followed. */
  #addRedirections(branch: Branch, response: SipResponse): boolean {
    const { plan } = this.#active ?? {}
    if (plan?.followRedirects !== true || this.#settled) return false
    const uris = headerValues(response, 'Contact').map(value => parseNameAddr(value)?.uri ?? null)
    const known = new Set(this.#branches.map(({ target }) => target))
    const added = uris.filter(uri => uri !== null).filter(uri => !known.has(uri))
    const room = MAX_BRANCHES - this.#branches.length
    const branches = added.slice(0, room).map(newBranch)
    this.#branches.splice(this.#branches.indexOf(branch) + 1, 0, ...branches)
    if (plan.simultaneous) for (const redirected of branches) this.#start(redirected)
    return branches.length > 0
  }

  #finishWhenDone(): void {
    if (this.#active === null) return
    const open = this.#branches.some(({ state }) => state !== 'done' && !(this.#settled && state === 'waiting'))
    if (open) return
    const outcomes = this.#branches.map(({ outcome }) => outcome).filter(outcome => outcome !== null)
    const best = bestOutcome(outcomes)
    this.#finish(best?.response ?? responseTo(this.#active.upstream.request, 408, { toTag: this.#parts.newTag() }))
  }

  #finish(response: SipResponse): void {
    if (this.#active === null) return
    const { upstream, plan } = this.#active
    this.#active = null
    this.#branches = []
    if (!upstream.respond(response) && response.status < 300) this.#parts.layer.sendResponseStateless(response)
    plan.onFinished?.(response)
  }

  #restartTimerC(branch: Branch): void {
    if (branch.timerC !== null) branch.timerC.refresh()
    else branch.timerC = setTimeout(() => this.#onTimerC(branch), this.#parts.timers.timerCMs)
  }
}

function newBranch(target: string): Branch {
  return { target, state: 'waiting', transaction: null, outcome: null, noAnswer: null, timerC: null }
}

function clearTimers(branch: Branch): void {
  if (branch.noAnswer !== null) clearTimeout(branch.noAnswer)
  if (branch.timerC !== null) clearTimeout(branch.timerC)
  branch.noAnswer = null
  branch.timerC = null
}
