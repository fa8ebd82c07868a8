import { describe, expect, it } from 'vitest'
import type { CallParty } from '../../../src/events/event.ts'
import {
  partyOnTheWire,
  phoneCallEventBody,
  recordingMetadata,
  voicemailMetadata,
} from '../../../src/zendesk/partner-edition/bodies.ts'
import { recordingMetadataSchema, voicemailMetadataSchema } from '../../../src/zendesk/wire/audio-upload.ts'
import { phoneCallEventSchema } from '../../../src/zendesk/wire/call-event.ts'
import { madeEvent, madeRecording, madeVoicemail, startedAt } from '../made-events.ts'

const audio = { path: '/spool/r1.mp3', size: 11_808, sha256: 'a'.repeat(64), durationMs: 2_500, channels: 1, sampleRate: 8000 }

describe('the partner-edition dialect', () => {
  it('writes an ended call as the wire wants it', () => {
    const body = phoneCallEventBody(
      madeEvent('call-1', 4, 'call.ended', {
        outcome: { status: 'connected', reason: 'completed', sipCode: 200, q850: 16 },
        answeredAt: startedAt + 4_400,
        endedAt: startedAt + 64_899,
        durationMs: 60_499,
        waitMs: 4_500,
        holdMs: 0,
        tags: ['vip'],
        directives: { queue: 'support', tags: 'vip' },
      }),
    )
    expect(body.phone_call_event).toEqual({
      id: 'call-1.ended.4',
      type: 'call.ended',
      sequence: 4,
      occurred_at: '2026-11-22T09:30:04.250Z',
      site: 'hq',
      call: {
        external_id: 'call-1',
        from: '+14155550100',
        to: '1001',
        direction: 'inbound',
        status: 'connected',
        reason: 'completed',
        started_at: '2026-11-22T09:30:00.250Z',
        answered_at: '2026-11-22T09:30:04.650Z',
        ended_at: '2026-11-22T09:31:05.149Z',
        duration: 60,
        wait_time: 5,
        hold_time: 0,
        agents: [{ id: 35436, extension: '1001', name: 'Alice' }],
        tags: ['vip'],
        queue: 'support',
        legs: [
          {
            sip_call_id: 'call-1@pbx.example',
            from: '+14155550100',
            to: '1001',
            direction: 'inbound',
            started_at: '2026-11-22T09:30:00.250Z',
            answered_at: null,
            ended_at: null,
            sip_code: null,
            q850: null,
          },
        ],
      },
    })
    expect(phoneCallEventSchema.safeParse(body).success).toBe(true)
  })

  it('leaves status and reason null while the call goes on', () => {
    const { call } = phoneCallEventBody(madeEvent('call-1')).phone_call_event
    expect(call).toMatchObject({ status: null, reason: null, answered_at: null, ended_at: null })
  })

  it('tells who passed a call on, and of which call one turned out to be part', () => {
    const [alice, odd] = [
      { kind: 'extension', value: '1001', display: 'Alice' },
      { kind: 'other', value: 'two words', display: null },
    ] as const
    const transfers = [{ kind: 'attended', by: alice, to: odd, at: startedAt }] as const
    const { callId } = madeEvent('call-0')
    const body = phoneCallEventBody(madeEvent('call-1', 4, 'call.merged', { transfers, mergedInto: callId, endedAt: startedAt }))
    expect(phoneCallEventSchema.parse(body).phone_call_event.call).toMatchObject({
      transfers: [{ kind: 'attended', by: '1001', to: 'unknown', at: '2026-11-22T09:30:00.250Z' }],
      merged_into: 'call-0',
      status: null,
      ended_at: '2026-11-22T09:30:00.250Z',
    })
    expect(phoneCallEventBody(madeEvent('call-1')).phone_call_event.call).not.toHaveProperty('transfers')
  })

  it.each<[CallParty['kind'], string, string]>([
    ['e164', '+14155550100', '+14155550100'],
    ['extension', '1001', '1001'],
    ['anonymous', 'anonymous', 'anonymous'],
    ['anonymous', '', 'anonymous'],
    ['other', 'alice.smith', 'alice.smith'],
    ['other', '*97', '*97'],
    ['other', '', 'unknown'],
    ['other', '+0', 'unknown'],
    ['other', '00123456789012345678', 'unknown'],
    ['other', 'two words', 'unknown'],
    ['other', 'ü'.repeat(9), 'unknown'],
  ])('a party %s %j is %j', (kind, value, wire) => {
    expect(partyOnTheWire({ kind, value, display: null })).toBe(wire)
  })

  it('describes a recording by its MP3, with half a second rounded up', () => {
    const metadata = recordingMetadata(madeRecording('rec-1', audio, 'call-1'), audio)
    expect(metadata).toEqual({
      external_id: 'rec-1',
      external_call_id: 'call-1',
      format: 'mp3',
      duration: 3,
      channels: 1,
      sample_rate: 8000,
      size: 11_808,
      sha256: 'a'.repeat(64),
      started_at: '2026-11-22T09:30:00.250Z',
      consent: null,
    })
    expect(recordingMetadataSchema.safeParse(metadata).success).toBe(true)
  })

  it.each([
    ['opt_in', true],
    ['opt_out', null],
    ['always', false],
  ] as const)('says of a recording that was kept by %s what the caller chose: %s', (policy, said) => {
    const item = { ...madeRecording('rec-1', audio, 'call-1'), consent: { policy, by: 'default', said } }
    const metadata = recordingMetadata(item, audio)
    expect(metadata.consent).toBe(said)
    expect(recordingMetadataSchema.safeParse(metadata).success).toBe(true)
  })

  it('describes a voicemail with its parties and mailbox, and needs no call', () => {
    const metadata = voicemailMetadata(madeVoicemail('vm-1', audio), audio)
    expect(metadata).toMatchObject({
      external_id: 'vm-1',
      external_call_id: null,
      from: '+14155550100',
      to: '1002',
      received_at: '2026-11-22T09:30:20.250Z',
      mailbox: '1002@default',
    })
    expect(voicemailMetadataSchema.safeParse(metadata).success).toBe(true)
  })
})
