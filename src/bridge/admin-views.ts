/** What the admin server reads and does, in terms of the store. */
import type { CallReader } from '../admin/call-routes.ts'
import type { StoredEvents } from '../admin/feed-pages.ts'
import type { CallId, EventId } from '../events/event.ts'
import type { Store } from '../uploads/store/store.ts'

// Ids come from a client here: they are looked up and nothing else, and one that names nothing finds nothing.
const asCallId = (id: string): CallId => id as CallId
const asEventId = (id: string): EventId => id as EventId

export function callReader({ views, desk }: Pick<Store, 'views' | 'desk'>): CallReader {
  return {
    async listCalls({ limit, before }) {
      const page = await views.listCalls({ limit: limit + 1, ...(before === null ? {} : { before: asCallId(before) }) })
      const rows = page.slice(0, limit).map(({ call }) => call)
      return { rows, next: page.length > limit ? (rows.at(-1)?.id ?? null) : null }
    },
    async findCall(id) {
      const found = await views.getCall(asCallId(id))
      if (found === null) return null
      const ids = [...found.events.map(({ event }) => event.id), ...found.items.map(({ item }) => item.id)]
      const uploads = await Promise.all(ids.map(each => desk.getUpload(each)))
      return {
        call: found.call,
        events: found.events.map(({ event }) => event),
        uploads: uploads.filter(upload => upload !== null),
        audio: found.items.map(({ item }) => item),
      }
    },
  }
}

export function storedEvents({ views }: Pick<Store, 'views'>): StoredEvents {
  return {
    eventsAfter: (id, limit) => views.eventsAfter(id === null ? null : asEventId(id), limit),
    newestEventId: () => views.lastEventId(),
  }
}
