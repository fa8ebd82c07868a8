import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { type VconFacts, vconOf, vconSyntax, vconText, vconUuid } from '../../src/archive/vcon.ts'
import type { CallParty } from '../../src/events/event.ts'
import type { EncodedAudio } from '../../src/events/recording.ts'
import { call, recording, voicemail } from './audio.ts'

const audio: EncodedAudio = { path: '/spool/a.mp3', size: 5, sha256: 'ab', durationMs: 61_250, channels: 1, sampleRate: 8000 }
const sha512 = createHash('sha512').update('voice').digest('base64url')

function facts(changes: Partial<VconFacts> = {}): VconFacts {
  const item = recording('rec_a', { callId: call.id, matchedBy: 'call-id' })
  return { site: 'hq', item, audio, sha512, call, url: null, fileName: 'rec_a.mp3', syntax: vconSyntax, ...changes }
}

// The unsigned form, written after sections 2 to 4 of draft-ietf-vcon-vcon-core-04, as strict as its words are.
const date = z.string().regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.(?!0+Z)\d+)?Z$/)
const index = z.int().min(0)
const contentHash = z.string().regex(/^sha512-[A-Za-z0-9_-]{86}$/)
const inline = [
  z.object({ encoding: z.literal('none'), body: z.string() }),
  z.object({ encoding: z.literal('json'), body: z.json() }),
] as const
const analysis = {
  type: z.enum(['report', 'sentiment', 'summary', 'transcript', 'translation', 'tts']),
  dialog: index,
  mediatype: z.string().regex(/^[a-z]+\/[a-z0-9.+-]+$/),
  vendor: z.string().min(1),
  schema: z.string().optional(),
}
const unsignedVcon = z
  .strictObject({
    vcon: z.literal('0.4.0'),
    uuid: z.string().regex(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/),
    created_at: date,
    parties: z.array(
      z.strictObject({
        tel: z
          .string()
          .regex(/^tel:(\+\d+|[^;]+;phone-context=[\w.-]+)$/)
          .optional(),
        name: z.string().optional(),
      }),
    ),
    dialog: z.array(
      z.strictObject({
        type: z.literal('recording'),
        start: date,
        duration: z.number().min(0),
        parties: z.union([z.array(index), z.array(z.array(index))]),
        mediatype: z.enum(['audio/x-wav', 'audio/x-mp3', 'audio/x-mp4', 'audio/ogg']),
        filename: z.string(),
        url: z.url({ protocol: /^https$/ }).optional(),
        content_hash: contentHash,
      }),
    ),
    analysis: z.array(
      z.union([z.strictObject({ ...analysis, ...inline[0].shape }), z.strictObject({ ...analysis, ...inline[1].shape })]),
    ),
  })
  .refine(
    ({ parties, dialog }) => dialog.every(one => one.parties.flat().every(of => of < parties.length)),
    'a party that is none',
  )

const party: fc.Arbitrary<CallParty> = fc.oneof(
  fc.record({
    kind: fc.constant('e164' as const),
    value: fc.stringMatching(/^\+[1-9]\d{6,14}$/),
    display: fc.option(fc.string()),
  }),
  fc.record({
    kind: fc.constantFrom('extension' as const, 'other' as const),
    value: fc.string({ unit: 'binary', minLength: 1 }),
    display: fc.option(fc.string()),
  }),
  fc.constant({ kind: 'anonymous' as const, value: 'anonymous', display: null }),
)

describe('the record beside archived audio', () => {
  test('is a vCon of the draft, whoever talks and whatever is said', () => {
    fc.assert(
      fc.property(
        fc.record({
          from: party,
          to: party,
          durationMs: fc.nat(),
          channels: fc.integer({ min: 1, max: 3 }),
          at: fc.integer({ min: 0, max: 4_000_000_000_000 }),
          known: fc.boolean(),
          text: fc.option(fc.string({ unit: 'grapheme' })),
          url: fc.constantFrom(null, 'https://calls.example.com/a.mp3', 'http://calls/a.mp3'),
        }),
        ({ from, to, durationMs, channels, at, known, text, url }) => {
          const transcript =
            text === null ? null : ({ kind: 'text', text, language: null, sentiment: 'neutral', keywords: [] } as const)
          const item = { ...voicemail('vm_a'), from, to, startedAt: at, transcript }
          const made = vconOf(
            facts({ item, audio: { ...audio, durationMs, channels }, call: known ? { ...call, from, to } : null, url }),
          )
          expect(unsignedVcon.parse(JSON.parse(vconText(made)))).toEqual(JSON.parse(vconText(made)))
        },
      ),
      { numRuns: 200 },
    )
  })

  test('names the caller first, agents by their names, and numbers of the site as such', () => {
    expect(vconOf(facts()).parties).toEqual([
      { tel: 'tel:+14155550100', name: 'Jürgen' },
      { tel: 'tel:1001;phone-context=hq', name: 'Alice' },
    ])
  })

  test('names everyone who was on the call, once', () => {
    const bob: CallParty = { kind: 'extension', value: '1002', display: 'Bob' }
    const [leg] = call.legs
    if (leg === undefined) throw new Error('the call has no leg')
    const { parties, dialog } = vconOf(facts({ call: { ...call, legs: [leg, { ...leg, to: bob }] } }))
    expect(parties.map(({ tel }) => tel)).toEqual(['tel:+14155550100', 'tel:1001;phone-context=hq', 'tel:1002;phone-context=hq'])
    expect(dialog[0]?.parties).toEqual([0, 1, 2])
  })

  test('says when, how long, and what the audio must hash to', () => {
    expect(vconOf(facts({ url: 'https://calls.example.com/rec_a.mp3' })).dialog).toEqual([
      {
        type: 'recording',
        start: '2026-11-22T23:59:59.999Z',
        duration: 61.25,
        parties: [0, 1],
        mediatype: 'audio/x-mp3',
        filename: 'rec_a.mp3',
        url: 'https://calls.example.com/rec_a.mp3',
        content_hash: `sha512-${sha512}`,
      },
    ])
  })

  test('gives each channel of a stereo recording its parties', () => {
    const { dialog } = vconOf(facts({ audio: { ...audio, channels: 2 } }))
    expect(dialog[0]?.parties).toEqual([
      [0, 1],
      [0, 1],
    ])
  })

  test('tells what was said, which call of the PBX it was, and by whose consent it is kept', () => {
    const transcript = { kind: 'text', text: 'Hello.', language: 'en', sentiment: 'positive', keywords: [] } as const
    const consent = { policy: 'opt_in', by: 'rules[0]', said: true } as const
    const item = recording('rec_a', { matchedBy: 'call-id', transcript, consent })
    expect(vconOf(facts({ item })).analysis).toMatchObject([
      { type: 'transcript', encoding: 'none', body: 'Hello.' },
      { type: 'sentiment', body: 'positive' },
      {
        type: 'report',
        encoding: 'json',
        body: { matched_by: 'call-id', consent, call: { id: call.id, sip_call_ids: ['abc@pbx'], status: 'connected' } },
      },
    ])
  })

  test('of audio without a call, tells what its name told', () => {
    const hints = { sipCallId: null, unique: null, from: '+14155550100', to: null, startedAt: null }
    const { parties, analysis: found } = vconOf(facts({ item: recording('rec_a', { hints }), call: null }))
    expect(parties).toEqual([{ name: '+14155550100' }])
    expect(found).toMatchObject([{ type: 'report', body: { call: null } }])
    expect(vconOf(facts({ item: voicemail('vm_a'), call: null })).parties).toHaveLength(2)
  })

  test('is the same text for the same facts, and can be written in the syntax of an older draft', () => {
    expect(vconText(vconOf(facts()))).toBe(vconText(vconOf(facts({ call: structuredClone(call) }))))
    expect(vconOf(facts({ syntax: '0.3.0' })).vcon).toBe('0.3.0')
  })
})

test('two recordings have two ids, which sort by their time; the same one at two bridges has one', () => {
  fc.assert(
    fc.property(
      fc.tuple(fc.string(), fc.string()),
      fc.tuple(fc.string(), fc.string()),
      fc.nat(),
      fc.nat(),
      (one, other, at, later) => {
        fc.pre(at < later)
        expect(vconUuid(one[0], one[1], at)).toBe(vconUuid(one[0], one[1], at))
        expect(vconUuid(one[0], one[1], at) < vconUuid(other[0], other[1], later)).toBe(true)
        fc.pre(one.join('\0') !== other.join('\0'))
        expect(vconUuid(one[0], one[1], at)).not.toBe(vconUuid(other[0], other[1], at))
      },
    ),
  )
})
