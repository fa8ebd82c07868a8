/** The wire of the live feed: one event a text message, and a close code that says what a client should do next. */
import type { WebSocket } from 'ws'
import type { FeedPage } from './feed-pages.ts'

/** Why a client's feed ended. */
export type FeedEnd = 'left' | 'stopping' | 'too-slow' | 'unknown-event' | 'store-failed'

/** Codes of RFC 6455 section 7.4; 4000 and above are ours, after the HTTP status that would mean the same. */
const closes: Readonly<Record<FeedEnd, { readonly code: number; readonly reason: string }>> = {
  left: { code: 1000, reason: 'bye' },
  stopping: { code: 1001, reason: 'the bridge stops; reconnect with ?after=LAST_ID' },
  'too-slow': { code: 4408, reason: 'too slow; reconnect with ?after=LAST_ID' },
  'unknown-event': { code: 4404, reason: 'no such event is stored; read GET /v1/calls, then reconnect without after' },
  'store-failed': { code: 1011, reason: 'the store cannot be read now; reconnect with ?after=LAST_ID' },
}

/** Tells a client why it ends; nothing for one that has left. A client that does not answer is cut off after 30 s by ws. */
export function tellEnd(socket: WebSocket, end: FeedEnd): void {
  const { code, reason } = closes[end]
  if (socket.readyState === socket.OPEN) socket.close(code, reason)
}

/**
 * Sends a page and waits until the system has taken all of it. `false` when it took nothing for `stallMs`, or the socket broke.
 * A client that reads slowly is waited for as long as it reads.
 */
export function sendPage(socket: WebSocket, page: FeedPage, stallMs: number): Promise<boolean> {
  return new Promise(resolve => {
    let left = page.length
    const end = (taken: boolean) => {
      clearTimeout(stall)
      left = 0
      resolve(taken)
    }
    const stall = setTimeout(() => end(false), stallMs)
    const flushed = (error?: Error | null) => {
      if (left === 0) return
      left -= 1
      if (error) end(false)
      else if (left === 0) end(true)
      else stall.refresh()
    }
    for (const { json } of page) socket.send(json, flushed)
  })
}
