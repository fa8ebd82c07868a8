/**
 * Brings the streams of one sender into step. Each stream is placed by the arrival of its least delayed packet; two streams whose packets take
 * different ways (or whose first seconds were slow) may be some ten ms apart. Sender reports say which RTP timestamps of both are the same
 * instant on the sender's clock. Pure.
 */

export interface ReportedStream {
  readonly id: string
  /** Streams of one sender share a clock: its IP address. */
  readonly sender: string
  /** Where a reported instant lies in the recording, ms, without bias, less that instant on the sender's clock. */
  readonly offsetMs: number
}

/** Below it nobody hears it. */
const worthIt = 20
/** Beyond it the reports speak of different clocks, or of nonsense. */
const plausible = 500

/** By how much each stream has to be later, ms: the streams that are ahead wait for the last one, because the other way would cut. */
export function alignmentOf(streams: readonly ReportedStream[]): ReadonlyMap<string, number> {
  const biases = new Map<string, number>()
  for (const stream of streams) {
    const others = streams.filter(
      other => other.sender === stream.sender && Math.abs(other.offsetMs - stream.offsetMs) <= plausible,
    )
    const last = Math.max(...others.map(other => other.offsetMs))
    const bias = last - stream.offsetMs
    if (bias >= worthIt) biases.set(stream.id, bias)
  }
  return biases
}
