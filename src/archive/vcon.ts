/**
 * The record beside archived audio: a vCon (draft-ietf-vcon-vcon-core-04, unsigned form), which other systems can read, and which
 * seals the audio by its SHA-512. Pure, and the same text for the same facts: two bridges that archive one call write one record.
 */
import { createHash } from 'node:crypto'
import type { CallParty, CallSnapshot } from '../events/event.ts'
import type { AudioItem, EncodedAudio } from '../events/recording.ts'

/** The syntax that the draft names; readers of older drafts ask for an older one. */
export const vconSyntax = '0.4.0'

export interface VconFacts {
  readonly site: string
  readonly item: AudioItem
  readonly audio: EncodedAudio
  /** Of the audio, base64url. */
  readonly sha512: string
  readonly call: CallSnapshot | null
  /** Where the audio can be fetched; `null`: it lies beside the record, under `filename`. */
  readonly url: string | null
  readonly fileName: string
  readonly syntax: string
}

/** Section 4.2 of the draft. */
export interface VconParty {
  readonly tel?: string
  readonly name?: string
}

/** Section 4.3 of the draft: one recording, which lies outside of the document. */
export interface VconRecording {
  readonly type: 'recording'
  readonly start: string
  /** Seconds. */
  readonly duration: number
  /** Of a single channel, the parties that are heard; of several, those of each. */
  readonly parties: readonly number[] | readonly (readonly number[])[]
  readonly mediatype: string
  readonly filename: string
  readonly url?: string
  readonly content_hash: string
}

/** Section 4.5 of the draft. */
export interface VconAnalysis {
  readonly type: 'transcript' | 'sentiment' | 'report'
  readonly dialog: 0
  readonly mediatype: string
  readonly vendor: string
  readonly schema?: string
  readonly encoding: 'none' | 'json'
  readonly body: unknown
}

export interface Vcon {
  readonly vcon: string
  readonly uuid: string
  readonly created_at: string
  readonly parties: readonly VconParty[]
  readonly dialog: readonly VconRecording[]
  readonly analysis: readonly VconAnalysis[]
}

const ourName = 'tpe-bridge'

export function vconOf(facts: VconFacts): Vcon {
  const { site, item, audio, sha512, call, url, fileName, syntax } = facts
  const parties = partiesOf(item, call)
  const heard = parties.map((_party, index) => index)
  return {
    vcon: syntax,
    uuid: vconUuid(site, item.id, item.startedAt),
    // Not the clock's time, which no other bridge would write: when there was first something to tell.
    created_at: dateOf(item.startedAt + audio.durationMs),
    parties: parties.map(party => vconParty(party, site, call)),
    dialog: [
      {
        type: 'recording',
        start: dateOf(item.startedAt),
        duration: audio.durationMs / 1000,
        // Who is on which channel is the PBX's secret: each may be on any.
        parties: audio.channels === 1 ? heard : Array.from({ length: audio.channels }, () => heard),
        mediatype: 'audio/x-mp3', // the draft's own word for audio/mpeg
        filename: fileName,
        // The draft wants HTTPS; an address of another kind is for the people of one network.
        ...(url?.startsWith('https:') ? { url } : {}),
        content_hash: `sha512-${sha512}`,
      },
    ],
    analysis: [...said(item), report(facts)],
  }
}

/** The document as it is stored. */
export const vconText = (vcon: Vcon): string => `${JSON.stringify(vcon, null, 2)}\n`

/**
 * A version 8 UUID (RFC 9562, section 5.8): the time of the recording as in version 7, so that records sort by it, and 74 bits of the
 * SHA-256 of the site and the id where version 7 is random.
 */
export function vconUuid(site: string, id: string, startedAt: number): string {
  const bytes = Buffer.alloc(16)
  bytes.writeUIntBE(startedAt, 0, 6)
  createHash('sha256').update(`${site}\0${id}`).digest().copy(bytes, 6, 0, 10)
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x80, 6) // version 8
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8) // variant of RFC 9562
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
}

/** The caller first, as the draft wants the originator; each party once. */
function partiesOf(item: AudioItem, call: CallSnapshot | null): readonly CallParty[] {
  const known = call === null ? withoutCall(item) : [call.from, call.to, ...call.legs.flatMap(({ from, to }) => [from, to])]
  return known.filter(
    (party, index) => known.findIndex(({ kind, value }) => kind === party.kind && value === party.value) === index,
  )
}

function withoutCall(item: AudioItem): readonly CallParty[] {
  if (item.kind === 'voicemail') return [item.from, item.to]
  return [item.hints.from, item.hints.to].flatMap(value => (value === null ? [] : [{ kind: 'other', value, display: null }]))
}

function vconParty(party: CallParty, site: string, call: CallSnapshot | null): VconParty {
  const agent = call?.agents.find(({ extension }) => extension === party.value)
  const name = agent?.name ?? party.display
  const named = name === null ? {} : { name }
  switch (party.kind) {
    case 'e164':
      return { tel: `tel:${party.value}`, ...named }
    case 'extension':
      // A number that means something at this site only (RFC 3966, section 5.1.5).
      return { tel: `tel:${escaped(party.value)};phone-context=${site}`, ...named }
    case 'anonymous':
      return { name: 'anonymous' }
    case 'other':
      return { name: name === null || name === party.value ? party.value : `${name} <${party.value}>` }
    default:
      throw new TypeError(`no party has the kind ${String(party.kind satisfies never)}`)
  }
}

/** Half a surrogate pair, which a JSON body may hold, becomes U+FFFD. */
const escaped = (text: string): string => encodeURIComponent(Buffer.from(text, 'utf8').toString())

function said({ transcript }: AudioItem): readonly VconAnalysis[] {
  if (transcript?.kind !== 'text') return []
  const of = { dialog: 0, mediatype: 'text/plain', vendor: ourName, encoding: 'none' } as const
  const { text, sentiment } = transcript
  return [
    { type: 'transcript', ...of, body: text },
    ...(sentiment === null ? [] : [{ type: 'sentiment', ...of, body: sentiment } as const]),
  ]
}

/** What the draft has no words for: which call of the PBX this was, and how it went. */
function report({ site, item, audio, call }: VconFacts): VconAnalysis {
  return {
    type: 'report',
    dialog: 0,
    mediatype: 'application/json',
    vendor: ourName,
    schema: 'tpe-bridge.archived-audio.1',
    encoding: 'json',
    body: {
      site,
      kind: item.kind,
      id: item.id,
      sha256: audio.sha256,
      matched_by: item.kind === 'recording' ? item.matchedBy : null,
      // By which policy it was kept, and what the caller chose.
      consent: item.kind === 'recording' ? (item.consent ?? null) : null,
      mailbox: item.kind === 'voicemail' ? item.mailbox : null,
      call: call === null ? null : callReport(call),
    },
  }
}

const callReport = (call: CallSnapshot) => ({
  id: call.id,
  sip_call_ids: [...new Set(call.legs.map(({ sipCallId }) => sipCallId))],
  direction: call.direction,
  status: call.outcome?.status ?? null,
  reason: call.outcome?.reason ?? null,
  started_at: dateOf(call.startedAt),
  answered_at: call.answeredAt === null ? null : dateOf(call.answeredAt),
  ended_at: call.endedAt === null ? null : dateOf(call.endedAt),
  agents: call.agents.map(({ id, extension, name }) => ({ id, extension, name })),
  tags: call.tags,
})

/** A date as RFC 8620, section 1.4 writes it: no fraction that is zero. */
const dateOf = (at: number): string => new Date(at).toISOString().replace('.000Z', 'Z')
