/**
 * What the answers to a ticket's requests mean, once the event or voicemail itself is delivered. Pure.
 *
 *                       create_ticket               comment                    GET /tickets/{id}
 *   2xx, our body       the ticket                  done                       usable, unless solved or closed
 *   2xx, another        retry                       retry                      retry
 *   404, unknown        retry: it was just made     gone: choose again         not usable
 *   404 405, no route   reject                      reject                     reject
 *   409                 the call has one: take it   wait (job)                 wait (job)
 *   400 410 413 415 422 reject                      reject                     reject
 *   anything else       as for every request (verdict.ts)
 *
 * No answer here holds the whole sink back for the ticket's sake, and a refusal is a dead letter rather than a wait: the next events
 * of the call must not wait for a rule to be mended. A redrive sends only the ticket.
 */
import { z } from 'zod'
import type { DeliveryResult } from '../delivery.ts'
import { type Answer, errorIn, parseJson, said } from '../http/answer.ts'
import { type Id, idSchema } from '../wire/page.ts'
import { ticketStatuses } from '../wire/ticket.ts'
import { judgeRefusal } from './verdict.ts'

export interface TicketRequest {
  readonly kind: 'create' | 'comment' | 'look'
  readonly url: string
  /** Epoch ms. */
  readonly now: number
  /** Of the rule that fired. */
  readonly rule: string
}

export type TicketAnswer =
  | { readonly kind: 'ticket'; readonly id: Id; readonly status: (typeof ticketStatuses)[number] }
  | { readonly kind: 'commented' }
  | { readonly kind: 'gone' }
  /** The call or voicemail has a ticket already. */
  | { readonly kind: 'taken' }
  | { readonly kind: 'failed'; readonly result: DeliveryResult }

/** The ticket that a phone call or voicemail shows as its own; `null`: none, or not told. */
export function linkedTicket(answer: Answer): Id | null {
  const json = answer.body.kind === 'whole' ? parseJson(answer.body.text) : null
  const shown = json?.ok ? linkedBody.safeParse(json.value) : null
  return shown?.success ? ('phone_call' in shown.data ? shown.data.phone_call : shown.data.phone_voicemail).ticket_id : null
}

const linked = z.object({ ticket_id: idSchema.nullable() })
const linkedBody = z.union([z.object({ phone_call: linked }), z.object({ phone_voicemail: linked })])
const ticketBody = z.object({ ticket: z.object({ id: idSchema, status: z.enum(ticketStatuses) }) })
const commentBody = z.object({ comment: z.object({ id: idSchema }) })

/** The meaning of an answer to one of the requests about a ticket. */
export function judgeTicket(answer: Answer, asked: TicketRequest): TicketAnswer {
  const { status } = answer
  if (status >= 200 && status < 300) return accepted(answer, asked)
  switch (status) {
    case 400:
    case 410:
    case 413:
    case 415:
    case 422: {
      const hint = `correct tickets.rules (rule ${asked.rule}) and redrive`
      return failed({ kind: 'reject', reason: `its ticket was refused (${status}): ${said(answer)}; ${hint}` })
    }
    case 404:
    case 405:
      return unknown(answer, asked)
    case 409:
      return asked.kind === 'create' ? { kind: 'taken' } : failed(judgeRefusal(answer, asked))
    default:
      return failed(judgeRefusal(answer, asked))
  }
}

/** With what an operator must know first: the delivery itself is done. */
export function afterDelivery(result: DeliveryResult): DeliveryResult {
  return result.kind === 'delivered' ? result : { ...result, reason: `delivered, but not its ticket: ${result.reason}` }
}

function accepted(answer: Answer, asked: TicketRequest): TicketAnswer {
  const json = answer.body.kind === 'whole' ? parseJson(answer.body.text) : null
  if (json?.ok) {
    const comment = asked.kind === 'comment' ? commentBody.safeParse(json.value) : null
    if (comment?.success) return { kind: 'commented' }
    const ticket = asked.kind === 'comment' ? null : ticketBody.safeParse(json.value)
    if (ticket?.success) return { kind: 'ticket', ...ticket.data.ticket }
  }
  const reason = `Zendesk answered ${answer.status} but not with a ${asked.kind === 'comment' ? 'comment' : 'ticket'}: ${said(answer)}`
  return failed({ kind: 'retry', afterMs: null, reason })
}

/** The API's own 404 names what it does not know; any other means that there is no such address. */
function unknown(answer: Answer, asked: TicketRequest): TicketAnswer {
  const error = errorIn(answer)
  if (answer.status === 404 && typeof error?.error === 'string' && /not ?found$/i.test(error.error)) {
    if (asked.kind !== 'create') return { kind: 'gone' }
    return failed({ kind: 'retry', afterMs: null, reason: `Zendesk does not know what it just took (404): ${said(answer)}` })
  }
  const reason = `no ticket endpoint at ${asked.url} (${answer.status}): check zendesk.base_url, or remove tickets.rules; it said: ${said(answer)}`
  return failed({ kind: 'reject', reason })
}

function failed(result: DeliveryResult): TicketAnswer {
  return { kind: 'failed', result }
}
