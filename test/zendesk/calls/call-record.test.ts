import { describe, expect, test } from 'vitest'
import type { EndReason } from '../../../src/events/outcome.ts'
import { completionStatus, newRecord, partyText, recordChanges } from '../../../src/zendesk/calls/call-record.ts'
import { newCallSchema } from '../../../src/zendesk/wire/documented/call.ts'
import { madeEvent, startedAt } from '../made-events.ts'
import { answeredCall, callerNo, missedCall } from './made-scenarios.ts'

const context = { appId: 42, brandId: 7, endUserId: 99 }

describe('completion_status', () => {
  const outcome = (reason: EndReason) => ({ status: 'missed', reason, sipCode: null, q850: null }) as const

  test('is empty while a call goes on', () => {
    expect(completionStatus(null, false)).toBe('')
    expect(completionStatus(null, true)).toBe('')
  })

  test.for<[EndReason, string]>([
    ['caller-hung-up', 'abandoned_in_queue'],
    ['no-answer', 'not_answered'],
    ['busy', 'not_answered'],
    ['rejected', 'not_answered'],
    ['redirected', 'external_overflow'],
    ['not-found', 'failed'],
    ['unavailable', 'failed'],
    ['failed', 'failed'],
    ['lost-signalling', 'failed'],
    ['voicemail', 'completed_voicemail'],
    ['answered-elsewhere', 'completed'],
  ])('of a call that nobody answered and that ended with %s is %s', ([reason, expected]) => {
    expect(completionStatus(outcome(reason), false)).toBe(expected)
  })

  test('of an answered call is completed, whatever ended it', () => {
    expect(completionStatus(outcome('lost-signalling'), true)).toBe('completed')
  })
})

describe('a call record', () => {
  const [, , answered, ended] = answeredCall('call_a', callerNo(1))
  if (answered === undefined || ended === undefined) throw new Error('the scenario lost its events')

  test('names app, brand, caller and agent, and has no end while the call goes on', () => {
    const call = newRecord(answered, context)
    expect(call).toMatchObject({
      app_id: 42,
      brand_id: 7,
      end_user_id: 99,
      external_id: 'call_a',
      from_line: '+14152000001',
      to_line: '1001',
      direction: 'inbound',
      agent_id: 35436,
      completion_status: '',
      call_started_at: '2026-11-22T09:30:00Z',
      call_connected_at: '2026-11-22T09:30:05Z',
      time_to_answer: 5,
    })
    expect(Object.keys(call)).not.toContain('call_ended_at')
  })

  test('tells the durations of an ended call in whole seconds', () => {
    expect(recordChanges(ended)).toMatchObject({
      call_ended_at: '2026-11-22T09:31:05Z',
      duration: 65,
      talk_time: 56,
      hold_time: 4,
      wait_time: 5,
      completion_status: 'completed',
      disconnection_reason: 'completed',
    })
  })

  test('satisfies the documented schema for every kind of party and direction', () => {
    const parties = [
      callerNo(2),
      { kind: 'anonymous', value: 'anonymous', display: null },
      { kind: 'other', value: '\u0000', display: null },
    ] as const
    for (const from of parties) {
      for (const direction of ['inbound', 'outbound', 'internal'] as const) {
        const event = madeEvent('call_b', 3, 'call.answered', { from, direction, answeredAt: startedAt })
        expect(newCallSchema.safeParse({ call: newRecord(event, context) }).error).toBeUndefined()
      }
    }
    for (const event of missedCall('call_c', callerNo(3), true)) {
      expect(newCallSchema.safeParse({ call: newRecord(event, context) }).error).toBeUndefined()
    }
  })

  test('never has an empty party', () => {
    expect(partyText({ kind: 'other', value: '\u0001\u0002' })).toBe('unknown')
    expect(partyText({ kind: 'anonymous', value: 'anonymous' })).toBe('anonymous')
  })
})
