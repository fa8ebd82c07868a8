/**
 * A small office: its PBX, with what each extension does, and the files that the PBX leaves behind, as an Asterisk would.
 *
 *   1001 Alice answers · 1002 Bob dials out · 1003 nobody answers · 1004 rings on · 1005 is busy · 1006 is a mailbox
 */
import { mkdir, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import type Srf from 'drachtio-srf'
import { speech } from './speech.ts'
import { SipStation, sdp } from './station.ts'
import { writeWav } from './wav.ts'

/** A recording or voicemail that the PBX made: what has to arrive. */
export interface MadeAudio {
  readonly kind: 'recording' | 'voicemail'
  readonly file: string
  readonly durationMs: number
}

const sampleRate = 8000

export class Office {
  readonly pbx: SipStation
  readonly carrier: SipStation
  readonly recordingsFolder: string
  readonly voicemailFolder: string
  readonly #made: MadeAudio[] = []
  readonly #ended: Promise<void>[] = []

  constructor(folder: string) {
    this.recordingsFolder = join(folder, 'monitor')
    this.voicemailFolder = join(folder, 'voicemail')
    this.pbx = new SipStation((called, req, res) => this.#ring(called, req, res))
    this.carrier = new SipStation((_called, req, res) => this.#customerAnswers(req, res))
  }

  async start(): Promise<void> {
    await mkdir(this.recordingsFolder, { recursive: true })
    await mkdir(join(this.voicemailFolder, 'default/1006/INBOX'), { recursive: true })
    await Promise.all([this.pbx.start(), this.carrier.start()])
  }

  async stop(): Promise<void> {
    await Promise.all([this.pbx.stop(), this.carrier.stop()])
  }

  /** Plays all six calls at once, each in its own time; resolves with the audio that the PBX made when all is said and done. */
  async play(trunkPort: number): Promise<readonly MadeAudio[]> {
    const carol = { name: 'Carol', from: '+14155550100', trunkPort }
    const dave = { name: 'Dave', from: '+14155550111', trunkPort }
    await Promise.all([
      this.#talk(this.carrier.call({ ...carol, to: '1001' }), 2500),
      this.#talkWithHold({ name: 'Bob', from: '1002', to: '4155550142', trunkPort }),
      this.carrier.call({ ...dave, to: '1003' }).catch(() => {}), // nobody answers: that is the scene
      this.carrier.callAndGiveUp({ name: 'Erin', from: '+14155550122', to: '1004', trunkPort }, 900),
      this.carrier.call({ ...carol, from: '+14155550133', name: 'Frank', to: '1005' }).catch(() => {}), // busy: likewise
      this.#talk(this.carrier.call({ ...dave, to: '1006' }), 3000),
    ])
    await Promise.all(this.#ended)
    return this.#made
  }

  /** The caller talks, then hangs up. */
  async #talk(answered: Promise<Srf.Dialog>, talkMs: number): Promise<void> {
    const dialog = await answered
    await wait(talkMs)
    await hangUp(dialog)
  }

  async #talkWithHold(dialled: Parameters<SipStation['call']>[0]): Promise<void> {
    const startedAt = Date.now()
    const dialog = await this.pbx.call(dialled)
    await wait(700)
    await dialog.modify(sdp('sendonly'))
    await wait(1200)
    await dialog.modify(sdp('sendrecv'))
    await wait(700)
    await hangUp(dialog)
    await this.#record(dialog.sip.callId, startedAt, 150, 3)
  }

  async #ring(extension: string, req: Srf.SrfRequest, res: Srf.SrfResponse): Promise<void> {
    if (extension === '1005') {
      res.send(486)
      return
    }
    res.send(180)
    if (extension === '1004') return // rings until the caller gives up
    await wait(extension === '1003' ? 1500 : 600)
    if (extension === '1003') {
      res.send(480, { headers: { Reason: 'Q.850;cause=19;text="No answer"' } })
      return
    }
    const startedAt = Date.now()
    const dialog = await req.srf.createUAS(req, res, { localSdp: sdp('sendrecv') })
    const hungUp = new Promise<void>(resolve => dialog.on('destroy', () => resolve()))
    const afterwards = hungUp.then(() =>
      extension === '1006' ? this.#leaveVoicemail(startedAt) : this.#record(dialog.sip.callId, startedAt, 110, 1),
    )
    this.#ended.push(afterwards)
  }

  async #customerAnswers(req: Srf.SrfRequest, res: Srf.SrfResponse): Promise<void> {
    res.send(180)
    await wait(500)
    await req.srf.createUAS(req, res, { localSdp: sdp('sendrecv') })
  }

  /** MixMonitor: `UNIQUEID_CALLID.wav`, as long as the conversation was. */
  async #record(callId: string, startedAt: number, pitch: number, seed: number): Promise<void> {
    const durationMs = Date.now() - startedAt
    const file = join(this.recordingsFolder, `${(startedAt / 1000).toFixed(3)}_${callId}.wav`)
    await writeWav(file, speech({ durationMs, sampleRate, pitch, seed }), sampleRate)
    this.#made.push({ kind: 'recording', file, durationMs })
  }

  /** app_voicemail: the audio first, then `msg0000.txt` beside it. */
  async #leaveVoicemail(startedAt: number): Promise<void> {
    const durationMs = Date.now() - startedAt
    const stem = join(this.voicemailFolder, 'default/1006/INBOX/msg0000')
    await writeWav(`${stem}.wav`, speech({ durationMs, sampleRate, pitch: 190, seed: 7 }), sampleRate)
    const seconds = Math.floor(startedAt / 1000)
    const lines = [
      '[message]',
      'origmailbox=1006',
      'context=default',
      'exten=1006',
      'callerid="Dave" <+14155550111>',
      `origtime=${seconds}`,
      `msg_id=${seconds}-00000000`,
      `duration=${Math.round(durationMs / 1000)}`,
      '',
    ]
    await writeFile(`${stem}.tmp`, lines.join('\n'))
    await rename(`${stem}.tmp`, `${stem}.txt`)
    this.#made.push({ kind: 'voicemail', file: `${stem}.wav`, durationMs })
  }
}

function hangUp(dialog: Srf.Dialog): Promise<void> {
  return new Promise(resolve => dialog.destroy({ headers: {} }, () => resolve()))
}
