/**
 * What a real drachtio-server tells of the calls it proxies: cdr:attempt with the INVITE, cdr:start with the 200, cdr:stop with the
 * BYE, the CANCEL or the final response. Made into seen messages, so that the same observer turns them into signals.
 *
 * It knows no ringing and no hold (in-dialog requests never reach an application), and events are lost while nobody is connected.
 */
import type Srf from 'drachtio-srf'
import { firstValue } from '../message/headers.ts'
import type { HopAddress, SeenMessage } from '../message/message.ts'
import { parseMessage } from '../message/parse.ts'
import { parseVia, type Via } from '../message/via.ts'

export interface CdrFeedOptions {
  readonly onSeen: (seen: SeenMessage) => void
  /** Epoch ms. */
  readonly now: () => number
}

export class CdrFeed {
  readonly counters = { unreadable: 0 }
  readonly #options: CdrFeedOptions

  constructor(options: CdrFeedOptions) {
    this.#options = options
  }

  /** To be called before the listener dials. Only the caller's side of each call is taken (role proxy-uas or uas). */
  attach(srf: Srf): void {
    srf.on('cdr:attempt', (source, time, msg) => {
      if (source === 'network') this.#take(time, msg.raw)
    })
    srf.on('cdr:start', (_source, time, role, msg) => {
      if (role.endsWith('uas')) this.#take(time, msg.raw)
    })
    srf.on('cdr:stop', (_source, time, _reason, msg) => this.#take(time, msg.raw))
  }

  #take(time: string, raw: string): void {
    const parsed = parseMessage(Buffer.from(raw, 'utf8'))
    // The topmost Via of a request is its sender's, of a response its receiver's: either way the peer this is about.
    const via = parsed.ok ? parseVia(firstValue(parsed.message, 'Via') ?? '') : null
    if (!parsed.ok || via === null) {
      this.counters.unreadable += 1
      return
    }
    this.#options.onSeen({
      at: nearestMoment(time, this.#options.now()),
      direction: parsed.message.kind === 'request' ? 'received' : 'sent',
      peer: peerOf(via),
      message: parsed.message,
    })
  }
}

/** Whom a Via names; what it does not say is as the transport has it by default (RFC 3261 section 18.2.2). */
export function peerOf({ transport, host, port, params }: Via): HopAddress {
  const isTls = transport === 'TLS'
  return {
    transport: isTls ? 'tls' : transport === 'TCP' ? 'tcp' : 'udp',
    address: params.get('received') ?? host,
    port: Number(params.get('rport') ?? port ?? (isTls ? 5061 : 5060)),
  }
}

/**
 * drachtio-server sends the time of day in UTC (`HH:MM:SS.uuuuuu`) and no date: the moment meant is the one nearest to now, which
 * is right across midnight too. Text that is no time of day gives now.
 */
export function nearestMoment(timeOfDay: string, now: number): number {
  const match = /^(\d{2}):(\d{2}):(\d{2})\.(\d{3})/.exec(timeOfDay)
  if (match === null) return now
  const [, hours, minutes, seconds, millis] = match.map(Number)
  const dayMs = 86_400_000
  const sinceMidnight = (((hours ?? 0) * 60 + (minutes ?? 0)) * 60 + (seconds ?? 0)) * 1000 + (millis ?? 0)
  const today = now - (((now % dayMs) + dayMs) % dayMs) + sinceMidnight
  return [today - dayMs, today, today + dayMs].reduce((best, moment) =>
    Math.abs(moment - now) < Math.abs(best - now) ? moment : best,
  )
}
