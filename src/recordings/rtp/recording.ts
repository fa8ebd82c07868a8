/**
 * One recording session: its streams, the canvas on which they meet, the file, and the sidecar beside it. Called by the receiver, whose clock
 * gives it its turns.
 *
 *   open ──▶ recording ──▶ closing ──▶ closed        a recording that cannot be finished (a full disk) stays as it is and
 *                 tick, flush, report                 is finished by `recover` at the next start
 *
 * 1 The canvas is taken `delayMs` behind the clock, so that what was held in the timelines and what waited in sockets finds its place.
 * 2 It is taken at most half as fast again as time passes: after a stall of this process, the packets that waited in the kernel are read
 *   before their time is taken.
 * 3 A pause is silence of its true length: the file's time stays the call's time, all channels stay together, and nobody can take a cut for
 *   something that was never said. The sidecar says where.
 */
import { access, rename, rm } from 'node:fs/promises'
import { setTimeout as wait } from 'node:timers/promises'
import { describe, errorCode } from '../failure.ts'
import type { Log } from '../log.ts'
import { alignmentOf } from './alignment.ts'
import { Canvas } from './canvas.ts'
import { type SampleRate, sampleRateOf } from './codecs/codec.ts'
import type { FinishedRecording, MediaStream, SessionRequest } from './media-session.ts'
import { RtpStream, type StreamSettings } from './rtp-stream.ts'
import {
  fileNameOf,
  type RecordingPaths,
  type RecordingSidecar,
  recordingPaths,
  syncFolderOf,
  writeSidecar,
} from './sidecar-file.ts'
import type { PressedKey } from './telephone-event.ts'
import { WavWriter } from './wav-writer.ts'

export interface RecordingSettings extends StreamSettings {
  readonly folder: string
  readonly syncEveryMs: number
  /** A key that was pressed, when it ended; `at` in epoch ms. Absent: keys are skipped without a word. */
  readonly onKey?:
    | ((pressed: { readonly key: string; readonly stream: string; readonly session: string; readonly at: number }) => void)
    | undefined
}

export const mostChannels = 8
export const mostStreams = 16
const delayMs = 4_000
/** What may wait on the canvas, and for the disk. */
const mostSeconds = 30
const takeAtOnceSeconds = 10
const finishAttempts = 60
const finishRetryMs = 5_000

export class Recording {
  readonly #settings: RecordingSettings
  readonly #session: SessionRequest
  readonly #paths: RecordingPaths
  readonly #rate: SampleRate
  readonly #canvas: Canvas
  readonly #writer: WavWriter
  readonly #log: Log
  /** On the settings' clock. */
  readonly #startedAt: number
  #streams: readonly RtpStream[] = []
  #channels: readonly { readonly key: string; readonly name: string | null }[]
  readonly #pauses: { readonly stream: string; readonly from: number; until: number | null }[] = []
  /** Which streams have gone into which channel, for the sidecar. */
  readonly #heardOn = new Map<string, { readonly id: string; readonly label: string | null; readonly channel: number }>()
  #takenMs = 0
  #lastTick: number
  #diskFails = false
  #closed: Promise<FinishedRecording | null> | null = null
  /** One change of the streams at a time. */
  #turn: Promise<unknown> = Promise.resolve()

  private constructor(
    session: SessionRequest,
    rate: SampleRate,
    channels: readonly { readonly key: string; readonly name: string | null }[],
    paths: RecordingPaths,
    writer: WavWriter,
    settings: RecordingSettings,
  ) {
    this.#session = session
    this.#rate = rate
    this.#channels = channels
    this.#paths = paths
    this.#writer = writer
    this.#settings = settings
    this.#log = settings.log
    this.#startedAt = settings.now()
    this.#lastTick = this.#startedAt
    this.#canvas = new Canvas({ channels: channels.length, mostFrames: rate * mostSeconds })
  }

  /** Opens the file and the sockets. Throws the file system's error, and when there are no ports, with what to do; nothing is left then. */
  static async open(session: SessionRequest, streams: readonly MediaStream[], settings: RecordingSettings): Promise<Recording> {
    const rates = streams.flatMap(stream => stream.payloads.map(sampleRateOf))
    const rate: SampleRate = rates.includes(16000) ? 16000 : 8000
    const channels = channelsOf(streams, [])
    const { paths, writer } = await createFile(session, settings, { channels: Math.max(1, channels.length), sampleRate: rate })
    const recording = new Recording(
      session,
      rate,
      channels.length === 0 ? [{ key: '', name: null }] : channels,
      paths,
      writer,
      settings,
    )
    try {
      await recording.#adopt(streams, session.at)
      return recording
    } catch (error) {
      await recording.#discard()
      throw error
    }
  }

  get streams(): readonly RtpStream[] {
    return this.#streams
  }

  /** Of RTP, in the order of the streams. Rejects when there are no ports for a new one, or the file cannot get more channels. */
  update(streams: readonly MediaStream[], at: number): Promise<readonly number[]> {
    const result = this.#turn.then(() => this.#adopt(streams, at))
    // Whoever asked hears of the failure; the next change has its own chance.
    this.#turn = result.catch(() => {})
    return result
  }

  /** Places what came, and hands what is old enough to the writer. */
  tick(): void {
    const now = this.#settings.now()
    for (const stream of this.#streams) stream.timeline.advance(now)
    const passed = now - this.#lastTick
    this.#lastTick = now
    this.#take(Math.min(now - this.#startedAt - delayMs, this.#takenMs + Math.min(passed, 500) * 1.5))
  }

  /** Brings the streams of one sender into step, as its reports ask for, and answers them. */
  report(): void {
    const reported = this.#streams.flatMap(stream =>
      stream.reported === null ? [] : [{ id: stream.media.id, ...stream.reported }],
    )
    const biases = alignmentOf(reported)
    for (const stream of this.#streams) {
      const bias = biases.get(stream.media.id)
      if (bias !== undefined) stream.timeline.setBias(bias)
      stream.sendReport()
    }
  }

  /** Writes what was taken. Never rejects: what the disk refuses is kept and tried again. */
  async flush(): Promise<void> {
    if (this.#closed !== null) return
    try {
      await this.#writer.flush()
      if (this.#diskFails) this.#log.info({ recording: this.#session.key }, 'the recording can be written again')
      this.#diskFails = false
    } catch (error) {
      this.#reportFailure(error)
    }
  }

  /** `at`: epoch ms; `null` for now. Idempotent. `null`: it could not be finished now, and will be by `recover`. Never rejects. The signal ends retries. */
  close(at: number | null, signal: AbortSignal): Promise<FinishedRecording | null> {
    this.#closed ??= this.#turn.then(() => this.#close(at ?? this.#epoch(this.#settings.now()), signal))
    return this.#closed
  }

  async #adopt(streams: readonly MediaStream[], at: number): Promise<readonly number[]> {
    if (this.#closed !== null) throw new Error('the recording is over: open another one')
    if (streams.length > mostStreams)
      throw new Error(`a recording has at most ${mostStreams} streams, this one would have ${streams.length}`)
    const channels = channelsOf(streams, this.#channels)
    if (channels.length > this.#channels.length) await this.#widen(channels.length)
    this.#channels = channels
    const kept = this.#streams
    const added: RtpStream[] = []
    try {
      for (const media of streams) {
        if (kept.every(stream => stream.media.id !== media.id)) added.push(await this.#openStream(media))
      }
    } catch (error) {
      await Promise.all(added.map(stream => stream.close()))
      throw error
    }
    for (const stream of kept) {
      const media = streams.find(({ id }) => id === stream.media.id) ?? { ...stream.media, active: false }
      this.#notePause(media.id, stream.media.active, media.active, at)
      stream.update(media)
    }
    for (const stream of added) this.#notePause(stream.media.id, true, stream.media.active, at)
    this.#streams = [...kept, ...added]
    for (const { media, channel } of this.#streams) {
      this.#heardOn.set(`${channel} ${media.id}`, { id: media.id, label: media.label, channel })
    }
    await writeSidecar(this.#paths.unfinishedSidecar, this.#sidecar(null))
    return streams.map(media => this.#streams.find(stream => stream.media.id === media.id)?.port ?? 0)
  }

  #openStream(media: MediaStream): Promise<RtpStream> {
    const { onKey } = this.#settings
    const channel = this.#channelOf(media)
    return RtpStream.open(media, channel, {
      ...this.#settings,
      rate: this.#rate,
      startedAt: this.#startedAt,
      place: (position, samples) => this.#canvas.put(channel, position, samples),
      onKey:
        onKey &&
        (({ key }: PressedKey, at: number) => onKey({ key, stream: media.id, session: this.#session.key, at: this.#epoch(at) })),
    })
  }

  /** A time of the settings' clock as epoch ms. */
  #epoch(at: number): number {
    return this.#session.at + at - this.#startedAt
  }

  #channelOf(media: MediaStream): number {
    const channel = this.#channels.findIndex(({ key }) => key === media.channel.key)
    // The ninth participant and those after are mixed onto the last channel.
    return channel === -1 ? this.#channels.length - 1 : channel
  }

  async #widen(channels: number): Promise<void> {
    await this.#writer.widen(channels)
    this.#canvas.widen(channels)
  }

  #notePause(stream: string, before: boolean, after: boolean, at: number): void {
    if (before && !after) this.#pauses.push({ stream, from: at, until: null })
    if (after) for (const pause of this.#pauses) if (pause.stream === stream) pause.until ??= at
  }

  #take(untilMs: number): void {
    if (untilMs <= this.#takenMs) return
    this.#takenMs = untilMs
    const until = Math.floor((untilMs * this.#rate) / 1000)
    while (this.#canvas.base < until) {
      this.#writer.append(this.#canvas.take(Math.min(until, this.#canvas.base + this.#rate * takeAtOnceSeconds)))
    }
  }

  async #close(at: number, signal: AbortSignal): Promise<FinishedRecording | null> {
    // What the kernel has received until now is read before the sockets are closed.
    for (let round = 0; round < 3; round += 1) await new Promise(resolve => setImmediate(resolve))
    const passedMs = this.#settings.now() - this.#startedAt
    await Promise.all(this.#streams.map(stream => stream.close()))
    // A packet is placed from the time of its arrival on, so the last one ends a little later.
    const durationMs = Math.max(passedMs, (this.#canvas.end * 1000) / this.#rate)
    this.#take(durationMs)
    const key = this.#session.key
    const streams = this.#streams.map(stream => stream.figures)
    if (streams.every(({ placed }) => placed === 0)) {
      await this.#discard()
      this.#log.warn({ recording: key, streams }, 'nothing was heard in a recording session: no audio came to its ports')
      return { kind: 'nothing-heard', key, durationMs, streams }
    }
    for (let attempt = 1; ; attempt += 1) {
      try {
        await this.#finish(at)
        break
      } catch (error) {
        this.#reportFailure(error)
        if (attempt >= finishAttempts || signal.aborted) return this.#leave()
      }
      // An abort ends the wait, and the next attempt is the last.
      await wait(finishRetryMs, undefined, { signal }).catch(() => {})
    }
    const { channels, sampleRate } = this.#sidecar(at)
    return {
      kind: 'file',
      key,
      path: this.#paths.wav,
      sidecarPath: this.#paths.sidecar,
      sampleRate,
      channels: channels.map(({ key: channelKey, name }) => ({ key: channelKey, name })),
      durationMs,
      damagedMs: this.#damagedMs(),
      streams,
    }
  }

  /** The sidecar comes first, so that no recording is ever seen without it. */
  async #finish(at: number): Promise<void> {
    await this.#writer.finish()
    await writeSidecar(this.#paths.sidecar, this.#sidecar(at))
    await rename(this.#paths.unfinishedWav, this.#paths.wav)
    await rm(this.#paths.unfinishedSidecar, { force: true })
    await syncFolderOf(this.#paths.wav)
  }

  async #leave(): Promise<null> {
    await this.#writer.abandon().catch((error: unknown) => this.#reportFailure(error))
    this.#log.error({ recording: this.#session.key }, 'a recording cannot be finished: it is left for the next start')
    return null
  }

  /** Leaves nothing on the disk. */
  async #discard(): Promise<void> {
    await Promise.all(this.#streams.map(stream => stream.close()))
    try {
      await this.#writer.abandon()
      await rm(this.#paths.unfinishedWav, { force: true })
      await rm(this.#paths.unfinishedSidecar, { force: true })
    } catch (error) {
      this.#reportFailure(error)
    }
  }

  #damagedMs(): number {
    const { tooLate, tooFarAhead } = this.#canvas.counters
    const dropped = this.#writer.droppedBytes / (2 * this.#channels.length)
    return Math.round(((tooLate + tooFarAhead + dropped) * 1000) / this.#rate)
  }

  #sidecar(endedAt: number | null): RecordingSidecar {
    const moment = (at: number): string => new Date(at).toISOString()
    const heard = [...this.#heardOn.values()]
    return {
      key: this.#session.key,
      callId: this.#session.callId,
      startedAt: moment(this.#session.at),
      endedAt: endedAt === null ? null : moment(endedAt),
      recovered: false,
      sampleRate: this.#rate,
      channels: this.#channels.map(({ key, name }, index) => ({
        channel: index + 1,
        key,
        name,
        streams: heard.filter(({ channel }) => channel === index).map(({ id, label }) => ({ id, label })),
      })),
      pauses: this.#pauses.map(({ stream, from, until }) => ({
        stream,
        from: moment(from),
        until: until === null ? null : moment(until),
      })),
    }
  }

  #reportFailure(error: unknown): void {
    const fields = { recording: this.#session.key, reason: describe(error), waitingBytes: this.#writer.waitingBytes }
    if (!this.#diskFails) this.#log.error(fields, 'a recording cannot be written: audio waits in memory')
    this.#diskFails = true
  }
}

/** The channels that there are, and after them those of new participants, up to the most. Names are the latest ones. */
function channelsOf(
  streams: readonly MediaStream[],
  before: readonly { readonly key: string; readonly name: string | null }[],
): readonly { readonly key: string; readonly name: string | null }[] {
  const channels = new Map(before.map(channel => [channel.key, channel]))
  for (const { channel } of streams) {
    const known = channels.get(channel.key)
    if (known !== undefined) channels.set(channel.key, { key: channel.key, name: channel.name ?? known.name })
    else if (channels.size < mostChannels) channels.set(channel.key, channel)
  }
  return [...channels.values()]
}

/** A name that nothing has: a session that was recorded in two parts, before and after a restart, is two files. */
async function createFile(
  session: SessionRequest,
  { folder, now, syncEveryMs }: RecordingSettings,
  shape: { readonly channels: number; readonly sampleRate: number },
): Promise<{ readonly paths: RecordingPaths; readonly writer: WavWriter }> {
  const name = fileNameOf(session.key)
  for (let part = 1; ; part += 1) {
    const paths = recordingPaths(folder, part === 1 ? name : `${name}.${part}`)
    if (await exists(paths.wav)) continue
    try {
      const mostWaitingBytes = shape.channels * shape.sampleRate * 2 * mostSeconds
      return {
        paths,
        writer: await WavWriter.create({ path: paths.unfinishedWav, now, syncEveryMs, mostWaitingBytes, ...shape }),
      }
    } catch (error) {
      if (errorCode(error) !== 'EEXIST' || part >= 100) throw error
    }
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await access(path)
    return true
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return false
    throw error
  }
}
