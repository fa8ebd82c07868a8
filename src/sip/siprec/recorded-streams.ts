/** Which streams of a description are recorded, into which channel, and whose voice they carry. */
import { isIP } from 'node:net'
import type { SipMessage } from '../message/message.ts'
import type { MediaDescription, SessionDescription } from '../sdp/description.ts'
import { type Receivable, receivable } from '../sdp/recording-offer.ts'
import { readBuiltInBridge } from './cisco-recording.ts'
import type { RecordingMetadata } from './metadata.ts'
import type { RecordedParticipant } from './participants.ts'
import type { MediaStream } from './recording-media.ts'

export interface RecordedStream {
  /** Place of the `m=` line in the description, from 0. */
  readonly place: number
  /** Ids of the participants who are heard in it; several where the client mixes; empty where it does not say. */
  readonly participantIds: readonly string[]
  readonly media: MediaStream
}

/**
 * The streams that can be recorded, in the order of their `m=` lines. `prefix` sets the ids apart where two sessions share a recording;
 * `before` are the streams until now, whose channels stay as they are.
 */
export function recordedStreams(
  description: SessionDescription,
  metadata: RecordingMetadata | null,
  participants: readonly RecordedParticipant[],
  prefix: string,
  before: readonly RecordedStream[],
): RecordedStream[] {
  const accepted = description.media.flatMap((media, place) => {
    const receives = receivable(media)
    return receives === null ? [] : [{ media, place, receives }]
  })
  const present = participants.filter(({ isPresent }) => isPresent)
  // A client that ties nobody to a stream, but has one stream a participant, has both in the same order.
  const inOrder = present.length === accepted.length && present.every(({ heardIn }) => heardIn.length === 0)
  return accepted.map(({ media, place, receives }, position) => {
    const heard = present.filter(
      ({ heardIn }) => heardIn.includes(`#${place}`) || (media.label !== null && heardIn.includes(media.label)),
    )
    const [inPlace] = inOrder ? present.slice(position, position + 1) : []
    const senders = heard.length > 0 ? heard : inPlace === undefined || isMixed(metadata, media.label) ? [] : [inPlace]
    return {
      place,
      participantIds: senders.map(({ id }) => id),
      media: streamOf(media, `${prefix}m${place}`, receives, senders, before),
    }
  })
}

function isMixed(metadata: RecordingMetadata | null, label: string | null): boolean {
  return metadata?.streams.some(stream => stream.isMixed && stream.label === label) ?? false
}

function streamOf(
  media: MediaDescription,
  id: string,
  { payloads, events }: Receivable,
  senders: readonly RecordedParticipant[],
  before: readonly RecordedStream[],
): MediaStream {
  const { address, port, rtcpPort, label } = media
  const known = before.find(stream => stream.media.id === id)?.media.channel.key
  const [only] = senders.length === 1 ? senders : []
  const names = senders.flatMap(({ party }) => (party === null ? [] : [party.anonymous ? 'anonymous' : party.user]))
  return {
    id,
    label,
    channel: {
      key: known ?? (only === undefined ? id : `participant:${only.id}`),
      name: names.length === 0 ? null : names.join(', '),
    },
    payloads,
    events,
    from: address !== null && isIP(address) !== 0 && !isNull(address) ? { address, port, rtcpPort } : null,
    active: (media.direction === 'sendrecv' || media.direction === 'sendonly') && !(address !== null && isNull(address)),
  }
}

/** RFC 2543's hold, which BroadWorks uses to pause a recording. */
const isNull = (address: string): boolean => address === '0.0.0.0' || address === '::'

/** What a client that was asked for nothing yet will be offered: a stream whose encoding its answer decides. */
export function provisionalStream(message: SipMessage): MediaStream {
  const bridge = readBuiltInBridge(message)
  const id = `${streamPrefix(message)}m0`
  const name = bridge === null ? null : bridge[bridge.end].address
  return {
    id,
    label: null,
    channel: { key: bridge === null ? id : `participant:${bridge.end}`, name: name === '' ? null : name },
    payloads: [
      { type: 0, codec: 'PCMU', clockRate: 8000, channels: 1 },
      { type: 8, codec: 'PCMA', clockRate: 8000, channels: 1 },
      { type: 9, codec: 'G722', clockRate: 8000, channels: 1 },
    ],
    events: [101],
    from: null,
    active: true,
  }
}

/** Sets the ids of a built-in bridge's second session apart from those of its first: both feed one recording. */
export function streamPrefix(message: SipMessage): string {
  return readBuiltInBridge(message)?.end === 'far' ? 'far-' : ''
}
