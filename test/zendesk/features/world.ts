/** A real sandbox, the client, and what rows need to be independent of each other: names, numbers, agents and days of their own. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { AudioUpload } from '../../../src/zendesk/http/audio-body.ts'
import { bearer } from '../../../src/zendesk/http/authorization.ts'
import { Connection } from '../../../src/zendesk/http/connection.ts'
import { Sandbox, type SandboxOptions } from '../../../src/zendesk/sandbox/sandbox.ts'
import { VoiceClient } from '../../../src/zendesk/voice/voice-client.ts'
import type { RecordingMetadata } from '../../../src/zendesk/wire/audio-upload.ts'
import type { PhoneCall } from '../../../src/zendesk/wire/phone-call.ts'
import type { Recording, Voicemail } from '../../../src/zendesk/wire/stored-audio.ts'
import type { SuppliedTranscript } from '../../../src/zendesk/wire/transcript.ts'
import { madeMp3 } from '../made-mp3.ts'
import { LiveCall, type MadeCall } from './live-call.ts'

const silent = { debug() {}, info() {}, warn() {}, error() {} }

/** 40 frames of 72 ms. */
export const audioSeconds = 3

/** What a transcriber supplies with the audio. */
export const heard = (
  text: string,
  { sentiment = null, keywords = [] }: Partial<Extract<SuppliedTranscript, { status: 'completed' }>> = {},
): SuppliedTranscript => ({ status: 'completed', text, language: 'en', sentiment, keywords })

export class World {
  readonly client: VoiceClient
  readonly connection: Connection
  readonly url: string
  readonly token: string
  readonly signal: AbortSignal
  readonly folder: string
  readonly #stop: () => Promise<void>
  #last = 0

  private constructor(parts: Pick<World, 'client' | 'connection' | 'url' | 'token' | 'signal' | 'folder' | 'stop'>) {
    this.client = parts.client
    this.connection = parts.connection
    this.url = parts.url
    this.token = parts.token
    this.signal = parts.signal
    this.folder = parts.folder
    this.#stop = parts.stop
  }

  static async start(options: Partial<SandboxOptions> = {}): Promise<World> {
    const folder = await mkdtemp(join(tmpdir(), 'tpe-features-'))
    const sandbox = new Sandbox({
      dataDir: join(folder, 'sandbox'),
      listen: '127.0.0.1:0',
      token: 'sandbox-token',
      requestsPerMinute: 1_000_000,
      log: silent,
      clock: Date.now,
      version: '0.0.0-test',
      ...options,
    })
    const { url, token } = await sandbox.start()
    const connection = new Connection({
      baseUrl: url,
      authorization: bearer(token),
      userAgent: 'tpe-bridge/0.0.0-test',
      clock: Date.now,
    })
    const stopping = new AbortController()
    return new World({
      client: new VoiceClient({ connection, clock: Date.now }),
      connection,
      url,
      token,
      signal: stopping.signal,
      folder,
      async stop() {
        stopping.abort()
        await connection.close()
        await sandbox.stop()
        await rm(folder, { recursive: true, force: true })
      },
    })
  }

  stop(): Promise<void> {
    return this.#stop()
  }

  /** Runs `use` in a world of its own: for what would disturb other rows. */
  async apart(options: Partial<SandboxOptions>, use: (world: World) => Promise<void>): Promise<void> {
    const world = await World.start(options)
    try {
      await use(world)
    } finally {
      await world.stop()
    }
  }

  /** A number that no other row has. */
  unique(): number {
    this.#last += 1
    return this.#last
  }

  /** E.164, of nobody else. */
  number(): string {
    return `+1415${String(5_550_000 + this.unique())}`
  }

  name(what: string): string {
    return `${what} ${this.unique()}`
  }

  agentId(): number {
    return 35_000 + this.unique()
  }

  /** A UTC day on which nothing else happens: `2020-05-17`. */
  day(): string {
    return new Date(Date.UTC(2020, 0, 1) + this.unique() * 86_400_000).toISOString().slice(0, 10)
  }

  /** A call that has been reported as started. */
  async ring(made: MadeCall = {}): Promise<LiveCall> {
    const { client, signal } = this
    const call = new LiveCall(`call-${this.unique()}`, this.day(), made, event => client.partnerEdition.report(event, signal))
    await call.start()
    return call
  }

  /** A call of a minute that has been answered after 5 seconds and is over, as the call log shows it. */
  async call(made: MadeCall = {}): Promise<PhoneCall & { readonly external: string }> {
    const call = await this.ring(made)
    await call.answer()
    await call.end()
    return { ...(await this.client.phoneCalls.get(call.id, this.signal)), external: call.externalId }
  }

  /** The recording of a call, uploaded. */
  async recording(externalCallId: string, transcript?: SuppliedTranscript): Promise<Recording> {
    const { metadata, path } = await this.upload(externalCallId, transcript)
    const { id } = await this.client.partnerEdition.uploadRecording({ metadata, path }, this.signal, metadata.external_id)
    return this.client.recordings.get(id, this.signal)
  }

  /** A voicemail, uploaded. */
  async voicemail(transcript?: SuppliedTranscript, externalCallId: string | null = null): Promise<Voicemail> {
    const { metadata, path } = await this.upload(externalCallId, transcript)
    const message = {
      ...metadata,
      from: this.number(),
      to: '1002',
      received_at: '2026-11-22T09:31:00.000Z',
      mailbox: '1002@default',
    }
    const { id } = await this.client.partnerEdition.uploadVoicemail({ metadata: message, path }, this.signal, message.external_id)
    return this.client.voicemails.get(id, this.signal)
  }

  /** Audio of 3 seconds that may be uploaded. */
  async upload(externalCallId: string | null, transcript?: SuppliedTranscript): Promise<AudioUpload<RecordingMetadata>> {
    const id = `audio-${this.unique()}`
    const { path, size, sha256, channels, sampleRate } = await madeMp3(this.folder, `${id}.mp3`)
    const metadata: RecordingMetadata = {
      external_id: id,
      external_call_id: externalCallId,
      format: 'mp3',
      duration: audioSeconds,
      channels,
      sample_rate: sampleRate,
      size,
      sha256,
      started_at: '2026-11-22T09:30:00.000Z',
      consent: null,
      ...(transcript === undefined ? {} : { transcript }),
    }
    return { metadata, path }
  }
}
