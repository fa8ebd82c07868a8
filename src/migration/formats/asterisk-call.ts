/** What the records of one Asterisk call say together. Pure. */
import type { Outcome } from '../../events/outcome.ts'
import type { HistoricCall } from '../historic-call.ts'
import { displayOf, extensionOf, outcomes, party } from './parties.ts'

/** One record; times are epoch ms. */
export interface AsteriskCdr {
  readonly src: string
  readonly dst: string
  /** The dialled number of an incoming call, where the export has it. */
  readonly did: string
  readonly callerId: string
  readonly channel: string
  readonly dstChannel: string
  readonly lastApp: string
  readonly lastData: string
  readonly startedAt: number
  readonly answeredAt: number | null
  readonly endedAt: number
  readonly disposition: string
  readonly uniqueId: string
  readonly linkedId: string
  readonly sequence: number
  readonly recording: string
}

/** Where a channel stands while the dialplan works, rather than a number that somebody called. */
const noNumber = new Set(['', 's', 'h', 'i', 't', 'o', 'a'])

/** The call of some records, of which there is at least one. */
export function callOfCdrs(id: string, records: readonly AsteriskCdr[]): HistoricCall {
  const cdrs = [...records].sort((a, b) => a.startedAt - b.startedAt || a.sequence - b.sequence)
  const [first] = cdrs
  if (first === undefined) throw new RangeError('a call has at least one record')
  const answering = whoAnswered(cdrs)
  const startedAt = first.startedAt
  const endedAt = Math.max(...cdrs.map(cdr => cdr.endedAt))
  const called = cdrs.map(cdr => cdr.did || cdr.dst).find(number => !noNumber.has(number)) ?? ''
  return {
    system: 'asterisk',
    id,
    names: [...new Set([id, ...cdrs.map(cdr => cdr.uniqueId)])],
    sipCallIds: [],
    from: party(first.src, displayOf(first.callerId)),
    to: party(called),
    answeredBy: answering === null ? null : extensionOf(answering.dstChannel),
    direction: null,
    startedAt,
    answeredAt: answering?.answeredAt ?? null,
    endedAt,
    outcome: answering === null ? outcomeUnanswered(cdrs) : outcomes.completed,
    recordings: [...new Set(cdrs.map(cdr => cdr.recording).filter(name => name !== ''))],
    tags: [],
  }
}

/** The record of the answer: a phone's before that of an announcement or menu. A mailbox and a queue's music are none. */
function whoAnswered(cdrs: readonly AsteriskCdr[]): AsteriskCdr | null {
  const answered = cdrs.filter(cdr => cdr.answeredAt !== null && !isVoicemail(cdr))
  const phone = answered.find(cdr => cdr.dstChannel !== '')
  return phone ?? answered.find(cdr => cdr.lastApp !== 'queue') ?? null
}

function isVoicemail(cdr: AsteriskCdr): boolean {
  return cdr.lastApp === 'voicemail' || cdr.lastApp === 'vmauthenticate'
}

function outcomeUnanswered(cdrs: readonly AsteriskCdr[]): Outcome {
  if (cdrs.some(cdr => cdr.answeredAt !== null && isVoicemail(cdr))) return outcomes.voicemail
  // Answered by a queue only: the caller heard music until he gave up, or the queue did.
  if (cdrs.some(cdr => cdr.answeredAt !== null)) return outcomes.callerHungUp
  const last = cdrs.at(-1)
  switch (last?.disposition) {
    case 'BUSY':
      return outcomes.busy
    case 'CONGESTION':
      return outcomes.unavailable
    case 'FAILED':
      return outcomes.failed
    default:
      return last !== undefined && endedBeforeTimeout(last) ? outcomes.callerHungUp : outcomes.noAnswer
  }
}

/** `Dial(PJSIP/1002,30)` that rang for less than 30 s was ended by its caller; without a timeout only a caller can end it. */
function endedBeforeTimeout(cdr: AsteriskCdr): boolean {
  if (cdr.lastApp !== 'dial') return false
  const timeout = cdr.lastData.split(',')[1] ?? ''
  if (timeout.trim() === '') return true
  const timeoutMs = Number(timeout) * 1000
  return Number.isFinite(timeoutMs) && cdr.endedAt - cdr.startedAt < timeoutMs - 1000
}
