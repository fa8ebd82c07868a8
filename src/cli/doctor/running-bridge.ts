/** The running bridge as its HTTP server shows it: found where the configuration says, asked with its token. */
import { z } from 'zod'
import { partStates } from '../../admin/health.ts'
import type { Config } from '../../config/schema.ts'
import { readMetrics, type Sample } from './metrics-text.ts'

const readiness = z.object({
  parts: z.record(z.string(), z.object({ state: z.enum(partStates), reason: z.string().nullable() })),
})

const callPage = z.object({
  calls: z.array(z.object({ started_at: z.iso.datetime(), legs: z.array(z.object({ sip_call_id: z.string() })) })),
  next: z.string().nullable(),
})

const patienceMs = 3_000
/** Calls that are looked at: 25 pages of 200. */
const mostPages = 25

export type Look =
  | { readonly kind: 'running'; readonly bridge: RunningBridge; readonly parts: z.output<typeof readiness>['parts'] }
  | { readonly kind: 'none' }
  /** Something answers that is no bridge. `status`: of HTTP. */
  | { readonly kind: 'stranger'; readonly status: number }
  /** It listens on a free port of its own choice, so nobody knows where. */
  | { readonly kind: 'unknown-port' }

export interface RecentCalls {
  readonly calls: number
  /** Those of one SIP call only. */
  readonly alone: number
  /** There may be more: it looked at no more than so many. */
  readonly isCut: boolean
}

export class RunningBridge {
  readonly #url: string
  readonly #headers: Readonly<Record<string, string>>
  readonly #interrupted: AbortSignal

  private constructor(url: string, token: string | null, interrupted: AbortSignal) {
    this.#url = url
    this.#headers = token === null ? {} : { authorization: `Bearer ${token}` }
    this.#interrupted = interrupted
  }

  /** Looks for the bridge of a configuration. Never rejects. */
  static async find({ admin }: Pick<Config, 'admin'>, interrupted: AbortSignal): Promise<Look> {
    const { host, port } = admin.listen
    if (port === 0) return { kind: 'unknown-port' }
    const bridge = new RunningBridge(`http://${reachable(host)}:${port}`, admin.token, interrupted)
    try {
      const response = await bridge.#get('/readyz')
      const read = readiness.safeParse(await response.json().catch(() => null))
      return read.success ? { kind: 'running', bridge, parts: read.data.parts } : { kind: 'stranger', status: response.status }
    } catch {
      return { kind: 'none' } // nobody listens, or nobody answers: either way there is no bridge to ask
    }
  }

  /** `null` when it does not take our token. Rejects when it does not answer. */
  async metrics(): Promise<ReadonlyMap<string, readonly Sample[]> | null> {
    const response = await this.#get('/metrics')
    return response.ok ? readMetrics(await response.text()) : null
  }

  /** Calls that began from then on (epoch ms). Rejects when it does not answer, or nothing that a bridge would. */
  async callsSince(since: number): Promise<RecentCalls> {
    let [calls, alone] = [0, 0]
    let before: string | null = null
    for (let pages = 0; pages < mostPages; pages++) {
      const query: string = before === null ? '' : `&before=${encodeURIComponent(before)}`
      const page = callPage.parse(await (await this.#get(`/v1/calls?limit=200${query}`)).json())
      for (const call of page.calls) {
        if (Date.parse(call.started_at) < since) return { calls, alone, isCut: false }
        calls += 1
        if (new Set(call.legs.map(leg => leg.sip_call_id)).size === 1) alone += 1
      }
      before = page.next
      if (before === null) return { calls, alone, isCut: false }
    }
    return { calls, alone, isCut: true }
  }

  async #get(path: string): Promise<Response> {
    const signal = AbortSignal.any([AbortSignal.timeout(patienceMs), this.#interrupted])
    return await fetch(`${this.#url}${path}`, { headers: this.#headers, redirect: 'manual', signal })
  }
}

/** An address of this machine, for one that means all of them. */
function reachable(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1'
  if (host === '::') return '[::1]'
  return host.includes(':') ? `[${host}]` : host
}
