/**
 * The recording server (SRS, RFC 7866): takes the recording sessions of configured clients, answers their offers, has their audio
 * received and tells what is recorded.
 *
 *   INVITE ──▶ opening ──200──▶ recording ──re-INVITE, UPDATE──▶ recording ──BYE──▶ over
 *                 └──4xx, 5xx, CANCEL──▶ over                        └──nothing for too long, stop()──▶ BYE ──▶ over
 *
 * Invariants
 *  1. Only configured peers are served; whatever else comes is passed on to who is behind (the trunk).
 *  2. Every session that was told as started is told as ended, once.
 *  3. A change that cannot be carried out is refused with a status, and the session goes on as it was (RFC 3261 section 14.2).
 *  4. At most `maxSessions` are open.
 */
import type Srf from 'drachtio-srf'
import { headerValue } from '../message/headers.ts'
import type { SeenMessage, SipRequest } from '../message/message.ts'
import { tagOf } from '../message/name-addr.ts'
import { parseMessage } from '../message/parse.ts'
import { formatOffer } from '../sdp/recording-offer.ts'
import { provisionalStream } from './recorded-streams.ts'
import type { RecordingDialog, RecordingEvent } from './recording-event.ts'
import type { RecordingMedia } from './recording-media.ts'
import { isRecordingRequest } from './recording-request.ts'
import { advanceRecording, answerTo, type RecordingSession } from './recording-session.ts'
import { type FeedResult, SharedRecording } from './shared-recording.ts'

export interface RecordingServerOptions {
  /** Whether an address is a configured client's. */
  readonly isPeer: (address: string) => boolean
  readonly media: RecordingMedia
  /** Headers in which the PBX names its calls. */
  readonly uniqueHeaders: readonly string[]
  readonly maxSessions: number
  /** A session of which nothing was heard for so long (a lost BYE) is ended. */
  readonly orphanAfterMs: number
  /** Epoch ms. */
  readonly now: () => number
  readonly onRecording: (event: RecordingEvent) => void
  /** Told of the BYE of a session that this server does not know: one that began before the bridge was started again. */
  readonly onForgotten?: (bye: ForgottenBye) => void
  readonly log: {
    info(fields: object, message: string): void
    warn(fields: object, message: string): void
    error(fields: object, message: string): void
  }
}

export interface ForgottenBye {
  /** Epoch ms. */
  readonly at: number
  readonly callId: string
  readonly fromTag: string
  readonly toTag: string
}

interface ActiveSession {
  session: RecordingSession
  readonly recording: SharedRecording
  readonly dialog: RecordingDialog
  readonly sip: Srf.Dialog
  /** Of our `o=` line. */
  readonly sdpId: number
  version: number
  /** The description that the client has of us. */
  localSdp: string
  readonly orphan: NodeJS.Timeout
  /** What is being done about it: its messages are taken one after the other. */
  turn: Promise<void>
  isOver: boolean
}

const ALLOW = 'INVITE, ACK, CANCEL, BYE, UPDATE, OPTIONS'
const ACCEPT = 'application/sdp, application/rs-metadata+xml, application/rs-metadata, multipart/mixed'
/** The user part of our Contact, by which requests within a session are known as ours. */
const USER = 'recorder'

export class RecordingServer {
  readonly counters = { sessions: 0, refused: 0, cancelled: 0, changes: 0, lost: 0, malformed: 0 }
  readonly #options: RecordingServerOptions
  readonly #active = new Map<string, ActiveSession>()
  readonly #recordings = new Map<string, SharedRecording>()
  /** Call-IDs of the INVITEs that are being answered. */
  readonly #opening = new Set<string>()
  #isStopping = false

  constructor(options: RecordingServerOptions) {
    this.#options = options
  }

  /** Registers its handlers; to be called before those of the trunk, which takes every INVITE. */
  attach(srf: Srf): void {
    srf.use('invite', (req, res, next) => {
      const message = this.#options.isPeer(req.source_address) ? this.#read(req) : null
      if (message === null || !isRecordingRequest(message)) next()
      else void this.#invited(req, res, message)
    })
    srf.use('options', (req, res, next) => {
      if (this.#options.isPeer(req.source_address))
        res.send(200, { headers: { Allow: ALLOW, Accept: ACCEPT, Supported: 'siprec' } })
      else next()
    })
  }

  /**
   * Takes note of what the SIP server received. It answers 481 by itself to the BYE of a session that began before it was started again;
   * the call is over all the same.
   */
  see({ at, direction, peer, message }: SeenMessage): void {
    if (direction !== 'received' || message.kind !== 'request' || message.method !== 'BYE' || !isOurs(message)) return
    const callId = headerValue(message, 'Call-ID') ?? ''
    if (this.#active.has(callId) || !this.#options.isPeer(peer.address)) return
    const tag = (name: string) => tagOf(headerValue(message, name) ?? '') ?? ''
    this.#options.onForgotten?.({ at, callId, fromTag: tag('From'), toTag: tag('To') })
  }

  get sessions(): number {
    return this.#active.size
  }

  /** Ends every session with a BYE; resolves when their files are closed. */
  async stop(): Promise<void> {
    this.#isStopping = true
    await Promise.all([...this.#active.values()].map(active => this.#hangUp(active, 'stopped')))
  }

  async #invited(req: Srf.SrfRequest, res: Srf.SrfResponse, message: SipRequest): Promise<void> {
    const at = this.#options.now()
    const callId = headerValue(message, 'Call-ID') ?? ''
    if (headerValue(message, 'Contact') === null) return this.#refuse(res, 400, 'the INVITE has no Contact')
    if (this.#isStopping || this.#active.size + this.#opening.size >= this.#options.maxSessions)
      return this.#refuse(
        res,
        503,
        this.#isStopping ? 'the bridge is stopping' : 'too many sessions: raise sip.siprec.max_sessions',
      )
    // RFC 3261 section 8.2.2.2: one INVITE that came along two ways.
    if (this.#active.has(callId) || this.#opening.has(callId)) return this.#refuse(res, 482, 'the session is there already')
    const step = advanceRecording(null, message, this.#options.uniqueHeaders)
    if (!step.ok) return this.#refuse(res, step.status, step.reason)

    let isCancelled = false
    req.on('cancel', () => {
      isCancelled = true
    })
    this.#opening.add(callId)
    const { session } = step
    const recording = this.#recordingOf(session.recordingKey)
    const streams = step.isOffer ? session.streams.map(({ media }) => media) : [provisionalStream(message)]
    try {
      const fed = await recording.feed(callId, streams, at)
      if (isCancelled) await this.#abandon(recording, callId)
      else if (!fed.ok) this.#refuse(res, 503, fed.reason)
      else await this.#answer(req, res, message, session, recording, fed, at)
    } catch (error) {
      this.#options.log.error({ callId, reason: reasonOf(error) }, 'a recording session could not be opened')
    } finally {
      this.#opening.delete(callId)
      if (recording.isEmpty) this.#recordings.delete(recording.key)
    }
  }

  async #answer(
    req: Srf.SrfRequest,
    res: Srf.SrfResponse,
    message: SipRequest,
    session: RecordingSession,
    recording: SharedRecording,
    { address, ports }: Extract<FeedResult, { ok: true }>,
    at: number,
  ): Promise<void> {
    const sdpId = Math.floor(at / 1000)
    const local = { address, ports, sessionId: sdpId, version: 1 }
    const localSdp = answerTo(session, local) ?? formatOffer(local)
    const fromTag = tagOf(headerValue(message, 'From') ?? '') ?? ''
    const transport = req.protocol === 'udp' ? '' : `;transport=${req.protocol}`
    const headers = {
      // RFC 7866 section 6.1.2.
      Contact: `<sip:${USER}@localhost${transport}>;+sip.srs`,
      'Content-Type': 'application/sdp',
      Allow: ALLOW,
      Accept: ACCEPT,
      Supported: 'siprec',
    }
    // With a callback and not a promise: a BYE that comes in the same breath must find its listener.
    await new Promise<void>(resolve => {
      req.srf.createUAS(req, res, { localSdp, headers }, (error: unknown, sip) => {
        if (error) {
          this.counters.cancelled += 1
          this.#options.log.warn({ reason: reasonOf(error) }, 'a recording session ended before it was answered')
          this.#abandon(recording, session.callId).then(resolve, resolve)
          return
        }
        this.#began(
          {
            session,
            recording,
            dialog: { fromTag, toTag: sip.sip.localTag },
            sip,
            sdpId,
            version: 1,
            localSdp,
            orphan: this.#orphanTimer(session.callId),
            turn: Promise.resolve(),
            isOver: false,
          },
          at,
        )
        resolve()
      })
    })
  }

  #began(active: ActiveSession, at: number): void {
    const { session, sip, dialog } = active
    this.#active.set(session.callId, active)
    this.counters.sessions += 1
    sip.on('modify', (req, res) => this.#inTurn(active, () => this.#changed(active, req, res)))
    sip.on('update', (req, res) => this.#inTurn(active, () => this.#changed(active, req, res)))
    sip.on('ack', req => this.#inTurn(active, () => this.#changed(active, req, null)))
    sip.on('destroy', () => void this.#over(active, 'hung-up', this.#options.now()))
    if (session.metadataProblem !== null)
      this.#options.log.warn(
        { callId: session.callId, problem: session.metadataProblem },
        'recording metadata is faulty; what could be read of it is used',
      )
    this.#options.onRecording({ kind: 'started', at, dialog, session })
    if (this.#isStopping) void this.#hangUp(active, 'stopped')
  }

  #inTurn(active: ActiveSession, act: () => Promise<void>): void {
    active.turn = active.turn.then(act).catch(error => {
      this.#options.log.error(
        { callId: active.session.callId, reason: reasonOf(error) },
        'a change of a recording session failed',
      )
    })
  }

  /** A re-INVITE or UPDATE; or an ACK (`res` is null), which carries a description when the INVITE had none. */
  async #changed(active: ActiveSession, req: Srf.SrfRequest, res: Srf.SrfResponse | null): Promise<void> {
    const at = this.#options.now()
    const message = this.#read(req)
    if (active.isOver) return res === null ? undefined : this.#refuse(res, 481, 'the session is over')
    active.orphan.refresh()
    if (message === null) return res === null ? undefined : this.#refuse(res, 400, 'malformed')
    const hasBody = message.body.length > 0
    const before = active.session
    const step = advanceRecording(before, message, this.#options.uniqueHeaders)
    if (!step.ok) return res === null ? this.#warn(active, step.reason) : this.#refuse(res, step.status, step.reason)
    if (step.isOffer) {
      const fed = await active.recording.feed(
        before.callId,
        step.session.streams.map(({ media }) => media),
        at,
      )
      if (active.isOver) return
      if (!fed.ok) return res === null ? this.#warn(active, fed.reason) : this.#refuse(res, 500, fed.reason)
      if (res !== null) {
        active.version += 1
        const local = { address: fed.address, ports: fed.ports, sessionId: active.sdpId, version: active.version }
        active.localSdp = answerTo(step.session, local) ?? active.localSdp
      }
    }
    active.session = step.session
    // A re-INVITE without a description asks us for one: what we said stands.
    const needsSdp = step.isOffer || req.method === 'INVITE'
    res?.send(200, needsSdp ? { body: active.localSdp, headers: { 'Content-Type': 'application/sdp' } } : {})
    if (!hasBody && res === null) return
    this.counters.changes += 1
    this.#options.onRecording({ kind: 'changed', at, dialog: active.dialog, session: step.session, before })
  }

  async #hangUp(active: ActiveSession, reason: 'lost' | 'stopped'): Promise<void> {
    if (active.isOver) return
    // Whether or not its BYE arrives, the session is over for us.
    active.sip.destroy(undefined, () => {})
    await this.#over(active, reason, this.#options.now())
  }

  async #over(active: ActiveSession, reason: 'hung-up' | 'lost' | 'stopped', at: number): Promise<void> {
    if (active.isOver) return
    active.isOver = true
    clearTimeout(active.orphan)
    const { session, recording, dialog } = active
    this.#active.delete(session.callId)
    this.#options.onRecording({ kind: 'ended', at, dialog, session, reason })
    try {
      await recording.drop(session.callId, at)
    } catch (error) {
      this.#options.log.error({ callId: session.callId, reason: reasonOf(error) }, 'a recording could not be closed')
    }
    if (recording.isEmpty) this.#recordings.delete(recording.key)
  }

  async #abandon(recording: SharedRecording, callId: string): Promise<void> {
    await recording.drop(callId, this.#options.now())
  }

  #orphanTimer(callId: string): NodeJS.Timeout {
    return setTimeout(() => {
      const active = this.#active.get(callId)
      if (active === undefined) return
      this.counters.lost += 1
      this.#options.log.warn({ callId }, 'a recording session of which nothing was heard for too long is ended')
      void this.#hangUp(active, 'lost')
    }, this.#options.orphanAfterMs)
  }

  #recordingOf(key: string): SharedRecording {
    const known = this.#recordings.get(key)
    if (known !== undefined) return known
    const made = new SharedRecording(key, this.#options.media)
    this.#recordings.set(key, made)
    return made
  }

  #read(req: Srf.SrfRequest): SipRequest | null {
    const result = parseMessage(Buffer.from(req.msg.raw, 'utf8'))
    if (result.ok && result.message.kind === 'request') return result.message
    this.counters.malformed += 1
    return null
  }

  #refuse(res: Srf.SrfResponse, status: number, reason: string): void {
    this.counters.refused += 1
    if (this.counters.refused % 100 === 1)
      this.#options.log.warn({ status, reason, refused: this.counters.refused }, 'request of a recording client refused')
    // RFC 3261 section 20.43: so that whoever looks for the reason finds it in the client's trace as well.
    const warning = `399 tpe-bridge "${reason.replace(/["\\]/g, "'").replace(/[^ -~]/g, '?')}"`
    res.send(status, { headers: { Warning: warning, ...(status === 503 ? { 'Retry-After': '10' } : {}) } })
  }

  #warn(active: ActiveSession, reason: string): void {
    this.#options.log.warn({ callId: active.session.callId, reason }, 'the description in an ACK cannot be recorded')
  }
}

/** The target is the Contact that we gave, and no proxy of ours has put itself into its way, as the trunk does. */
function isOurs(message: SipRequest): boolean {
  return new RegExp(`^sips?:${USER}@`).test(message.uri) && headerValue(message, 'Route') === null
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
