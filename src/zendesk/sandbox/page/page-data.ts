/** What the page shows, read from the stores of both halves of the API. Nothing is changed by looking. */
import type { DatabaseSyncInstance } from '@photostructure/sqlite'
import { z } from 'zod'
import type { IvrSettings } from '../../wire/ivr.ts'
import type { QueueAnalytics } from '../../wire/queue.ts'
import type { Account } from '../support/account.ts'
import type { Display } from '../support/displays.ts'
import type { StoredDocumentedCall } from '../support/documented-calls.ts'
import type { StoredComment } from '../support/ticket-history.ts'
import type { StoredTicket } from '../support/tickets.ts'
import { AgentStatuses } from '../voice/agents/agent-statuses.ts'
import type { AudioShelf, StoredRecording, StoredVoicemail } from '../voice/audio/audio-shelf.ts'
import type { Calls, StoredCall, StoredEvent } from '../voice/calls/call-log.ts'
import { PhoneNumbers, type StoredNumber } from '../voice/provisioning/phone-numbers.ts'
import { queueAnalytics } from '../voice/queues/analytics.ts'
import { Queues, type StoredQueue } from '../voice/queues/queues.ts'

export interface PageStores {
  readonly account: Account
  readonly calls: Calls
  readonly db: DatabaseSyncInstance
  readonly recordings: AudioShelf<StoredRecording['metadata']>
  readonly voicemails: AudioShelf<StoredVoicemail['metadata']>
}

/** Everything, or what belongs to one call or one ticket. */
export interface PageFilter {
  readonly call: number | null
  readonly ticket: number | null
}

export interface ShownTicket {
  readonly ticket: StoredTicket
  /** Oldest first. */
  readonly comments: readonly StoredComment[]
}

export interface Agent {
  readonly id: number
  readonly name: string
  readonly status: string
  readonly since: string | null
}

export interface PageData {
  readonly filter: PageFilter
  readonly calls: readonly StoredCall[]
  /** Of the one call that was asked for. */
  readonly events: readonly StoredEvent[]
  readonly recordings: readonly StoredRecording[]
  readonly voicemails: readonly StoredVoicemail[]
  readonly tickets: readonly ShownTicket[]
  readonly documentedCalls: readonly StoredDocumentedCall[]
  readonly displays: readonly Display[]
  readonly agents: readonly Agent[]
  readonly queues: readonly { readonly queue: StoredQueue; readonly waiting: number; readonly analytics: QueueAnalytics }[]
  readonly numbers: readonly { readonly number: StoredNumber; readonly ivr: IvrSettings }[]
  /** Ids of calls by the name their sender gives them. */
  readonly callIds: ReadonlyMap<string, number>
}

const shown = 30
const newest = { limit: shown }
const agentRow = z.object({ id: z.int(), name: z.string().nullable() })
const countRow = z.object({ n: z.int() })

export function readPageData(stores: PageStores, filter: PageFilter): PageData {
  const focus = focusOf(stores, filter)
  const audio = focus ?? {
    calls: stores.calls.list(newest).rows,
    recordings: stores.recordings.list(newest).rows,
    voicemails: stores.voicemails.list(newest).rows,
    tickets: stores.account.tickets.list({ order: 'id DESC' }, { limit: shown, offset: 0 }).rows,
  }
  const [only] = focus?.calls ?? []
  const external = [...audio.recordings, ...audio.voicemails].flatMap(({ metadata }) => metadata.external_call_id ?? [])
  return {
    filter,
    ...audio,
    tickets: audio.tickets.map(ticket => ({
      ticket,
      comments: stores.account.history.commentsOn(ticket.id, { limit: 50, offset: 0 }).rows,
    })),
    events: only === undefined ? [] : stores.calls.events(only.id),
    documentedCalls: focus === null ? stores.account.calls.newest(shown) : [],
    displays: focus === null ? stores.account.displays.list(shown) : [],
    agents: focus === null ? agentsOf(stores.db) : [],
    queues: focus === null ? queuesOf(stores.db) : [],
    numbers: focus === null ? numbersOf(stores.db) : [],
    callIds: new Map(
      external.flatMap(name => {
        const id = stores.calls.idOf(name)
        return id === null ? [] : [[name, id] as const]
      }),
    ),
  }
}

interface Focus {
  readonly calls: readonly StoredCall[]
  readonly recordings: readonly StoredRecording[]
  readonly voicemails: readonly StoredVoicemail[]
  readonly tickets: readonly StoredTicket[]
}

/** `null`: nothing in particular was asked for. */
function focusOf(stores: PageStores, filter: PageFilter): Focus | null {
  if (filter.call === null && filter.ticket === null) return null
  const { tickets } = stores.account
  const ticket = filter.ticket === null ? null : tickets.get(filter.ticket)
  const voicemailId = ticket?.phoneVoicemailId ?? null
  const voicemail = voicemailId === null ? null : stores.voicemails.get(voicemailId)
  const callId = filter.call ?? ticket?.phoneCallId ?? callOf(stores.calls, voicemail)
  const call = callId === null ? null : stores.calls.get(callId)
  const ofCall = call === null ? [] : stores.voicemails.ofCall(call.call.external_id)
  const voicemails = [...ofCall, ...(voicemail === null || ofCall.some(({ id }) => id === voicemail.id) ? [] : [voicemail])]
  const ticketIds = new Set([ticket?.id, call?.ticketId, ...voicemails.map(({ ticketId }) => ticketId)])
  const about = call === null ? [] : ticketsOfCall(stores.account, call.id)
  return {
    calls: call === null ? [] : [call],
    recordings: call === null ? [] : stores.recordings.ofCall(call.call.external_id),
    voicemails: voicemails.filter(({ deleted }) => !deleted),
    tickets: [
      ...about,
      ...[...ticketIds].flatMap(id => (id == null || about.some(other => other.id === id) ? [] : (tickets.get(id) ?? []))),
    ],
  }
}

function callOf(calls: Calls, voicemail: StoredVoicemail | null): number | null {
  const name = voicemail?.metadata.external_call_id ?? null
  return name === null ? null : calls.idOf(name)
}

function ticketsOfCall({ tickets }: Account, callId: number): readonly StoredTicket[] {
  const conditions = [{ sql: 'phone_call_id = ?', values: [callId] }]
  return tickets.list({ conditions }, { limit: shown, offset: 0 }).rows
}

function agentsOf(db: DatabaseSyncInstance): readonly Agent[] {
  const statuses = new AgentStatuses(db)
  return db
    .prepare(
      `SELECT id, (SELECT name FROM call_agents WHERE agent_id = known.id ORDER BY call_id DESC LIMIT 1) AS name FROM (
         SELECT id FROM agents UNION SELECT agent_id FROM call_agents UNION SELECT agent_id FROM queue_members
       ) AS known ORDER BY id LIMIT 200`,
    )
    .all()
    .map(row => {
      const { id, name } = agentRow.parse(row)
      const { status, updated_at } = statuses.get(id)
      return { id, name: name ?? '', status, since: updated_at }
    })
}

function queuesOf(db: DatabaseSyncInstance): PageData['queues'] {
  const waiting = db.prepare("SELECT count(*) AS n FROM queue_waits WHERE queue_id = ? AND outcome = 'waiting'")
  return new Queues(db).list(newest).rows.map(queue => ({
    queue,
    waiting: countRow.parse(waiting.get(queue.id)).n,
    analytics: queueAnalytics(db, queue.id),
  }))
}

function numbersOf(db: DatabaseSyncInstance): PageData['numbers'] {
  const numbers = new PhoneNumbers(db)
  return numbers.list(newest).rows.map(number => ({ number, ivr: numbers.ivr(number.id) }))
}
