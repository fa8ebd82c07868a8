/** From a claimed job to what its sink is handed, and how long the sink may take. Pure. */
import type { ClaimedJob } from './job-queue.ts'
import type { Delivery } from './sink.ts'

/** Durations in ms. */
export interface DeliveryTimeouts {
  readonly eventMs: number
  /** An upload may take this long, and `perMiBMs` more for each MiB. */
  readonly mediaMs: number
  readonly perMiBMs: number
}

/** 30 s for an event; a minute and a rate of at least 64 KiB/s (a slow ADSL uplink) for media. */
export const defaultTimeouts: DeliveryTimeouts = { eventMs: 30_000, mediaMs: 60_000, perMiBMs: 16_000 }

/** A recording or a voicemail. */
export type AudioDelivery = Exclude<Delivery, { readonly kind: 'event' }>

/** What a sink is handed for a job, or why there is nothing to hand it. */
export type Prepared<D> =
  | { readonly kind: 'ready'; readonly delivery: D; readonly timeoutMs: number }
  | { readonly kind: 'undeliverable'; readonly reason: string }

/** Prepares what goes out from a site. */
export const deliveriesOf =
  (site: string, timeouts: DeliveryTimeouts = defaultTimeouts) =>
  (job: ClaimedJob): Prepared<Delivery> =>
    prepare(job, site, timeouts)

/** Prepares what goes to a sink that takes audio only. */
export const audioDeliveriesOf =
  (site: string, timeouts: DeliveryTimeouts = defaultTimeouts) =>
  (job: ClaimedJob): Prepared<AudioDelivery> => {
    const prepared = prepare(job, site, timeouts)
    if (prepared.kind === 'undeliverable') return prepared
    const { delivery, timeoutMs } = prepared
    if (delivery.kind === 'event') return { kind: 'undeliverable', reason: 'an event has no audio' }
    return { kind: 'ready', delivery, timeoutMs }
  }

const prepare = (job: ClaimedJob, site: string, timeouts: DeliveryTimeouts): Prepared<Delivery> => {
  const { payload } = job
  if (payload.kind === 'unreadable') return { kind: 'undeliverable', reason: payload.reason }
  if (payload.kind === 'event') {
    const delivery: Delivery = { kind: 'event', idempotencyKey: job.id, event: payload.event }
    return { kind: 'ready', delivery, timeoutMs: timeouts.eventMs }
  }
  const { item } = payload
  const audio = item.encoded
  if (audio === null)
    return { kind: 'undeliverable', reason: 'the item has no encoded audio; redrive it from the recordings stage' }
  const timeoutMs = timeouts.mediaMs + Math.ceil((audio.size / 1_048_576) * timeouts.perMiBMs)
  const base = { idempotencyKey: job.id, site, audio }
  const delivery: Delivery =
    item.kind === 'recording' ? { kind: 'recording', ...base, item } : { kind: 'voicemail', ...base, item }
  return { kind: 'ready', delivery, timeoutMs }
}
