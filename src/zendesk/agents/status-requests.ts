/** One request about an agent's status, and what came of it; what both halves of the API have in common. */
import { type Answer, parseJson, said } from '../http/answer.ts'
import type { Connection } from '../http/connection.ts'
import { judgeNetworkFailure } from '../http/network-failure.ts'
import { judgeStatusFailure, type Shown, type StatusAnswer } from './status-api.ts'

export interface StatusRequest {
  readonly method: 'GET' | 'PUT'
  readonly path: string
  readonly body?: object
  readonly agentId: number
  /** The status in a successful answer's JSON (`undefined`: it has none); `null` when it is not in there. */
  readonly shown: (body: unknown) => Shown | null
}

export class StatusRequests {
  readonly #connection: Connection
  /** Epoch ms. */
  readonly #clock: () => number

  constructor(connection: Connection, clock: () => number) {
    this.#connection = connection
    this.#clock = clock
  }

  /** Rejects only when the signal is aborted. */
  async ask({ method, path, body, agentId, shown }: StatusRequest, signal: AbortSignal): Promise<StatusAnswer> {
    let answer: Answer
    try {
      const headers = body === undefined ? {} : { 'content-type': 'application/json' }
      const json = body === undefined ? null : JSON.stringify(body)
      answer = await this.#connection.send({ method, path, headers, body: json, signal })
    } catch (cause) {
      if (signal.aborted) throw cause
      const failure = judgeNetworkFailure(cause, this.#connection.origin)
      const reason = this.#connection.withoutSecrets(failure.reason)
      if (failure.kind === 'wait') return { kind: 'retry', scope: 'all', reason, afterMs: failure.afterMs }
      return { kind: 'retry', scope: 'agent', reason, afterMs: null }
    }
    if (answer.status < 200 || answer.status >= 300) return this.#clean(judgeStatusFailure(answer, agentId, this.#clock()))
    const json = answer.body.kind === 'broken' ? null : parseJson(answer.body.text)
    const status = shown(json?.ok === true ? json.value : undefined)
    if (status !== null) return { kind: 'shown', shown: status }
    const what = `${method} ${path} answered ${answer.status}, but not with a status: ${said(answer)}`
    return this.#clean({ kind: 'retry', scope: 'agent', reason: what, afterMs: null })
  }

  #clean(answer: StatusAnswer): StatusAnswer {
    return answer.kind === 'shown' ? answer : { ...answer, reason: this.#connection.withoutSecrets(answer.reason) }
  }
}
