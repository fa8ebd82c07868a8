/**
 * One subscription as a state machine (RFC 6665 section 4.1). Pure: it says what to send and when to wake it; subscriber.ts does so.
 *
 *   stopped ──start──▶ subscribing ──NOTIFY active──▶ active ──refresh due──▶ active (with a request under way)
 *                        ▲    │ refused, no NOTIFY      │ terminated, 481, 408, expired
 *                        │    ▼                         │
 *                      waiting ◀────────────────────────┘
 *   any ──lost (no SIP server)──▶ stopped
 *   any with a dialog at the PBX ──stop, or given up by us──▶ leaving ──answered, or not──▶ stopped, or waiting
 *
 * Invariants: (1) at most one request is under way; (2) only `active` knows anything of the extension: `up` and `down` are told at its
 * edges; (3) every state that waits has a time at which it goes on (`wakeAt`), so nothing is ever lost for good.
 */
import { backoffMs, pauses, subscriptionIsGone } from './retry.ts'
import {
  type Action,
  type Notified,
  type Phase,
  type Reply,
  type Request,
  type Resting,
  type SubscriptionContext,
  type SubscriptionInput,
  type SubscriptionState,
  type SubscriptionStep,
  wakeAt,
} from './subscription-state.ts'

/** One step. An input that means nothing in a state (a late reply) changes nothing. */
export function advance(state: SubscriptionState, input: SubscriptionInput, context: SubscriptionContext): SubscriptionStep {
  switch (input.kind) {
    case 'start':
      return start(state, context)
    case 'woken':
      return woken(state, context)
    case 'reply':
      return replied(state, input, context)
    case 'unsent':
      return unsent(state, input.reason, context)
    case 'notified':
      return notified(state, input, context)
    case 'incomplete':
      return incomplete(state, context)
    case 'lost':
      return {
        state: { ...state, phase: { kind: 'stopped' } },
        actions: isUp(state) ? [down('no connection to the SIP server')] : [],
      }
    case 'stop':
      return leave(state, context)
    default:
      return unreachable(input)
  }
}

function start(state: SubscriptionState, { now }: SubscriptionContext): SubscriptionStep {
  const { phase } = state
  if (phase.kind === 'stopped') return subscribe(state)
  const leavesForGood = phase.kind === 'leaving' && phase.next.kind === 'stopped'
  return stay(
    leavesForGood ? { ...state, phase: { ...phase, next: { kind: 'waiting', until: now, reason: 'starts again' } } } : state,
  )
}

function woken(state: SubscriptionState, context: SubscriptionContext): SubscriptionStep {
  const { phase } = state
  const due = wakeAt(state)
  if (due === null || context.now < due) return stay(state)
  switch (phase.kind) {
    case 'stopped':
      return stay(state)
    case 'waiting':
      return subscribe(state)
    case 'subscribing':
      return giveUp(state, 'accepted, but no NOTIFY came: is the way back to the bridge open?', context)
    case 'active':
      if (context.now >= phase.expiresAt) return giveUp(state, 'expired: the PBX did not answer the refresh in time', context)
      return refresh(state, phase, context)
    case 'leaving':
      return stay({ ...state, phase: phase.next })
    default:
      return unreachable(phase)
  }
}

function replied(state: SubscriptionState, reply: Reply, context: SubscriptionContext): SubscriptionStep {
  const { phase } = state
  const request = requestOf(phase)
  if (request === null) return stay(state)
  const { status } = reply
  if (status >= 200 && status < 300) return accepted(state, reply, context)
  const again = repeatable(state, request, reply)
  if (again !== null) {
    const intervalMs = status === 423 ? (reply.minExpiresMs ?? state.intervalMs) : state.intervalMs
    const expiresMs = phase.kind === 'leaving' ? 0 : intervalMs
    return { state: withRequest({ ...state, intervalMs }, again), actions: [{ kind: 'repeat', expiresMs }] }
  }
  if (phase.kind === 'leaving') return stay({ ...state, phase: phase.next })
  const reason = reasonOf(status, request.authenticated)
  if (phase.kind === 'active' && !subscriptionIsGone(status)) {
    // RFC 6665 section 4.1.2.2: what was granted still stands, so the refresh is tried again until it runs out.
    const refreshAt = context.now + (reply.retryAfterMs ?? backoffMs(state.failures, context.random()))
    if (refreshAt < phase.expiresAt) {
      return { state: { ...state, failures: state.failures + 1, phase: { ...phase, refreshAt, request: null } }, actions: [] }
    }
  }
  const pauseMs = reply.retryAfterMs ?? (isRefusal(status) ? pauses.refusedMs : null)
  return fall(state, reason, pauseMs, context)
}

function accepted(state: SubscriptionState, reply: Reply, context: SubscriptionContext): SubscriptionStep {
  const { phase } = state
  // A notifier may shorten the interval, never lengthen it (RFC 6665 section 4.2.1.1).
  const grantedMs = Math.min(reply.expiresMs ?? state.intervalMs, state.intervalMs)
  switch (phase.kind) {
    case 'leaving':
      return stay({ ...state, phase: phase.next })
    case 'subscribing':
      return stay({ ...state, phase: { ...phase, request: null, grantedMs, notifyBy: context.now + pauses.firstNotifyMs } })
    case 'active':
      if (grantedMs === 0) return fall(state, 'granted for no time at all', null, context)
      return stay({ ...state, failures: 0, phase: { ...phase, request: null, ...lifetime(grantedMs, context) } })
    case 'stopped':
    case 'waiting':
      return stay(state)
    default:
      return unreachable(phase)
  }
}

function notified(state: SubscriptionState, notify: Notified, context: SubscriptionContext): SubscriptionStep {
  const { phase } = state
  if (phase.kind !== 'subscribing' && phase.kind !== 'active') return stay(state)
  if (notify.state === 'terminated') {
    const pauseMs = notify.retryAfterMs ?? (isFinal(notify.reason) ? pauses.refusedMs : null)
    return fall(state, `ended by the PBX${notify.reason === '' ? '' : `: ${notify.reason}`}`, pauseMs, context)
  }
  if (phase.kind === 'subscribing') {
    // It may come before the answer to the SUBSCRIBE (RFC 6665 section 4.1.2.4), which then is still under way.
    const granted = notify.expiresMs ?? (phase.grantedMs > 0 ? phase.grantedMs : state.intervalMs)
    const times = lifetime(Math.min(granted, state.intervalMs), context)
    const active: Phase = { kind: 'active', since: context.now, askedAt: 0, request: phase.request, ...times }
    return { state: { ...state, phase: active }, actions: [{ kind: 'up' }] }
  }
  if (notify.expiresMs === null) return stay(state)
  // Each NOTIFY says how much is left. Only less than we thought is news.
  const times = lifetime(notify.expiresMs, context)
  if (times.expiresAt >= phase.expiresAt - pauses.roundingMs) return stay(state)
  const refreshAt = Math.min(phase.refreshAt, times.refreshAt)
  return stay({ ...state, phase: { ...phase, expiresAt: times.expiresAt, refreshAt } })
}

/** A refresh makes the notifier send everything again (RFC 4235 section 4.3). A PBX whose versions never fit is not asked all the time. */
function incomplete(state: SubscriptionState, context: SubscriptionContext): SubscriptionStep {
  const { phase } = state
  if (phase.kind !== 'active' || phase.request !== null) return stay(state)
  const mayAskAt = phase.askedAt + pauses.betweenFullMs
  if (context.now >= mayAskAt) return refresh(state, { ...phase, askedAt: context.now }, context)
  return stay({ ...state, phase: { ...phase, refreshAt: Math.min(phase.refreshAt, mayAskAt) } })
}

function leave(state: SubscriptionState, context: SubscriptionContext): SubscriptionStep {
  const { phase } = state
  if (phase.kind === 'leaving') return stay({ ...state, phase: { ...phase, next: { kind: 'stopped' } } })
  const actions: Action[] = isUp(state) ? [down('the bridge stops')] : []
  const hasDialog = phase.kind === 'active' || (phase.kind === 'subscribing' && phase.request === null)
  if (!hasDialog) return { state: { ...state, phase: { kind: 'stopped' } }, actions }
  return unsubscribe({ state, actions }, { kind: 'stopped' }, context)
}

/** Falls, and tells the PBX so: it may still believe in the subscription. */
function giveUp(state: SubscriptionState, reason: string, context: SubscriptionContext): SubscriptionStep {
  const fallen = fall(state, reason, null, context)
  const { phase } = fallen.state
  return phase.kind === 'waiting' ? unsubscribe(fallen, phase, context) : fallen
}

function unsubscribe({ state, actions }: SubscriptionStep, next: Resting, context: SubscriptionContext): SubscriptionStep {
  const request: Request = { tries: 0, authenticated: false }
  return {
    state: { ...state, phase: { kind: 'leaving', request, until: context.now + pauses.leaveMs, next } },
    actions: [...actions, { kind: 'refresh', expiresMs: 0 }],
  }
}

function unsent(state: SubscriptionState, reason: string, context: SubscriptionContext): SubscriptionStep {
  const { phase } = state
  if (phase.kind === 'leaving') return stay({ ...state, phase: phase.next })
  return requestOf(phase) === null ? stay(state) : fall(state, `could not be sent: ${reason}`, null, context)
}

function subscribe(state: SubscriptionState): SubscriptionStep {
  const request: Request = { tries: 0, authenticated: false }
  return {
    state: { ...state, phase: { kind: 'subscribing', request, grantedMs: 0, notifyBy: 0 } },
    actions: [{ kind: 'subscribe', expiresMs: state.intervalMs }],
  }
}

function refresh(state: SubscriptionState, phase: Phase & { kind: 'active' }, context: SubscriptionContext): SubscriptionStep {
  const request: Request = { tries: 0, authenticated: false }
  return {
    state: { ...state, phase: { ...phase, askedAt: context.now, request } },
    actions: [{ kind: 'refresh', expiresMs: state.intervalMs }],
  }
}

/** Down, or not up after all: another try after `pauseMs`, or after the backoff when that is `null`. */
function fall(state: SubscriptionState, reason: string, pauseMs: number | null, context: SubscriptionContext): SubscriptionStep {
  const { phase } = state
  const stood = phase.kind === 'active' && context.now - phase.since >= pauses.steadyMs
  const failures = stood ? 0 : state.failures
  // A pause that is asked for gets some more, so that not everyone comes back at once.
  const pause =
    pauseMs === null ? backoffMs(failures, context.random()) : Math.min(pauseMs, pauses.longestMs) * (1 + context.random() / 10)
  return {
    state: { ...state, failures: failures + 1, phase: { kind: 'waiting', until: context.now + pause, reason } },
    actions: [down(reason)],
  }
}

/** The request to send instead of one that was refused for what it lacked; `null` when there is no such. */
function repeatable(state: SubscriptionState, request: Request, reply: Reply): Request | null {
  if (request.tries >= pauses.maxTries) return null
  const { status, minExpiresMs } = reply
  const tries = request.tries + 1
  if (status === 401 || status === 407) {
    if (!reply.answerable || (request.authenticated && !reply.stale)) return null
    return { tries, authenticated: true }
  }
  const isTooShort = status === 423 && minExpiresMs !== null && minExpiresMs > state.intervalMs
  return isTooShort && minExpiresMs <= pauses.longestIntervalMs ? { tries, authenticated: request.authenticated } : null
}

function withRequest(state: SubscriptionState, request: Request): SubscriptionState {
  const { phase } = state
  return phase.kind === 'stopped' || phase.kind === 'waiting' ? state : { ...state, phase: { ...phase, request } }
}

function requestOf(phase: Phase): Request | null {
  return phase.kind === 'stopped' || phase.kind === 'waiting' ? null : phase.request
}

/** When it ends, and when it is refreshed: by chance, so that extensions that subscribed together don't refresh together. */
function lifetime(grantedMs: number, { now, random }: SubscriptionContext): { expiresAt: number; refreshAt: number } {
  return { expiresAt: now + grantedMs, refreshAt: now + grantedMs * (0.6 + 0.25 * random()) }
}

/** What another try in a moment will not change. */
function isRefusal(status: number): boolean {
  return (status >= 400 && status < 500 && ![408, 412, 480, 481, 491].includes(status)) || status >= 600
}

/** RFC 6665 section 4.1.3: reasons after which one should not subscribe again; a configuration may be mended, so we do, much later. */
function isFinal(reason: string): boolean {
  return reason === 'rejected' || reason === 'noresource' || reason === 'invariant'
}

function reasonOf(status: number, authenticated: boolean): string {
  if (status === 401 || status === 407)
    return authenticated
      ? `user name or password refused (${status})`
      : `credentials asked for (${status}) and none, or none that fit, configured`
  if (status === 489) return 'the PBX does not know dialog subscriptions (489)'
  if (status === 404) return 'the PBX does not know this extension, or gives it no hint (404)'
  if (status === 403) return 'the PBX does not allow it (403)'
  if (status === 408) return 'the PBX does not answer (408)'
  return `refused with ${status}`
}

function isUp({ phase }: SubscriptionState): boolean {
  return phase.kind === 'active'
}

function down(reason: string): Action {
  return { kind: 'down', reason }
}

function stay(state: SubscriptionState): SubscriptionStep {
  return { state, actions: [] }
}

function unreachable(value: never): never {
  throw new Error(`the subscription has no rule for ${JSON.stringify(value)}`)
}
