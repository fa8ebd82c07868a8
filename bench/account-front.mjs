/**
 * A front before the sandbox that counts requests as strictly as an account might, and answers as slowly: what it refuses is a 429 with
 * Retry-After, what it takes it hands on. In the minute before the beginning a bridge has used the account evenly and up to what it
 * allows itself, so there is never much more to be had than one request every 60/L seconds.
 *
 *   fixed     L in each minute by the clock; half of the minute is over at the beginning
 *   sliding   L in any 60 s
 *   tokens    a bucket of a second's requests that is filled evenly; X-Rate-Limit-Remaining is what is in it
 */
import { Agent, createServer, request } from 'node:http'

const MINUTE_MS = 60_000

/** What a bridge leaves free is for requests that come later than they were sent. */
const spent = perMinute => perMinute - Math.floor(perMinute * 0.005)

export const limiters = {
  fixed: (perMinute, began) => {
    let used = Math.floor(spent(perMinute) / 2)
    let endsAt = began + MINUTE_MS / 2
    return now => {
      while (now >= endsAt) {
        used = 0
        endsAt += MINUTE_MS
      }
      const admitted = used < perMinute
      if (admitted) used++
      return { admitted, remaining: perMinute - used, waitMs: endsAt - now }
    }
  },
  sliding: (perMinute, began) => {
    const times = Array.from({ length: spent(perMinute) }, (_, n) => began - MINUTE_MS + (n * MINUTE_MS) / perMinute)
    return now => {
      let old = 0
      while (times[old] <= now - MINUTE_MS) old++
      if (old > 0) times.splice(0, old)
      const admitted = times.length < perMinute
      if (admitted) times.push(now)
      return { admitted, remaining: perMinute - times.length, waitMs: (times[0] ?? now) + MINUTE_MS - now }
    }
  },
  tokens: (perMinute, began) => {
    const most = Math.max(2, perMinute / 60)
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

/** `latencyMs`: [shortest, longest]. Counting is done when a request arrives, answering takes its time. */
export async function accountFront({ upstream, perMinute, limiter, latencyMs: [least, most] }) {
  const admit = limiters[limiter](perMinute, performance.now())
  const agent = new Agent({ keepAlive: true })
  const { hostname, port } = new URL(upstream)
  const counts = { taken: 0, refused: 0, firstAt: null, lastAt: null, underWay: 0, mostUnderWay: 0 }
  const server = createServer((incoming, outgoing) => {
    const now = performance.now()
    counts.firstAt ??= now
    counts.lastAt = now
    const { admitted, remaining, waitMs } = admit(now)
    const said = { 'x-rate-limit': perMinute, 'x-rate-limit-remaining': remaining }
    counts.underWay++
    counts.mostUnderWay = Math.max(counts.mostUnderWay, counts.underWay)
    outgoing.once('close', () => counts.underWay--)
    if (!admitted) {
      counts.refused++
      incoming.resume()
      outgoing.writeHead(429, { ...said, 'retry-after': Math.max(1, Math.ceil(waitMs / 1000)) }).end('Too many requests')
      return
    }
    counts.taken++
    const answerAt = now + least + Math.random() * (most - least)
    const { host: _host, ...headers } = incoming.headers
    const handed = request({ agent, hostname, port, method: incoming.method, path: incoming.url, headers }, answer => {
      const pieces = []
      answer.on('data', piece => pieces.push(piece))
      answer.once('end', () => {
        const send = () => outgoing.writeHead(answer.statusCode, { ...answer.headers, ...said }).end(Buffer.concat(pieces))
        setTimeout(send, Math.max(0, answerAt - performance.now()))
      })
    })
    handed.once('error', () => outgoing.destroy())
    incoming.pipe(handed)
  })
  await new Promise(resolve => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    counts,
    close: () => {
      server.closeAllConnections()
      server.close()
      agent.destroy()
    },
  }
}
