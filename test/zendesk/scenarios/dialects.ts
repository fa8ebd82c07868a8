/** Both dialects, each as the bridge builds it from a configuration, and what a person finds in the account afterwards. */

import { zendeskAccount } from '../../../src/bridge/zendesk.ts'
import { configSchema } from '../../../src/config/schema.ts'
import { RateLimit } from '../../../src/uploads/flow/rate-limit.ts'
import type { Sink } from '../../../src/uploads/sink.ts'
import type { SinkMemory } from '../../../src/zendesk/memory.ts'
import { json, type RunningSandbox } from '../running-sandbox.ts'

const silent = { info() {}, warn() {} }

/** What there is of one caller. `audio` counts each file once, wherever it hangs. */
export interface Found {
  readonly calls: readonly { readonly answered: boolean; readonly ended: boolean }[]
  readonly tickets: number
  readonly audio: number
}

export interface Dialect {
  readonly name: string
  /** A sink that knows nothing but what is in the memory. */
  sink(url: string, sandbox: RunningSandbox, memory: SinkMemory): { readonly sink: Sink; close(): Promise<void> }
  find(sandbox: RunningSandbox, number: string): Promise<Found>
}

type Thing = Record<string, unknown>
type List = Record<string, Thing[]>

const sinkOf =
  (api: 'partner-edition' | 'calls'): Dialect['sink'] =>
  (url, sandbox, memory) => {
    const { connection, sink } = zendeskAccount({
      config: configSchema.parse({ zendesk: { api }, tickets: { preset: 'standard' } }),
      sandbox: { url, token: sandbox.token },
      memory,
      limit: new RateLimit({ perMinute: Number.POSITIVE_INFINITY, now: Date.now() }),
      tickets: 'by-rules',
      version: 'test',
      settleMs: 50,
      log: silent,
    })
    return { sink, close: () => connection.close() }
  }

const partnerEdition: Dialect = {
  name: 'partner-edition',
  sink: sinkOf('partner-edition'),
  async find(sandbox, number) {
    const list = async (path: string): Promise<List> => json(await sandbox.call(path))
    const { phone_calls: calls = [] } = await list('/phone_calls?limit=1000')
    const { tickets = [] } = await list('/tickets?limit=1000')
    const { phone_voicemails: voicemails = [] } = await list('/phone_voicemails?limit=1000')
    const mine = calls.filter(call => call.from === number)
    const recordings = await Promise.all(mine.map(call => list(`/phone_calls/${call.id}/recordings`)))
    const callerOf = ({ call }: Thing) => (typeof call === 'object' && call !== null && 'caller' in call ? call.caller : null)
    return {
      calls: mine.map(call => ({ answered: call.answered_at !== null, ended: call.ended_at !== null })),
      tickets: tickets.filter(ticket => callerOf(ticket) === number).length,
      audio:
        recordings.reduce((sum, { phone_recordings: found = [] }) => sum + found.length, 0) +
        voicemails.filter(voicemail => voicemail.from === number).length,
    }
  },
}

const documented: Dialect = {
  name: 'calls',
  sink: sinkOf('calls'),
  async find(sandbox, number) {
    const get = async (path: string): Promise<List & { readonly call?: Thing }> =>
      json(await fetch(`${sandbox.url}/api/v2${path}`, { headers: { authorization: `Bearer ${sandbox.token}` } }))
    const { users = [] } = await get(`/users/search?external_id=${encodeURIComponent(`pbx:${number}`)}`)
    const owned = await Promise.all(users.map(user => get(`/users/${user.id}/tickets/requested`)))
    const tickets = owned.flatMap(({ tickets: found = [] }) => found)
    const told = await Promise.all(tickets.map(ticket => get(`/tickets/${ticket.id}/comments`)))
    const comments = told.flatMap(({ comments: found = [] }) => found)
    const records = new Set(comments.flatMap(({ data }) => (isThing(data) && data.call_id !== undefined ? [data.call_id] : [])))
    const calls = await Promise.all([...records].map(id => get(`/calls/${id}`)))
    const files = comments.flatMap(({ attachments }) => (Array.isArray(attachments) ? attachments.filter(isThing) : []))
    return {
      calls: calls.map(({ call }) => ({
        answered: typeof call?.call_connected_at === 'string',
        ended: typeof call?.call_ended_at === 'string',
      })),
      tickets: tickets.length,
      audio: new Set(files.map(file => file.file_name)).size,
    }
  },
}

const isThing = (value: unknown): value is Thing => typeof value === 'object' && value !== null

export const dialects: readonly Dialect[] = [partnerEdition, documented]
