/**
 * RTCP as capture agents send it (HEP payload type 5): the JSON that Asterisk's res_hep_rtcp, rtpengine, heplify and captagent agree on,
 * reduced to the figures that say how a call sounded. Total: any bytes give a report or `null`.
 *
 *   {"ssrc": 1, "type": 200, "report_count": 1, "sender_information": {"packets": 250, "octets": 40000, …},
 *    "report_blocks": [{"source_ssrc": 2, "fraction_lost": 0, "packets_lost": 0, "ia_jitter": 12, "lsr": 0, "dlsr": 0}],
 *    "report_blocks_xr": {"round_trip_delay": 40, …}}
 *
 * Numbers may come as texts (Asterisk writes NTP times so), and rtpengine leaves a comma behind the last report block.
 */
import { z } from 'zod'

/** What one receiver says of one stream (RFC 3550 section 6.4.1). */
export interface RtcpReportBlock {
  /** The stream that is judged. */
  readonly sourceSsrc: number
  /** The part of the packets lost since the report before, 0 to 1. */
  readonly fractionLost: number
  /** Packets lost since the stream began; negative when duplicates came. */
  readonly packetsLost: number
  /** In units of the codec's RTP clock: 8 a millisecond for G.711 and G.722. */
  readonly jitter: number
}

export interface RtcpReport {
  /** Who reports; `null` when not said. */
  readonly ssrc: number | null
  /** Packets and octets that the reporter sent itself; `null` in a receiver report. */
  readonly sent: { readonly packets: number; readonly octets: number } | null
  readonly blocks: readonly RtcpReportBlock[]
  /** Where the reporter measured it (RFC 3611 section 4.7.3), in milliseconds. */
  readonly roundTripMs: number | null
}

/** RFC 3550 allows 31; more are not read. */
const MAX_BLOCKS = 31
const MAX_JSON_BYTES = 65_536

const uint32 = z.preprocess(
  value => (typeof value === 'string' && /^\d{1,10}$/.test(value) ? Number(value) : value),
  z.number().min(0).max(4_294_967_295),
)
/** Cumulative loss is a signed number of 24 bits; some agents write it as if it had no sign. */
const signed24 = z
  .number()
  .min(-8_388_608)
  .max(16_777_215)
  .transform(lost => (lost >= 8_388_608 ? lost - 16_777_216 : lost))

const blockSchema = z.object({
  source_ssrc: uint32.catch(0),
  fraction_lost: z.number().min(0).max(255).catch(0),
  packets_lost: signed24.catch(0),
  ia_jitter: uint32,
})

const reportSchema = z.object({
  ssrc: uint32.nullable().catch(null),
  type: z.number().catch(0),
  sender_information: z.object({ packets: uint32, octets: uint32 }).nullable().catch(null),
  report_blocks: z.array(z.unknown()).catch([]),
  report_blocks_xr: z
    .object({ round_trip_delay: z.number().min(0).max(65_535) })
    .nullable()
    .catch(null),
})

/** RFC 3550 section 12.1: only a sender report (200) says what was sent; heplify writes zeros into the others. */
const SENDER_REPORT = 200

/** `null` when the bytes are no such JSON, or say nothing of quality. */
export function parseRtcpReport(bytes: Buffer): RtcpReport | null {
  const parsed = reportSchema.safeParse(jsonIn(bytes))
  if (!parsed.success) return null
  const { ssrc, type, sender_information: sender, report_blocks: listed, report_blocks_xr: extended } = parsed.data
  const blocks = listed.slice(0, MAX_BLOCKS).flatMap(each => {
    const block = blockSchema.safeParse(each)
    return block.success ? [blockOf(block.data)] : []
  })
  const sent = type === SENDER_REPORT ? sender : null
  // Zero is what an agent writes that measured nothing (RFC 3611 section 4.7.3).
  const roundTripMs = extended === null || extended.round_trip_delay === 0 ? null : extended.round_trip_delay
  if (blocks.length === 0 && sent === null && roundTripMs === null) return null
  return { ssrc, sent, blocks, roundTripMs }
}

function blockOf(block: z.output<typeof blockSchema>): RtcpReportBlock {
  return {
    sourceSsrc: block.source_ssrc,
    fractionLost: block.fraction_lost / 256,
    packetsLost: block.packets_lost,
    jitter: block.ia_jitter,
  }
}

/** `undefined` for what is no JSON. */
function jsonIn(bytes: Buffer): unknown {
  if (bytes.length > MAX_JSON_BYTES) return undefined
  // C strings come with their NUL from some agents.
  const end = bytes.indexOf(0)
  const text = bytes.toString('utf8', 0, end === -1 ? bytes.length : end)
  const read = readJson(text)
  return read === undefined ? readJson(text.replace(/,(?=\s*[\]}])/g, '')) : read
}

function readJson(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text)
    return value
  } catch {
    // Not an error of ours: whoever asks counts it.
    return undefined
  }
}
