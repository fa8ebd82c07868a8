/**
 * Session timers of the dialogs that end here (RFC 4028): a call whose BYE was lost ends all the same, and the far end learns in time that we
 * are still here. Told by uas.ts and uac-requests.ts of each 2xx that starts or refreshes a session; applications notice only the end.
 *
 *   no timer ── 2xx with Session-Expires ──▶ running ── 2xx ──▶ running, from the start ── 2xx without ──▶ no timer
 *                                              ├── we refresh: half of it has passed ──▶ UPDATE (or re-INVITE) ── 2xx ──▶ running
 *                                              │                                              └── 408, 481, silence ──▶ BYE
 *                                              └── they refresh, and have not ──▶ BYE
 *
 * Invariant: a dialog has at most one timer, and none once it has ended.
 */
import type { SipResponse } from '../../message/message.ts'
import type { AppRequest } from '../control/command.ts'
import type { ClientTransactionUser } from '../transaction/transaction-layer.ts'
import type { Dialog } from './dialog.ts'
import type { DialogSender } from './dialog-sender.ts'
import { graceSeconds, minSe, SMALLEST_MIN_SE, sessionInterval } from './session-interval.ts'

export interface SessionTimerSettings {
  /** The shortest session that is agreed to, seconds. */
  readonly minSeSeconds: number
  /** How long a second of Session-Expires lasts, ms. */
  readonly secondMs: number
}

export const DEFAULT_SESSION_TIMERS: SessionTimerSettings = { minSeSeconds: SMALLEST_MIN_SE, secondMs: 1000 }

/** One session as it runs. */
interface Running {
  readonly seconds: number
  readonly minSeSeconds: number | null
  /** When it is given up, in seconds after its start. */
  readonly endSeconds: number
  timer: NodeJS.Timeout
}

const NO_BODY = Buffer.alloc(0)
/** Seconds after which a refresh that could not be sent, or was refused for now, is tried again. */
const RETRY_SECONDS = 5

export class SessionTimers {
  readonly #sender: DialogSender
  readonly #settings: SessionTimerSettings
  readonly #running = new Map<Dialog, Running>()

  constructor(sender: DialogSender, settings: SessionTimerSettings) {
    this.#sender = sender
    this.#settings = settings
  }

  get minSeSeconds(): number {
    return this.#settings.minSeSeconds
  }

  /** We sent that 2xx to an INVITE or UPDATE. */
  answered(dialog: Dialog, response: SipResponse): void {
    this.#restart(dialog, response, 'uas')
  }

  /** The far end sent that 2xx to an INVITE or UPDATE of ours. */
  gotAnswer(dialog: Dialog, response: SipResponse): void {
    this.#restart(dialog, response, 'uac')
  }

  /** Clears every timer; nothing more is sent. */
  stop(): void {
    for (const dialog of [...this.#running.keys()]) this.#clear(dialog)
  }

  #restart(dialog: Dialog, response: SipResponse, own: 'uac' | 'uas'): void {
    this.#clear(dialog)
    const interval = sessionInterval(response)
    if (interval === null || dialog.state === 'ended') return
    const { seconds } = interval
    const weRefresh = interval.refresher === own
    const endSeconds = seconds - graceSeconds(seconds)
    const timer = weRefresh
      ? this.#after(seconds / 2, () => this.#refresh(dialog, seconds / 2))
      : this.#after(endSeconds, () => this.#sender.bye(dialog, 'session-expired'))
    this.#running.set(dialog, { seconds, minSeSeconds: null, endSeconds, timer })
    dialog.stopSessionTimer = () => this.#clear(dialog)
  }

  /** `passed`: seconds of the session that are over. */
  #refresh(dialog: Dialog, passed: number): void {
    const session = this.#running.get(dialog)
    const { peer } = dialog
    if (session === undefined || peer === null) return
    if (dialog.cancelInvite !== null) {
      this.#tryAgain(dialog, session, passed)
      return
    }
    const app = refreshRequest(dialog, session)
    const seq = dialog.nextSeq()
    const user: ClientTransactionUser = {
      onResponse: response => this.#onResponse(dialog, app.method, seq, response, passed),
      onFailure: () => this.#onFailure(dialog, app.method),
    }
    this.#sender.send(app, dialog, peer, seq, user, transaction => {
      if (transaction === null) this.#tryAgain(dialog, session, passed)
      else if (app.method === 'INVITE') dialog.cancelInvite = () => transaction.cancel([])
    })
  }

  #onResponse(dialog: Dialog, method: string, seq: number, response: SipResponse, passed: number): void {
    const { status } = response
    if (status < 200) return
    if (method === 'INVITE') dialog.cancelInvite = null
    const session = this.#running.get(dialog)
    if (status < 300) {
      // Each repetition of a 2xx is acknowledged, also when the dialog has ended meanwhile.
      if (method === 'INVITE' && dialog.peer !== null) {
        const ack: AppRequest = { startLine: '', method: 'ACK', uri: 'sip:placeholder', headers: [], body: NO_BODY }
        this.#sender.acknowledge(ack, dialog, dialog.peer, seq, () => {})
      }
      if (session === undefined) return
      dialog.refreshTarget(response)
      this.gotAnswer(dialog, response)
    } else if (session === undefined) return
    else if (status === 408 || status === 481) this.#sender.bye(dialog, 'session-expired')
    else if (status === 422) {
      const wanted = Math.max(session.seconds, minSe(response) ?? session.seconds)
      this.#running.set(dialog, { ...session, seconds: wanted, minSeSeconds: wanted })
      this.#tryAgain(dialog, { ...session, seconds: wanted, minSeSeconds: wanted }, passed)
    } else this.#tryAgain(dialog, session, passed)
  }

  #onFailure(dialog: Dialog, method: string): void {
    if (method === 'INVITE') dialog.cancelInvite = null
    if (this.#running.has(dialog)) this.#sender.bye(dialog, 'session-expired')
  }

  /** The refresh is tried again while the session lasts. */
  #tryAgain(dialog: Dialog, session: Running, passed: number): void {
    const wait = Math.min(RETRY_SECONDS, session.endSeconds / 10)
    if (passed + wait >= session.endSeconds) this.#sender.bye(dialog, 'session-expired')
    else this.#running.set(dialog, { ...session, timer: this.#after(wait, () => this.#refresh(dialog, passed + wait)) })
  }

  #after(seconds: number, call: () => void): NodeJS.Timeout {
    // What a timer can hold is 24 days; a session that long has no use for one.
    return setTimeout(call, Math.min(seconds * this.#settings.secondMs, 0x7fff_ffff))
  }

  #clear(dialog: Dialog): void {
    clearTimeout(this.#running.get(dialog)?.timer)
    this.#running.delete(dialog)
    dialog.stopSessionTimer = null
  }
}

/** An UPDATE where the far end takes it: it needs no offer (section 7.4); else the INVITE with what we offered or answered last. */
function refreshRequest(dialog: Dialog, { seconds, minSeSeconds }: Running): AppRequest {
  const byUpdate = dialog.peer?.allowsUpdate === true || dialog.localSdp === null
  const headers = [
    { name: 'Supported', value: 'timer' },
    { name: 'Session-Expires', value: `${seconds};refresher=uac` },
  ]
  if (minSeSeconds !== null) headers.push({ name: 'Min-SE', value: String(minSeSeconds) })
  const body = byUpdate ? NO_BODY : (dialog.localSdp ?? NO_BODY)
  return { startLine: '', method: byUpdate ? 'UPDATE' : 'INVITE', uri: 'sip:placeholder', headers, body }
}
