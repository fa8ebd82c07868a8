/**
 * A day's traffic, in a minute: calls in both directions that are answered, given up or busy, the recordings of the answered ones, and
 * voicemails. It goes on whether a bridge runs or not, as a day does, and remembers all that there was.
 */
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { recordingId } from '../../src/recordings/intake/identity.ts'
import type { HopAddress } from '../../src/sip/message/message.ts'
import { tone, wav } from '../recordings/wav.ts'
import type { IncomingCall } from './incoming-call.ts'
import type { OutgoingCall } from './outgoing-call.ts'
import { seeded } from './seeded.ts'
import type { Site } from './site.ts'

export type Plan = 'talk' | 'give-up' | 'busy'

export interface MadeCall {
  readonly plan: Plan
  readonly call: OutgoingCall
  /** The final status of its INVITE; `null` while there is none, 0 when there will be none. */
  final: number | null
}

export interface MadeRecording {
  readonly id: string
  readonly callId: string
  readonly seconds: number
}

export interface MadeVoicemail {
  readonly mailbox: string
  readonly receivedAt: string
  readonly seconds: number
}

/** Between the beginnings of two calls, ms, on average. */
const callEveryMs = 130
const voicemailEvery = 10
const callerPatienceMs = 6_000

/** What the called phone does: the plan of a call is in its Call-ID. */
export function answerAsPlanned(call: IncomingCall): void {
  const { plan, chance } = planOf(call.callId)
  void act()

  async function act(): Promise<void> {
    await wait(10 + chance() * 40)
    if (plan === 'busy') {
      call.reject(486)
      return
    }
    call.ring()
    await wait(30 + chance() * 150)
    if (plan === 'talk') call.answer()
  }
}

export class Traffic {
  readonly calls: MadeCall[] = []
  readonly recordings: MadeRecording[] = []
  readonly voicemails: MadeVoicemail[] = []
  readonly #site: Site
  readonly #bridge: HopAddress
  readonly #seed: number
  readonly #underWay = new Set<Promise<void>>()
  readonly #chance: () => number
  #timer: NodeJS.Timeout | null = null

  constructor(site: Site, bridge: HopAddress, seed: number) {
    this.#site = site
    this.#bridge = bridge
    this.#seed = seed
    this.#chance = seeded(seed)
  }

  start(): void {
    this.#timer = setTimeout(
      () => {
        this.start()
        this.#track(this.#oneCall(this.calls.length))
        if (this.calls.length % voicemailEvery === 0) this.#track(this.#oneVoicemail(this.voicemails.length))
      },
      this.#chance() * 2 * callEveryMs,
    )
  }

  /** No more calls; resolves when the last one is over and its recording left. */
  async stop(): Promise<void> {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
    while (this.#underWay.size > 0) await Promise.all(this.#underWay)
  }

  #track(work: Promise<void>): void {
    const tracked = work.finally(() => this.#underWay.delete(tracked))
    this.#underWay.add(tracked)
  }

  async #oneCall(number: number): Promise<void> {
    const { carrier, pbx } = this.#site
    const callId = `${this.#seed}-${number}@phones`
    const { plan, chance } = planOf(callId)
    const inbound = chance() < 0.6
    const [phone, from, to] = inbound ? [carrier, '+14155550100', '1001'] : [pbx, '1001', '4155550142']
    const call = phone.call({ callId, from, to, via: this.#bridge })
    const made: MadeCall = { plan, call, final: null }
    this.calls.push(made)
    if (plan === 'give-up') {
      await wait(120 + chance() * 200)
      made.final = await call.cancel()
      return
    }
    // An INVITE that was lost with a bridge after its 100 is not repeated: in the end the caller gives up.
    const giveUp = setTimeout(() => void call.cancel(), callerPatienceMs)
    made.final = await call.final
    clearTimeout(giveUp)
    if (made.final !== 200) return
    await wait(50 + chance() * 400)
    await call.hangUp()
    if (chance() < 0.5) await this.#record(callId, 1 + Math.floor(chance() * 3))
  }

  async #record(callId: string, seconds: number): Promise<void> {
    const content = wav({ data: tone(seconds, 8000, 1, this.recordings.length) })
    const name = `${this.recordings.length}.0_${callId}.wav`
    await this.#site.leave(join(this.#site.monitor, name), content)
    this.recordings.push({ id: recordingId(name, sha256(content)), callId, seconds })
  }

  /** As Asterisk's app_voicemail leaves it: the audio, then its text. */
  async #oneVoicemail(number: number): Promise<void> {
    const mailbox = String(1001 + (number % 3))
    const at = 1_795_329_488 + number
    const seconds = 1 + (number % 3)
    const stem = join(this.#site.voicemail, 'default', mailbox, 'INBOX', `msg${String(number).padStart(4, '0')}`)
    const text = [
      '[message]',
      `origmailbox=${mailbox}`,
      `exten=${mailbox}`,
      'callerid="Carol" <+14155550100>',
      `origtime=${at}`,
      `msg_id=${at}-00000000`,
      `duration=${seconds}`,
      '',
    ]
    this.voicemails.push({ mailbox, seconds, receivedAt: new Date(at * 1000).toISOString() })
    await this.#site.leave(`${stem}.wav`, wav({ data: tone(seconds, 8000, 1, number) }))
    await this.#site.leave(`${stem}.txt`, Buffer.from(text.join('\n')))
  }
}

/** What becomes of a call follows from its Call-ID, for the caller and for the callee. */
function planOf(callId: string): { readonly plan: Plan; readonly chance: () => number } {
  const chance = seeded(Number.parseInt(sha256(Buffer.from(callId)).slice(0, 8), 16))
  const drawn = chance()
  return { plan: drawn < 0.8 ? 'talk' : drawn < 0.9 ? 'give-up' : 'busy', chance }
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}
