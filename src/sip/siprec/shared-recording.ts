/**
 * One recording and the recording sessions that feed it: one as a rule, two for a phone's built-in bridge, whose two voices belong into
 * one file. Owns the open media. Everything is done in turn, so that ports and files never see two changes at once.
 *
 *   empty ──first feed──▶ opening ──▶ open ──feed, drop──▶ open ──last drop──▶ closed
 *                            └──refused──▶ empty
 *
 * Invariants
 *  1. Media is open while a session feeds it, and closed after the last was dropped.
 *  2. A feed that fails leaves the session's streams as they were.
 */
import type { MediaStream, OpenMedia, RecordingMedia } from './recording-media.ts'

export type FeedResult =
  | { readonly ok: true; readonly address: string; readonly ports: readonly number[] }
  | { readonly ok: false; readonly reason: string }

export class SharedRecording {
  readonly key: string
  readonly #media: RecordingMedia
  #open: OpenMedia | null = null
  /** By session, in the order in which they came. */
  #fed: ReadonlyMap<string, readonly MediaStream[]> = new Map()
  #turn: Promise<unknown> = Promise.resolve()

  constructor(key: string, media: RecordingMedia) {
    this.key = key
    this.#media = media
  }

  /** Whether no session feeds it; only then may it be forgotten. */
  get isEmpty(): boolean {
    return this.#fed.size === 0
  }

  /** Records exactly these streams of a session (its Call-ID) from now on, and answers their ports in their order. Never rejects. */
  feed(session: string, streams: readonly MediaStream[], at: number): Promise<FeedResult> {
    return this.#inTurn(async () => {
      const fed = new Map(this.#fed).set(session, streams)
      const result = await this.#record(session, [...fed.values()].flat(), at)
      if (!result.ok) return result
      this.#fed = fed
      const before = [...fed.entries()].slice(0, [...fed.keys()].indexOf(session)).flatMap(([, earlier]) => earlier).length
      return { ...result, ports: result.ports.slice(before, before + streams.length) }
    })
  }

  /** Ends what a session feeds; closes the media with the last one. Rejects when the media does. */
  drop(session: string, at: number): Promise<void> {
    return this.#inTurn(async () => {
      if (!this.#fed.has(session)) return
      const fed = new Map(this.#fed)
      fed.delete(session)
      this.#fed = fed
      if (fed.size > 0) {
        await this.#open?.update([...fed.values()].flat(), at)
        return
      }
      const open = this.#open
      this.#open = null
      await open?.close(at)
    })
  }

  async #record(callId: string, streams: readonly MediaStream[], at: number): Promise<FeedResult> {
    try {
      if (this.#open !== null) return { ok: true, address: this.#open.address, ports: await this.#open.update(streams, at) }
      const opened = await this.#media.open({ key: this.key, callId, at }, streams)
      if ('refused' in opened) return { ok: false, reason: opened.refused }
      this.#open = opened
      return { ok: true, address: opened.address, ports: opened.ports }
    } catch (error) {
      return { ok: false, reason: error instanceof Error ? error.message : String(error) }
    }
  }

  #inTurn<T>(act: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(act)
    // A turn that failed has told whoever asked for it; the next one is not concerned.
    this.#turn = turn.catch(() => {})
    return turn
  }
}
