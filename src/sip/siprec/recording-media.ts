/** Who receives the audio of a recording session, as the recording server needs it. Times are epoch milliseconds. */
import type { RecordablePayload } from '../sdp/recording-offer.ts'

/** One stream of audio: what an `m=` line that was accepted stands for. */
export interface MediaStream {
  /** Of the `m=` line, by its place: `m0`, `m1`…; keeps its meaning as long as the session lasts. */
  readonly id: string
  readonly label: string | null
  /** Streams of one key go into one channel. It stays with a stream even when another party takes over. */
  readonly channel: { readonly key: string; readonly name: string | null }
  readonly payloads: readonly RecordablePayload[]
  /** Payload types of telephone-event and comfort noise: no audio. */
  readonly events: readonly number[]
  /** Where the sender said that it is; `null` while it is not known, or when it is a name. */
  readonly from: { readonly address: string; readonly port: number; readonly rtcpPort: number } | null
  /** `false` while the sender pauses it: silence is recorded. */
  readonly active: boolean
}

export interface RecordingMedia {
  /** Opens a port for each stream, in their order; `refused` says why there is none (no ports, no space). */
  open(
    session: {
      readonly key: string
      /** Of the recording session that begins the recording. */
      readonly callId: string
      readonly at: number
    },
    streams: readonly MediaStream[],
  ): Promise<OpenMedia | { readonly refused: string }>
}

export interface OpenMedia {
  /** For the answer's `c=`. */
  readonly address: string
  /** RTP ports in the order of the streams; RTCP is on the next one. */
  readonly ports: readonly number[]
  /** Takes the whole new list: streams that are new get ports, those that are missing end. Answers all ports in its order; may reject. */
  update(streams: readonly MediaStream[], at: number): Promise<readonly number[]>
  /** Ends the recording. Safe to repeat. */
  close(at: number): Promise<void>
}
