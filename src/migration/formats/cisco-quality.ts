/** The quality of calls, from Cisco's call management records: the worst of a call's legs, as tags of the call. */
import type { NamedFields } from './columns.ts'

/** MOS 1 … 5 (ITU-T P.800), loss as a share of packets, jitter in ms; `null` when the record does not tell. */
export interface Quality {
  readonly mos: number | null
  readonly loss: number | null
  readonly jitterMs: number | null
}

/** A year of a busy office. What comes beyond is imported without its quality. */
const mostNotes = 500_000
/** Below this most listeners are dissatisfied (ITU-T G.107, R-value 70). */
const poorMos = 3.6
const poorLoss = 0.03
const poorJitterMs = 50

export function qualityOf(row: NamedFields): Quality {
  // varVQMetrics: MLQK=4.5;MLQKav=4.4;…
  const mos = /(?:^|;)MLQK=(\d(?:\.\d+)?)/.exec(row.get('varVQMetrics'))?.[1]
  const received = Number(row.get('numberPacketsReceived'))
  const lost = Number(row.get('numberPacketsLost'))
  const jitter = row.get('jitter')
  return {
    mos: mos === undefined || Number(mos) === 0 ? null : Number(mos),
    loss: received + lost > 0 ? lost / (received + lost) : null,
    jitterMs: /^\d+$/.test(jitter) ? Number(jitter) : null,
  }
}

export class QualityNotes {
  readonly #notes = new Map<string, Quality>()

  note(id: string, quality: Quality): void {
    const known = this.#notes.get(id)
    if (known === undefined && this.#notes.size >= mostNotes) return
    this.#notes.set(id, {
      mos: worse(known?.mos, quality.mos, Math.min),
      loss: worse(known?.loss, quality.loss, Math.max),
      jitterMs: worse(known?.jitterMs, quality.jitterMs, Math.max),
    })
  }

  /** `mos_4.2`, and `poor_audio` where somebody will have complained. */
  tagsOf(id: string): readonly string[] {
    const quality = this.#notes.get(id)
    if (quality === undefined) return []
    const { mos, loss, jitterMs } = quality
    const isPoor = (mos !== null && mos < poorMos) || (loss ?? 0) > poorLoss || (jitterMs ?? 0) > poorJitterMs
    return [...(mos === null ? [] : [`mos_${mos.toFixed(1)}`]), ...(isPoor ? ['poor_audio'] : [])]
  }
}

function worse(a: number | null | undefined, b: number | null, choose: (a: number, b: number) => number): number | null {
  return a === null || a === undefined ? b : b === null ? a : choose(a, b)
}
