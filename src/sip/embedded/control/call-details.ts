/** Call detail records for applications that route `cdr:*`. Nobody routes them: nothing is serialised. */
import type { SipMessage } from '../../message/message.ts'
import { serializeMessage } from '../../message/serialize.ts'
import { type CallDetail, callDetailLeader } from './report.ts'
import type { ControlServer } from './server.ts'

export class CallDetails {
  readonly #control: Pick<ControlServer, 'sessionFor' | 'takers'>
  readonly #clock: () => number

  constructor(control: Pick<ControlServer, 'sessionFor' | 'takers'>, clock: () => number) {
    this.#control = control
    this.#clock = clock
  }

  /** Reports what `message` did to a call; `source` says whether it came from the network or from an application of ours. */
  report(detail: CallDetail, source: 'network' | 'application', message: SipMessage): void {
    const verb = `cdr:${detail.record}`
    if (this.#control.takers(verb) === 0) return
    const at = this.#clock()
    this.#control.sessionFor(verb)?.tell(uid => callDetailLeader(uid, detail, source, at), serializeMessage(message))
  }

  /** How an INVITE ended, from its final response. */
  finalResponse(
    status: number,
    source: 'network' | 'application',
    message: SipMessage,
    role: 'uas' | 'uac' | 'proxy-uas' | 'proxy-uac',
  ): void {
    if (status < 300) this.report({ record: 'start', role }, source, message)
    else this.report({ record: 'stop', reason: status === 487 ? 'call-canceled' : 'call-rejected' }, source, message)
  }
}
