import { onTestFinished } from 'vitest'
import type { StoredEvents } from '../../src/admin/feed-pages.ts'
import type { PartHealth } from '../../src/admin/health.ts'
import { defaultFeedLimits } from '../../src/admin/live-feed.ts'
import { AdminServer, type AdminServerOptions } from '../../src/admin/server.ts'
import type { CallEvent } from '../../src/events/event.ts'

/** A store of events that a test writes to, and that can fail or forget. */
export class EventLog implements StoredEvents {
  readonly events: CallEvent[] = []
  reads = 0
  failure: Error | null = null
  newestDelayMs = 0

  async eventsAfter(id: string | null, limit: number): Promise<readonly CallEvent[] | null> {
    this.reads += 1
    await new Promise(resolve => setImmediate(resolve))
    if (this.failure !== null) throw this.failure
    const at = id === null ? -1 : this.events.findIndex(event => event.id === id)
    return id !== null && at < 0 ? null : this.events.slice(at + 1, at + 1 + limit)
  }

  async newestEventId(): Promise<string | null> {
    await new Promise(resolve => setTimeout(resolve, this.newestDelayMs))
    return this.events.at(-1)?.id ?? null
  }
}

export interface LogLine {
  readonly level: string
  readonly fields: object
  readonly message: string
}

/** An admin server on a free port; stopped when the test ends. What a test does not give is empty. */
export async function startAdmin(given: Partial<AdminServerOptions> = {}) {
  const lines: LogLine[] = []
  const at = (level: string) => (fields: object, message: string) => void lines.push({ level, fields, message })
  const parts: Record<string, PartHealth> = { store: { state: 'ok', reason: null } }
  const server = new AdminServer({
    token: null,
    version: '0.1.0',
    health: { parts: () => parts },
    metrics: { read: async () => [] },
    calls: { listCalls: async () => ({ rows: [], next: null }), findCall: async () => null },
    uploads: {
      listUploads: async () => ({ rows: [], next: null }),
      redriveSome: async () => ({ seen: 0, done: 0, refused: [], next: null }),
      dropSome: async () => ({ seen: 0, done: 0, refused: [], next: null }),
      redrive: async () => ({ kind: 'unknown' }),
      drop: async () => ({ kind: 'unknown' }),
    },
    events: new EventLog(),
    recordings: null,
    feedLimits: defaultFeedLimits,
    log: { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') },
    listen: { host: '127.0.0.1', port: 0 },
    stopGraceMs: 1_000,
    ...given,
  })
  onTestFinished(() => server.stop())
  const { url } = await server.start()
  return { server, url, lines, parts }
}
