/** What a signalling source asks for, and what it is told: the streams of one recording session. */
import type { AudioPayload } from './codecs/codec.ts'

export interface MediaStream {
  /** Stable within the session: the place of its m= line. */
  readonly id: string
  /** SDP's a=label. */
  readonly label: string | null
  /** Streams with the same key share a channel of the WAV: a participant has one. A stream that is a mix has one of its own. */
  readonly channel: { readonly key: string; readonly name: string | null }
  readonly payloads: readonly AudioPayload[]
  /** Payload types of telephone-event: skipped. */
  readonly events: readonly number[]
  /** Where the offer says that it is sent from (c= and m=), an IP address; `null` when it does not say. */
  readonly from: { readonly address: string; readonly port: number; readonly rtcpPort: number } | null
  /** False: what is sent is silence, until it is true again. */
  readonly active: boolean
}

export interface SessionRequest {
  /** Unique; names the files. */
  readonly key: string
  /** The SIP Call-ID of the session that began it: the recorded call is known by it. */
  readonly callId: string
  /** When the session began, epoch ms. */
  readonly at: number
}

export interface OpenSession {
  /** For c=. */
  readonly address: string
  /** Of RTP, in the order of the streams; RTCP is on the next one, or on the same (RFC 5761). */
  readonly ports: readonly number[]
  /**
   * The whole new list. A stream that was there keeps its port; one that is missing is as one that is not active.
   * Rejects with what to do when there are no ports for a new one.
   */
  update(streams: readonly MediaStream[], at: number): Promise<readonly number[]>
  /** Ends the recording. Resolves when its file is whole or will be at the next start; never rejects. */
  close(at: number): Promise<void>
}

export type OpenResult = OpenSession | { readonly refused: string }

export interface StreamFigures {
  readonly id: string
  readonly label: string | null
  /** What came and was taken. */
  readonly packets: number
  readonly placed: number
  readonly lost: number
  readonly late: number
  readonly duplicates: number
  /** How much silence was inserted, and how much sound left out, to keep to the wall clock, ms. */
  readonly insertedMs: number
  readonly cutMs: number
  /** Datagrams from others, and datagrams that are no RTP. */
  readonly strangers: number
  readonly broken: number
}

export type FinishedRecording =
  | {
      readonly kind: 'file'
      readonly key: string
      readonly path: string
      readonly sidecarPath: string
      readonly sampleRate: number
      readonly channels: readonly { readonly key: string; readonly name: string | null }[]
      readonly durationMs: number
      /** Samples that could not be kept: the disk refused them, or they came too late. */
      readonly damagedMs: number
      readonly streams: readonly StreamFigures[]
    }
  /** No packet with audio ever came; no file is left. */
  | {
      readonly kind: 'nothing-heard'
      readonly key: string
      readonly durationMs: number
      readonly streams: readonly StreamFigures[]
    }
