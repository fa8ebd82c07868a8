/**
 * The stateful proxy (RFC 3261 section 16). Forwards what an application has it forward, and, without any application, what belongs to
 * a dialog that it stayed in: the Route header that names us is all the state this takes, so a dialog outlives our restart.
 *
 * Invariants: (1) an in-dialog request is relayed only where `mayRelay` lets it: a Route header is no proof that the sender belongs to
 * a dialog of ours; (2) every request that enters leaves with one hop less, or is answered 483.
 */
import { firstValue, headerValue, removeFirstValue } from '../../message/headers.ts'
import { formatHostPort } from '../../message/host-port.ts'
import type { HeaderField, HopAddress, SipRequest, SipResponse } from '../../message/message.ts'
import { parseUri } from '../../message/uri.ts'
import { parseVia } from '../../message/via.ts'
import type { CallDetails } from '../control/call-details.ts'
import type { ProxyCommand } from '../control/command.ts'
import { tellProxiedResponse } from '../control/notify.ts'
import type { ControlSession } from '../control/session.ts'
import { withoutCredentials } from '../guard/digest.ts'
import type { IdSource } from '../identifiers.ts'
import type { LocalIdentity } from '../local-identity.ts'
import { responseTo } from '../responses.ts'
import { extensionProblem } from '../transaction/request-problem.ts'
import type { ServerTransaction, TransactionLayer } from '../transaction/transaction-layer.ts'
import { stampedSource } from '../transport/via-routing.ts'
import { ProxyContext, type ProxyPlan, type ProxyTimers } from './context.ts'
import type { NextHopLocator } from './next-hop.ts'
import { forwardedCopy, hopsLeft, recordRoutes, towardsNextHop } from './route.ts'

/** Whether a request inside a dialog may go from one address to another through us. */
export type MayRelay = (source: HopAddress, destination: HopAddress) => boolean

export interface ProxyCounters {
  /** Requests that applications had forwarded. */
  proxied: number
  /** Requests inside dialogs that were forwarded by their Route. */
  relayed: number
  /** What `mayRelay` refused. */
  relayRefused: number
  tooManyHops: number
}

export interface ProxyParts {
  readonly layer: TransactionLayer
  readonly locator: NextHopLocator
  readonly identity: LocalIdentity
  readonly calls: CallDetails
  readonly ids: IdSource
  readonly clock: () => number
  readonly timers: ProxyTimers
  readonly mayRelay: MayRelay
  readonly counters: ProxyCounters
  /** Credentials for it are ours and go no further; `null` without one. */
  readonly realm: string | null
}

/** Extensions that this proxy understands (RFC 3261 16.3 step 5). */
const NO_EXTENSIONS: ReadonlySet<string> = new Set()

export class SipProxy {
  readonly #parts: ProxyParts
  /** Requests whose caller has no final response yet, by server transaction. */
  readonly #active = new Map<string, ProxyContext>()

  constructor(parts: ProxyParts) {
    this.#parts = parts
  }

  /** Requests under way. */
  get pending(): number {
    return this.#active.size
  }

  /** Forwards a request as its application wants it. */
  proxy(command: ProxyCommand, transaction: ServerTransaction, session: ControlSession): void {
    const { request } = transaction
    const maxForwards = hopsLeft(request)
    if (maxForwards === null) {
      this.#refuse(transaction, 483)
      session.nok(command.id, 'Rejected with 483 Too Many Hops due to Max-Forwards value of 0')
      return
    }
    const problem = extensionProblem(request, 'Proxy-Require', NO_EXTENSIONS)
    if (problem !== null) {
      this.#refuse(transaction, problem.status, problem.headers)
      session.nok(command.id, 'Rejected with 420 Bad Extension due to Proxy-Require')
      return
    }
    const targets = command.destinations.filter(target => parseUri(target) !== null)
    if (targets.length === 0) {
      this.#refuse(transaction, 500)
      session.nok(command.id, 'error proxying request to ')
      return
    }
    this.#parts.counters.proxied++
    const { calls, clock } = this.#parts
    const isInvite = request.method === 'INVITE'
    // Preloaded routes led to us; from here the application knows the way.
    const unrouted = withoutCredentials(removeFirstValue(request, 'Route'), this.#parts.realm)
    const plan: ProxyPlan = {
      targets,
      simultaneous: command.simultaneous,
      followRedirects: command.followRedirects,
      provisionalTimeoutMs: command.provisionalTimeoutMs,
      copyFor: (target, hop) => this.#copy(unrouted, transaction.local, target, hop, maxForwards, command),
      onSent: copy => {
        if (isInvite) calls.report({ record: 'attempt' }, 'application', copy)
      },
      onFinal: (response, source) => {
        if (command.fullResponse) tellProxiedResponse(session, command.id, response, source, clock())
        if (isInvite) calls.finalResponse(response.status, 'network', response, 'proxy-uac')
      },
      onFinished: response => {
        if (command.fullResponse) session.ok(command.id, ['done'])
        if (isInvite) calls.finalResponse(response.status, 'application', response, 'proxy-uas')
      },
    }
    if (!command.fullResponse) session.ok(command.id, ['done'])
    this.#run(transaction, plan)
  }

  /** Forwards a request inside a dialog by what is left of its Route, no application asked. `request`: without our own Route. */
  relay(transaction: ServerTransaction, request: SipRequest): void {
    const maxForwards = hopsLeft(request)
    if (maxForwards === null) {
      this.#refuse(transaction, 483)
      return
    }
    const { calls, counters } = this.#parts
    const isBye = request.method === 'BYE'
    const next = towardsNextHop(withoutCredentials(request, this.#parts.realm))
    if (isBye) calls.report({ record: 'stop', reason: 'normal-release' }, 'network', transaction.request)
    this.#run(transaction, {
      targets: [next.nextHop],
      simultaneous: false,
      followRedirects: false,
      provisionalTimeoutMs: null,
      copyFor: (_target, hop) => {
        if (!this.#allows(transaction.source, hop)) return null
        counters.relayed++
        return forwardedCopy(next.request, { uri: next.request.uri, maxForwards, onTop: [], headers: [] })
      },
      onSent: copy => {
        if (isBye) calls.report({ record: 'stop', reason: 'normal-release' }, 'application', copy)
      },
    })
  }

  /** Forwards an ACK to a 2xx; there is nothing to answer. */
  relayAck(ack: SipRequest, source: HopAddress): void {
    const maxForwards = hopsLeft(ack)
    if (maxForwards === null) {
      this.#parts.counters.tooManyHops++
      return
    }
    const next = towardsNextHop(withoutCredentials(ack, this.#parts.realm))
    this.#parts.locator.locate(next.nextHop, located => {
      if (!located.ok || !this.#allows(source, located.hop)) return
      this.#parts.counters.relayed++
      const copy = forwardedCopy(next.request, { uri: next.request.uri, maxForwards, onTop: [], headers: [] })
      this.#parts.layer.sendStateless(copy, located.hop)
    })
  }

  /** A response whose branch is forgotten: a late 2xx goes on along its Via (16.7 step 5), all else has lost its meaning. */
  forwardStray(response: SipResponse, source: HopAddress): void {
    const own = parseVia(firstValue(response, 'Via') ?? '')
    if (own === null || !this.#parts.identity.isLocalUri(`sip:${formatHostPort(own)}`)) return
    const onward = removeFirstValue(response, 'Via')
    const via = parseVia(firstValue(onward, 'Via') ?? '')
    const hop = via === null ? null : stampedSource(via)
    const isLateAnswer = response.status >= 200 && response.status < 300 && /\bINVITE$/.test(headerValue(response, 'CSeq') ?? '')
    if (hop === null || !isLateAnswer || !this.#allows(source, hop)) return
    this.#parts.layer.sendResponseStateless(onward)
  }

  /** `false` when that INVITE is not being proxied. */
  cancel(cancel: SipRequest, invite: ServerTransaction): boolean {
    const context = this.#active.get(invite.id)
    context?.cancel(cancel)
    return context !== undefined
  }

  stop(): void {
    for (const context of this.#active.values()) context.stop()
    this.#active.clear()
  }

  #run(transaction: ServerTransaction, plan: ProxyPlan): void {
    const { layer, locator, timers, ids } = this.#parts
    const onFinished = (response: SipResponse): void => {
      this.#active.delete(transaction.id)
      plan.onFinished?.(response)
    }
    const context = new ProxyContext(transaction, { ...plan, onFinished }, { layer, locator, timers, newTag: () => ids.tag() })
    this.#active.set(transaction.id, context)
    context.start()
  }

  #copy(
    request: SipRequest,
    callerSide: HopAddress,
    target: string,
    hop: HopAddress,
    maxForwards: number,
    command: ProxyCommand,
  ): SipRequest | null {
    const { identity } = this.#parts
    const calleeSide = identity.towards(hop)
    // To ourselves it would only come back.
    if (calleeSide === null || identity.isLocalAddress(hop.address, hop.port)) return null
    const uri = identity.isLocalUri(request.uri) ? target : request.uri
    const isRegister = request.method === 'REGISTER'
    const onTop: HeaderField[] = []
    if (command.remainInDialog) {
      const name = isRegister ? 'Path' : 'Record-Route'
      const caller = { local: callerSide, uri: request.uri }
      for (const value of recordRoutes(identity, caller, { local: calleeSide, uri })) onTop.push({ name, value })
      // RFC 3327 5.2: a registrar that doesn't understand Path must say so.
      if (isRegister) onTop.push({ name: 'Require', value: 'path' })
    }
    return forwardedCopy(request, { uri, maxForwards, onTop, headers: command.headers })
  }

  #allows(source: HopAddress, destination: HopAddress): boolean {
    if (this.#parts.mayRelay(source, destination)) return true
    this.#parts.counters.relayRefused++
    return false
  }

  #refuse(transaction: ServerTransaction, status: number, headers: readonly HeaderField[] = []): void {
    if (status === 483) this.#parts.counters.tooManyHops++
    const response = responseTo(transaction.request, status, { toTag: this.#parts.ids.tag(), headers })
    transaction.respond(response)
    if (transaction.request.method === 'INVITE') this.#parts.calls.finalResponse(status, 'application', response, 'proxy-uas')
  }
}
