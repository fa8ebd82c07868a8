/**
 * The recorder's side of offer and answer (RFC 3264, RFC 7866 section 7.2): every offered `m=` line is answered, audio that can be
 * decoded with recvonly, everything else with port 0. When the other side offers nothing, the recorder offers what it can record.
 */
import { isIPv6 } from 'node:net'
import type { Direction, MediaDescription, Payload, SessionDescription } from './description.ts'

/** An encoding whose audio can be written. */
export interface RecordablePayload {
  /** RTP payload type, 0 to 127. */
  readonly type: number
  readonly codec: 'PCMU' | 'PCMA' | 'G722' | 'L16'
  /** Hz, of RTP's clock: 8000 for G.722. */
  readonly clockRate: number
  readonly channels: 1 | 2
}

/** How an `m=` line is received. */
export interface Receivable {
  /** In the sender's order; never empty. The sender may use any of them and change at will. */
  readonly payloads: readonly RecordablePayload[]
  /** Payload types of telephone-event and comfort noise: packets of these are no audio. */
  readonly events: readonly number[]
}

/** Sampling rates of L16 that are accepted: those of telephony. RFC 3551 allows any. */
const L16_RATES: ReadonlySet<number> = new Set([8000, 16_000])

/** What can be received of an `m=` line; `null` when nothing can: no audio, encrypted, refused by its sender, or unknown encodings only. */
export function receivable(media: MediaDescription): Receivable | null {
  if (media.kind !== 'audio' || media.port === 0 || !/^RTP\/AVPF?$/i.test(media.protocol)) return null
  const payloads = media.payloads.flatMap(payload => recordable(payload) ?? [])
  if (payloads.length === 0) return null
  return { payloads, events: media.payloads.filter(isEvent).map(({ type }) => type) }
}

function recordable({ type, encoding, clockRate, channels }: Payload): RecordablePayload | null {
  switch (encoding) {
    case 'PCMU':
    case 'PCMA':
    case 'G722':
      return clockRate === 8000 && channels === 1 ? { type, codec: encoding, clockRate, channels } : null
    case 'L16':
      return L16_RATES.has(clockRate) && (channels === 1 || channels === 2)
        ? { type, codec: encoding, clockRate, channels }
        : null
    default:
      return null
  }
}

const isEvent = ({ encoding }: Payload): boolean => encoding === 'TELEPHONE-EVENT' || encoding === 'CN'

/** The recorder's own end of a session. */
export interface LocalMedia {
  /** Address for `o=` and `c=`. */
  readonly address: string
  /** Numbers of `o=`: the version goes up by one with each description that differs (RFC 3264 section 8). */
  readonly sessionId: number
  readonly version: number
  /** RTP ports in the order of the `m=` lines; `null` refuses the line. */
  readonly ports: readonly (number | null)[]
}

/** What the recorder does with a direction that was offered: it only listens (RFC 7866 section 7.2). */
export function answeredDirection(offered: Direction): 'recvonly' | 'inactive' {
  return offered === 'sendrecv' || offered === 'sendonly' ? 'recvonly' : 'inactive'
}

/** The answer to an offer, as text. A line that has no port, or that is not receivable, is refused with port 0. */
export function formatAnswer(offer: SessionDescription, local: LocalMedia): string {
  const lines = head(local)
  for (const [index, media] of offer.media.entries()) {
    const port = local.ports[index] ?? null
    const taken = port === null ? null : receivable(media)
    if (port === null || taken === null) lines.push(`m=${media.kind} 0 ${media.protocol} ${media.formats.join(' ')}`)
    else lines.push(...accepted(media, taken, port))
  }
  return `${lines.join('\r\n')}\r\n`
}

function accepted(media: MediaDescription, { payloads, events }: Receivable, port: number): string[] {
  const types = [...payloads.map(({ type }) => type), ...events]
  const lines = [`m=audio ${port} ${media.protocol} ${types.join(' ')}`]
  for (const payload of media.payloads) {
    if (!types.includes(payload.type) || payload.encoding === null) continue
    const name = payload.encoding === 'TELEPHONE-EVENT' ? 'telephone-event' : payload.encoding
    lines.push(`a=rtpmap:${payload.type} ${name}/${payload.clockRate}${payload.channels === 1 ? '' : `/${payload.channels}`}`)
    if (payload.parameters !== null) lines.push(`a=fmtp:${payload.type} ${payload.parameters}`)
  }
  if (media.ptimeMs !== null) lines.push(`a=ptime:${media.ptimeMs}`)
  if (media.label !== null) lines.push(`a=label:${media.label}`)
  if (media.rtcpMux) lines.push('a=rtcp-mux')
  lines.push(`a=${answeredDirection(media.direction)}`)
  return lines
}

/** What the recorder offers when it was offered nothing, as text: one line for each port. */
export function formatOffer(local: LocalMedia): string {
  const lines = head(local)
  for (const port of local.ports) {
    lines.push(
      `m=audio ${port ?? 0} RTP/AVP 0 8 9 101`,
      'a=rtpmap:0 PCMU/8000',
      'a=rtpmap:8 PCMA/8000',
      'a=rtpmap:9 G722/8000',
      'a=rtpmap:101 telephone-event/8000',
      'a=fmtp:101 0-15',
      'a=recvonly',
    )
  }
  return `${lines.join('\r\n')}\r\n`
}

function head({ address, sessionId, version }: LocalMedia): string[] {
  const family = isIPv6(address) ? 'IP6' : 'IP4'
  return ['v=0', `o=- ${sessionId} ${version} IN ${family} ${address}`, 's=-', `c=IN ${family} ${address}`, 't=0 0']
}
