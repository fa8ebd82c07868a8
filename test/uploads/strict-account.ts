/**
 * A front before the sandbox that counts requests as strictly as an account might and takes as long to answer: what it refuses is a
 * 429, what it takes it hands on. In the minute before, a bridge has used the account evenly and up to what a bridge allows itself, so
 * there is never much more to be had than a request every 60/L seconds: whoever begins with a burst is refused.
 */
import { Agent, createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { AtEnd } from '../zendesk/running-sandbox.ts'

const MINUTE_MS = 60_000

/** One request asks; times are those of performance.now(). */
type Limiter = (now: number) => { readonly admitted: boolean; readonly remaining: number; readonly waitMs: number }

/** What is left free of each minute is for requests that come later than they were sent (ADR 20). */
const spent = (perMinute: number): number => perMinute - Math.floor(perMinute * 0.005)

export const limiters = {
  /** L in each minute by the clock, which ends 5 s after the beginning. */
  'fixed windows': (perMinute: number, began: number): Limiter => {
    let endsAt = began + 5_000
    let used = Math.floor((spent(perMinute) * 55) / 60)
    return now => {
      if (now >= endsAt) {
        used = 0
        endsAt += MINUTE_MS
      }
      const admitted = used < perMinute
      if (admitted) used++
      return { admitted, remaining: perMinute - used, waitMs: endsAt - now }
    }
  },
  /** L in any 60 s. */
  'a sliding window': (perMinute: number, began: number): Limiter => {
    const times = Array.from({ length: spent(perMinute) }, (_, n) => began - MINUTE_MS + (n * MINUTE_MS) / perMinute)
    return now => {
      while ((times[0] ?? now) <= now - MINUTE_MS) times.shift()
      const admitted = times.length < perMinute
      if (admitted) times.push(now)
      return { admitted, remaining: perMinute - times.length, waitMs: (times[0] ?? now) + MINUTE_MS - now }
    }
  },
  /** A bucket of a few seconds' requests that fills evenly; X-Rate-Limit-Remaining is what is in it. */
  'a bucket of tokens': (perMinute: number, began: number): Limiter => {
    const most = perMinute / 20
    let tokens = most
    let filledAt = began
    return now => {
      tokens = Math.min(most, tokens + ((now - filledAt) * perMinute) / MINUTE_MS)
      filledAt = now
      const admitted = tokens >= 1
      if (admitted) tokens--
      return { admitted, remaining: Math.floor(tokens), waitMs: ((1 - tokens) * MINUTE_MS) / perMinute }
    }
  },
}

export interface StrictAccountOptions {
  readonly upstream: string
  readonly perMinute: number
  readonly limiter: keyof typeof limiters
  /** From a request's arrival to its answer, ms. */
  readonly latencyMs: { readonly least: number; readonly most: number }
  readonly atEnd: AtEnd
}

export interface StrictAccount {
  readonly url: string
  /** Requests so far. */
  readonly counts: { readonly taken: number; readonly refused: number }
}

export async function strictAccount({
  upstream,
  perMinute,
  limiter,
  latencyMs,
  atEnd,
}: StrictAccountOptions): Promise<StrictAccount> {
  const admit = limiters[limiter](perMinute, performance.now())
  const counts = { taken: 0, refused: 0 }
  const agent = new Agent({ keepAlive: true })
  const { hostname, port } = new URL(upstream)
  const waiting = new Set<NodeJS.Timeout>()
  const later = (ms: number, run: () => void): void => {
    const timer = setTimeout(() => {
      waiting.delete(timer)
      run()
    }, ms)
    waiting.add(timer)
  }
  const answer = (incoming: IncomingMessage, outgoing: ServerResponse): void => {
    const now = performance.now()
    const { admitted, remaining, waitMs } = admit(now)
    const said = { 'x-rate-limit': perMinute, 'x-rate-limit-remaining': remaining }
    if (!admitted) {
      counts.refused++
      incoming.resume()
      const retryAfter = Math.max(1, Math.ceil(waitMs / 1000))
      outgoing.writeHead(429, Object.entries({ ...said, 'retry-after': retryAfter }).flat()).end('Too many requests')
      return
    }
    counts.taken++
    const answerAt = now + latencyMs.least + Math.random() * (latencyMs.most - latencyMs.least)
    const { method = 'GET', url: path = '/', headers } = incoming
    const handed = request({ agent, hostname, port, method, path, headers }, from => {
      const pieces: Buffer[] = []
      from.on('data', (piece: Buffer) => pieces.push(piece))
      from.once('end', () => {
        later(Math.max(0, answerAt - performance.now()), () => {
          for (const [name, value] of Object.entries({ ...from.headers, ...said })) {
            if (value !== undefined) outgoing.setHeader(name, value)
          }
          outgoing.writeHead(from.statusCode ?? 502).end(Buffer.concat(pieces))
        })
      })
    })
    handed.once('error', () => outgoing.destroy())
    incoming.pipe(handed)
  }
  const server = createServer(answer)
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  atEnd(async () => {
    for (const timer of waiting) clearTimeout(timer)
    server.closeAllConnections()
    await new Promise<void>(resolve => server.close(() => resolve()))
    agent.destroy()
  })
  const { port: own } = server.address() as AddressInfo
  return { url: `http://127.0.0.1:${own}`, counts }
}
