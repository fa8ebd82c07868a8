/**
 * One delivery, with a time-out and a way to stop it. Whatever the sink does, this ends: a sink that ignores its abort signal is
 * left behind after ABORT_GRACE_MS, and what it does later changes nothing here (the same key makes it harmless there).
 */
import type { DeliveryResult, Sink } from './sink.ts'

/** How long a sink may take to notice that its signal was aborted. */
const ABORT_GRACE_MS = 1_000

export type Attempt =
  | { readonly kind: 'answered'; readonly result: DeliveryResult }
  /** The bridge stops; the delivery did not come to an end. */
  | { readonly kind: 'stopped' }
  /** A bug: a sink answers for whatever the far side does, and never throws. */
  | { readonly kind: 'threw'; readonly error: unknown }

export interface AttemptOptions {
  readonly timeoutMs: number
  /** Aborted when the bridge stops. */
  readonly stop: AbortSignal
}

/** Delivers once. Never rejects. */
export const attempt = async <D>(sink: Sink<D>, delivery: D, options: AttemptOptions): Promise<Attempt> => {
  const { stop, timeoutMs } = options
  if (stop.aborted) return { kind: 'stopped' }
  const controller = new AbortController()
  const timeout = setTimeout(() => controller.abort(new Error(timedOut(timeoutMs))), timeoutMs)
  const onStop = (): void => controller.abort(stop.reason)
  stop.addEventListener('abort', onStop, { once: true })
  const leftBehind = abortedFor(controller.signal, ABORT_GRACE_MS)
  try {
    const first = await Promise.race([answerOf(sink, delivery, controller.signal), leftBehind.promise])
    if (!controller.signal.aborted || isFinal(first)) return first ?? { kind: 'stopped' }
    // The sink did not finish because we aborted it, whatever it says about that.
    return stop.aborted ? { kind: 'stopped' } : retryAfterTimeout(timeoutMs, first === null)
  } finally {
    clearTimeout(timeout)
    leftBehind.cancel()
    stop.removeEventListener('abort', onStop)
  }
}

const answerOf = async <D>(sink: Sink<D>, delivery: D, signal: AbortSignal): Promise<Attempt> => {
  try {
    return { kind: 'answered', result: await sink.deliver(delivery, signal) }
  } catch (error) {
    return { kind: 'threw', error }
  }
}

const isFinal = (done: Attempt | null): boolean =>
  done?.kind === 'answered' && (done.result.kind === 'delivered' || done.result.kind === 'reject')

const timedOut = (timeoutMs: number): string => `no answer within ${(timeoutMs / 1000).toFixed(1)} s`

const retryAfterTimeout = (timeoutMs: number, deaf: boolean): Attempt => {
  const reason = deaf ? `${timedOut(timeoutMs)}, and the sink did not stop when told to` : timedOut(timeoutMs)
  return { kind: 'answered', result: { kind: 'retry', reason, afterMs: null } }
}

/** Resolves with null once the signal has been aborted for `ms`. */
const abortedFor = (signal: AbortSignal, ms: number): { readonly promise: Promise<null>; cancel(): void } => {
  let timer: NodeJS.Timeout | null = null
  const promise = new Promise<null>(resolve => {
    signal.addEventListener(
      'abort',
      () => {
        timer = setTimeout(() => resolve(null), ms)
      },
      { once: true },
    )
  })
  return {
    promise,
    cancel: () => {
      if (timer !== null) clearTimeout(timer)
    },
  }
}
