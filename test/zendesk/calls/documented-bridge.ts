/** The documented dialect before a real sandbox, with a way between them that can be cut, and a memory that outlives the sink. */
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import type { CallEvent } from '../../../src/events/event.ts'
import type { EncodedAudio, RecordingItem, VoicemailItem } from '../../../src/events/recording.ts'
import { SqliteStore } from '../../../src/uploads/store/sqlite-store.ts'
import { Callers } from '../../../src/zendesk/callers/callers.ts'
import type { LinkTo } from '../../../src/zendesk/calls/audio-steps.ts'
import type { CallsSettings } from '../../../src/zendesk/calls/settings.ts'
import { CallsSink } from '../../../src/zendesk/calls/sink.ts'
import type { Delivery } from '../../../src/zendesk/delivery.ts'
import { bearer } from '../../../src/zendesk/http/authorization.ts'
import { Connection } from '../../../src/zendesk/http/connection.ts'
import type { SinkMemory } from '../../../src/zendesk/memory.ts'
import { noTickets, type TicketRules, ticketRules } from '../../../src/zendesk/tickets/ticket-rules.ts'
import { json, type RunningSandbox, runningSandbox, temporaryFolder } from '../running-sandbox.ts'
import { CuttingProxy } from '../scenarios/cutting-proxy.ts'

const silent = { debug() {}, info() {}, warn() {}, error() {} }

/** The four rules of the Voice API, and what an answered call says at its end. */
export const standardRules = ticketRules(
  { preset: 'standard', hours: { timezone: 'UTC', week: [], holidays: [] }, rules: [], anonymous: 'no-ticket' },
  'none',
)
export { noTickets }

export const settings: CallsSettings = {
  appId: 42,
  brandId: null,
  licence: 'partner-edition',
  display: 'ringing',
  recordingsWithoutTicket: 'ticket',
}

export const asEvent = (event: CallEvent): Delivery => ({ kind: 'event', idempotencyKey: event.id, event })
export const asRecording = (item: RecordingItem, audio: EncodedAudio): Delivery => ({
  kind: 'recording',
  idempotencyKey: item.id,
  site: 'hq',
  item,
  audio,
})
export const asVoicemail = (item: VoicemailItem, audio: EncodedAudio): Delivery => ({
  kind: 'voicemail',
  idempotencyKey: item.id,
  site: 'hq',
  item,
  audio,
})

export interface SinkChanges {
  readonly tickets?: TicketRules
  readonly settings?: Partial<CallsSettings>
  readonly callers?: { readonly create?: boolean; readonly ambiguous?: 'most-recent' | 'none' }
  readonly link?: LinkTo
  readonly clock?: () => number
  /** 0 unless said: the sandbox is through with a request when the proxy cuts its answer. */
  readonly settleMs?: number
  /** Instead of the proxy. */
  readonly baseUrl?: string
}

export interface DocumentedBridge {
  readonly sandbox: RunningSandbox
  readonly proxy: CuttingProxy
  readonly memory: SinkMemory
  readonly folder: string
  /** A sink that knows nothing but what is in the memory. */
  sink(changes?: SinkChanges): CallsSink
  /** `GET` below /api/v2, past the proxy. */
  get(path: string): Promise<Record<string, unknown[]> & Record<string, Record<string, unknown>>>
  /** `POST /_sandbox/settings` */
  account(changes: object): Promise<void>
}

export async function documentedBridge(): Promise<DocumentedBridge> {
  const sandbox = await runningSandbox()
  const proxy = await CuttingProxy.to(sandbox.url)
  const folder = await temporaryFolder()
  const store = await SqliteStore.open({ dataDir: join(folder, 'store'), role: 'bridge', now: Date.now, log: silent })
  onTestFinished(() => store.close())
  const headers = { authorization: `Bearer ${sandbox.token}` }
  return {
    sandbox,
    proxy,
    memory: store.memory,
    folder,
    sink(changes = {}) {
      const { tickets = standardRules, settings: changed = {}, callers = {}, link = async () => null, clock = Date.now } = changes
      const { baseUrl = proxy.url, settleMs = 0 } = changes
      const connection = new Connection({ baseUrl, authorization: bearer(sandbox.token), userAgent: 'test', clock })
      onTestFinished(() => connection.close())
      const { memory } = store
      const who = { create: true, ambiguous: 'most-recent', name: 'display', ...callers } as const
      return new CallsSink({
        connection,
        memory,
        callers: new Callers({ memory, clock, log: silent, ...who }),
        tickets,
        link,
        settings: { ...settings, ...changed },
        clock,
        settleMs,
      })
    },
    get: async path => json(await fetch(`${sandbox.url}/api/v2${path}`, { headers })),
    async account(changes) {
      const answer = await fetch(`${sandbox.url}/_sandbox/settings`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(changes),
      })
      if (answer.status !== 200) throw new Error(await answer.text())
    },
  }
}

/** Delivers as the worker would, until it is through; throws what an operator would see of a dead letter. */
export async function through(sink: CallsSink, delivery: Delivery): Promise<string | null> {
  const reasons: string[] = []
  for (let attempt = 0; attempt < 20; attempt++) {
    const result = await sink.deliver(delivery, AbortSignal.timeout(10_000))
    if (result.kind === 'delivered') return result.remoteId
    reasons.push(result.reason)
    if (result.kind === 'reject') break
  }
  throw new Error(`not delivered: ${reasons.at(-1)}`)
}

/** What the sandbox has of one caller, read back as a person would. */
export async function ticketsOf({ get }: DocumentedBridge, userId: unknown): Promise<TicketSeen[]> {
  const { tickets = [] } = await get(`/users/${userId}/tickets/requested`)
  const seen: TicketSeen[] = []
  for (const ticket of tickets as Record<string, unknown>[]) {
    const { comments = [] } = await get(`/tickets/${ticket.id}/comments`)
    seen.push({ ticket, comments: comments as CommentSeen[] })
  }
  return seen
}

export interface CommentSeen {
  readonly type: string
  readonly body: string
  readonly public: boolean
  readonly data?: Record<string, unknown>
  readonly attachments: readonly { readonly file_name: string; readonly content_url: string }[]
}

export interface TicketSeen {
  readonly ticket: Record<string, unknown>
  readonly comments: readonly CommentSeen[]
}
