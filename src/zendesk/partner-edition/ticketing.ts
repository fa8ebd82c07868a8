/**
 * Carries out a ticket's wish for a delivery that has just gone through. Each step is noted before the next (ticket-notes.ts), so that
 * after a crash between any two the same steps go on with the same Idempotency-Keys:
 *
 *   decide ─▶ note the wish ─▶ choose a ticket ─▶ note it ─▶ create, or comment ─▶ note the ticket for later events and calls ─▶ done
 *
 * Invariants
 *  1. What was chosen stays chosen, even if the ticket is solved meanwhile: the request may have got through already.
 *  2. Of the calls of one caller that share a ticket, one makes it; the others wait until it is there.
 *  3. A refusal forgets the plan, so that a redrive follows the rules as they are then.
 */
import type { Delivery, DeliveryResult } from '../delivery.ts'
import type { Connection } from '../http/connection.ts'
import type { SinkMemory } from '../memory.ts'
import { customerNumber, occasionOf } from '../tickets/occasion.ts'
import { madeByAnother, othersTurn, othersTurnMs, RecentTickets, recentKey } from '../tickets/recent-tickets.ts'
import type { TicketRules } from '../tickets/ticket-rules.ts'
import type { TicketWish } from '../tickets/wish.ts'
import type { Id } from '../wire/page.ts'
import { voicePath } from '../wire/words.ts'
import { newCommentBody, newTicketBody } from './ticket-bodies.ts'
import { type DeliveryNote, TicketNotes, type TicketTarget } from './ticket-notes.ts'
import { afterDelivery, judgeTicket, linkedTicket, type TicketAnswer, type TicketRequest } from './ticket-verdict.ts'
import { Turns } from './turns.ts'

export interface TicketingOptions {
  readonly connection: Connection
  readonly rules: TicketRules
  readonly memory: SinkMemory
  /** Epoch ms. */
  readonly clock: () => number
}

/** What the delivery's own request was answered. */
export interface Reported {
  readonly remoteId: string
  readonly recordingUrl: string | null
}

/** One delivery on its way through the steps. The first request of all needs no permit: the worker took it. */
interface Run {
  readonly key: string
  readonly delivery: Delivery
  readonly signal: AbortSignal
  readonly callId: string | null
  /** The customer, E.164; `null`: tickets of this caller are not found again. */
  readonly number: string | null
  /** Wire time, epoch ms. */
  readonly at: number
  permitted: boolean
}

type Plan = NonNullable<DeliveryNote['plan']>

export class Ticketing {
  readonly #options: TicketingOptions
  readonly #notes: TicketNotes
  readonly #recent: RecentTickets
  readonly #turns = new Turns()

  constructor(options: TicketingOptions) {
    this.#options = options
    this.#notes = new TicketNotes(options.memory)
    this.#recent = new RecentTickets(options.memory)
  }

  /** What is known of a delivery that rules may concern; `null` when it was not begun, or asks for nothing. */
  async begun(delivery: Delivery): Promise<DeliveryNote | null> {
    return this.#options.rules.concerns(delivery) ? await this.#notes.delivery(delivery.idempotencyKey) : null
  }

  /** Notes at a call's first event who has called, if any rule will ask. */
  async meet(delivery: Delivery): Promise<void> {
    if (!this.#options.rules.asksFirstTimeCaller || delivery.kind !== 'event' || delivery.event.sequence !== 1) return
    await this.#firstTime(delivery)
  }

  /** Decides, and does it. `permitted`: no request of this delivery has been sent yet. Throws what the network throws. */
  async carryOut(
    delivery: Delivery,
    reported: Reported,
    known: DeliveryNote | null,
    permitted: boolean,
    signal: AbortSignal,
  ): Promise<DeliveryResult> {
    const done: DeliveryResult = { kind: 'delivered', remoteId: reported.remoteId }
    const occasion = occasionOf(delivery, { firstTimeCaller: null, recordingUrl: null })
    if (occasion === null || known?.done === true || !this.#options.rules.concerns(delivery)) return done
    const wish = known?.plan?.wish ?? (await this.#decide(delivery, reported))
    if (wish === null) return done
    const { callId, at } = occasion
    const key = delivery.idempotencyKey
    const run: Run = { key, delivery, signal, callId, number: customerNumber(occasion), at, permitted }
    let plan: Plan = known?.plan ?? { wish, target: null }
    if (known === null || known.plan === null) await this.#notes.noteDelivery(key, { ...reported, plan, done: false })
    // Twice at most: once more when the chosen ticket is gone by then.
    for (let again = true; ; again = false) {
      if (plan.target === null) {
        const target = await this.#choose(wish, run, again)
        if ('result' in target) return afterDelivery(target.result)
        plan = { wish, target }
        await this.#notes.noteDelivery(key, { ...reported, plan, done: false })
      }
      const answer = await this.#act(plan, run, reported)
      if (answer.kind === 'gone' && again) {
        plan = { wish, target: null }
        continue
      }
      if (answer.kind === 'ticket' || answer.kind === 'nothing') {
        if (answer.kind === 'ticket') await this.#remember(answer.id, wish, run)
        await this.#notes.noteDelivery(key, { ...reported, plan, done: true })
        return done
      }
      return afterDelivery(await this.#failed(answer, reported, wish, run))
    }
  }

  async #decide(delivery: Delivery, { recordingUrl }: Reported): Promise<TicketWish | null> {
    const { rules } = this.#options
    const firstTimeCaller = rules.asksFirstTimeCaller ? await this.#firstTime(delivery) : null
    return rules.decide(delivery, { firstTimeCaller, recordingUrl }).wish
  }

  /** Only inbound calls with a number have a first time. Of a voicemail nobody knows which call it was. */
  async #firstTime(delivery: Delivery): Promise<boolean | null> {
    if (delivery.kind !== 'event') return null
    const { call } = delivery.event
    if (call.direction !== 'inbound' || call.from.kind !== 'e164') return false
    return await this.#notes.isFirst(call.from.value, call.id)
  }

  /** `mayReuse`: false when what is noted has just proved to be gone. */
  async #choose(wish: TicketWish, run: Run, mayReuse: boolean): Promise<TicketTarget | { readonly result: DeliveryResult }> {
    const fresh: TicketTarget = { kind: wish.create === null ? 'nothing' : 'create' }
    if (!mayReuse) return fresh
    const { choice } = wish
    if (choice.kind === 'given') {
      const found = await this.#look(choice.ticketId, wish, run)
      if ('result' in found) return found
      if (found.status !== null && found.status !== 'closed') return { kind: 'comment', ticketId: choice.ticketId }
    }
    const own = run.callId === null ? null : await this.#notes.ofCall(run.callId)
    if (own !== null) return { kind: 'comment', ticketId: own.ticketId }
    if (choice.kind !== 'recent' || run.number === null) return fresh
    const key = recentKey(choice.of, wish, run.number)
    return await this.#turns.take(key, run.signal, () => this.#chooseRecent(key, choice.withinMs, wish, fresh, run))
  }

  async #chooseRecent(
    key: string,
    withinMs: number,
    wish: TicketWish,
    fresh: TicketTarget,
    run: Run,
  ): Promise<TicketTarget | { readonly result: DeliveryResult }> {
    const now = this.#options.clock()
    const last = await this.#recent.get(key)
    if (madeByAnother(last, run.key, now))
      return { result: { kind: 'wait', scope: 'job', afterMs: othersTurnMs, reason: othersTurn } }
    if (last !== null && last.ticketId !== null && Math.abs(run.at - last.at) <= withinMs) {
      const found = await this.#look(last.ticketId, wish, run)
      if ('result' in found) return found
      const { status } = found
      if (status !== null && status !== 'solved' && status !== 'closed') return { kind: 'comment', ticketId: last.ticketId }
    }
    if (fresh.kind === 'create') await this.#recent.put(key, { ticketId: null, at: run.at, making: { by: run.key, since: now } })
    return fresh
  }

  /** A ticket's status; `null` when there is no such ticket. */
  async #look(
    id: Id,
    wish: TicketWish,
    run: Run,
  ): Promise<{ readonly status: string | null } | { readonly result: DeliveryResult }> {
    const answer = await this.#send(run, 'look', wish, `/tickets/${encodeURIComponent(id)}`, null)
    if (answer.kind === 'ticket') return { status: answer.status }
    return answer.kind === 'failed' ? { result: answer.result } : { status: null }
  }

  async #act(plan: Plan, run: Run, { remoteId }: Reported): Promise<Acted> {
    const { wish, target } = plan
    if (target === null || target.kind === 'nothing') return { kind: 'nothing' }
    if (target.kind === 'comment') return await this.#comment(target.ticketId, wish, run)
    if (wish.create === null) return { kind: 'nothing' }
    const source = run.delivery.kind === 'voicemail' ? 'phone_voicemails' : 'phone_calls'
    const path = `/${source}/${encodeURIComponent(remoteId)}`
    const answer = await this.#send(run, 'create', wish, `${path}/create_ticket`, newTicketBody(wish.create, wish))
    if (answer.kind !== 'taken') return answer.kind === 'commented' ? { kind: 'nothing' } : answer
    // Somebody made one by hand, or an attempt of ours did whose note is lost.
    const linked = linkedTicket(await this.#get(run, path))
    return linked === null ? busy : await this.#comment(linked, wish, run)
  }

  async #comment(ticketId: Id, wish: TicketWish, run: Run): Promise<Acted> {
    const ticket: Acted = { kind: 'ticket', id: ticketId }
    if (wish.comment === null) return ticket
    const path = `/tickets/${encodeURIComponent(ticketId)}/comments`
    const answer = await this.#send(run, 'comment', wish, path, newCommentBody(wish.comment, wish))
    return answer.kind === 'gone' || answer.kind === 'failed' ? answer : ticket
  }

  /** So that later events of the call, and later calls of the caller, find the ticket. */
  async #remember(ticketId: Id, wish: TicketWish, { callId, number, at }: Run): Promise<void> {
    if (callId !== null) await this.#notes.noteOfCall(callId, { ticketId })
    if (number !== null) await this.#recent.remember(wish, number, ticketId, at)
  }

  /** A refusal is final for this plan, and for whoever waits for its ticket. */
  async #failed(answer: Acted, reported: Reported, wish: TicketWish, run: Run): Promise<DeliveryResult> {
    const gone: DeliveryResult = {
      kind: 'reject',
      reason: 'the ticket it belongs to is gone from Zendesk: redrive to choose another',
    }
    const result = answer.kind === 'failed' ? answer.result : gone
    if (result.kind !== 'reject') return result
    await this.#notes.noteDelivery(run.key, { ...reported, plan: null, done: false })
    if (wish.choice.kind === 'recent' && run.number !== null)
      await this.#recent.giveUp(recentKey(wish.choice.of, wish, run.number), run.key)
    return result
  }

  async #send(
    run: Run,
    kind: TicketRequest['kind'],
    { rule }: TicketWish,
    path: string,
    body: object | null,
  ): Promise<TicketAnswer> {
    const { connection, clock } = this.#options
    const answer = body === null ? await this.#get(run, path) : await this.#post(run, path, `${run.key}.${kind}`, body)
    return judgeTicket(answer, { kind, url: connection.url(`${voicePath}${path}`), now: clock(), rule })
  }

  #get(run: Run, path: string) {
    const permit = { permitted: firstOf(run), later: isAudio(run) }
    return this.#options.connection.send({ method: 'GET', path: `${voicePath}${path}`, signal: run.signal, ...permit })
  }

  #post(run: Run, path: string, key: string, body: object) {
    return this.#options.connection.send({
      method: 'POST',
      path: `${voicePath}${path}`,
      headers: { 'content-type': 'application/json', 'idempotency-key': key },
      body: JSON.stringify(body),
      signal: run.signal,
      permitted: firstOf(run),
      later: isAudio(run),
    })
  }
}

type Acted =
  | { readonly kind: 'ticket'; readonly id: Id }
  | { readonly kind: 'nothing' }
  | { readonly kind: 'gone' }
  | { readonly kind: 'failed'; readonly result: DeliveryResult }

const busy: Acted = {
  kind: 'failed',
  result: { kind: 'wait', scope: 'job', afterMs: 1_000, reason: 'Zendesk is still making a ticket of it (409)' },
}

/** Nobody waits for what becomes of a voicemail as for what becomes of a call. */
const isAudio = ({ delivery }: Run): boolean => delivery.kind !== 'event'

function firstOf(run: Run): boolean {
  const first = run.permitted
  run.permitted = false
  return first
}
