import { describe, expect, test } from 'vitest'
import { expire } from '../../src/events/advance.ts'
import type { Call } from '../../src/events/call.ts'
import { maxLegs } from '../../src/events/legs.ts'
import type { CallSignal } from '../../src/events/signal.ts'
import { snapshotOf } from '../../src/events/snapshot.ts'
import { alice, bob, lastOf, office, play, script, typesOf, wire } from './office.ts'

const { invited, ringing, answered, held, resumed, cancelled, failed, hungup } = script()

function known(call: Call | null): Call {
  if (call === null) throw new Error('the call is not known')
  return call
}

/** Plays and then lets the call expire at `at`. */
function playAndExpire(signals: readonly CallSignal[], at: number) {
  const { call, events } = play(signals)
  return [...events, ...expire(known(call), at, office).events]
}

describe('a call from start to end', () => {
  test('an answered call is started, ringing, answered, ended, numbered without gaps', () => {
    const { events } = play([invited(1000), ringing(2000), answered(5000), hungup(65_000, 'callee', 'phone', 16)])
    expect(events.map(event => [event.type, event.sequence, event.occurredAt])).toEqual([
      ['call.started', 1, 1000],
      ['call.ringing', 2, 2000],
      ['call.answered', 3, 5000],
      ['call.ended', 4, 65_000],
    ])
    expect(lastOf(events)).toEqual({
      id: events[0]?.callId,
      from: { kind: 'e164', value: '+14155550100', display: null },
      to: { kind: 'extension', value: '1001', display: null },
      direction: 'inbound',
      outcome: { status: 'connected', reason: 'completed', sipCode: 200, q850: 16 },
      startedAt: 1000,
      answeredAt: 5000,
      endedAt: 65_000,
      durationMs: 60_000,
      waitMs: 4000,
      holdMs: 0,
      agents: [alice],
      tags: [],
      legs: [
        {
          sipCallId: 'a84b4c76e66710@pbx.example',
          from: { kind: 'e164', value: '+14155550100', display: null },
          to: { kind: 'extension', value: '1001', display: null },
          direction: 'inbound',
          startedAt: 1000,
          answeredAt: 5000,
          endedAt: 65_000,
          sipCode: 200,
          q850: 16,
        },
      ],
    })
  })

  test('an event tells its call as it then was', () => {
    const { events } = play([invited(0), ringing(10), answered(20), hungup(30)])
    expect(events.map(event => event.call.outcome?.reason ?? null)).toEqual([null, null, null, 'completed'])
    expect(events.map(event => event.call.answeredAt)).toEqual([null, null, 20, 20])
  })

  test('an answer without ringing invents no ringing', () => {
    expect(typesOf(play([invited(0), answered(5), hungup(9)]).events)).toBe('started answered ended')
  })

  test('ringing after the answer is told by nobody', () => {
    const { events, ignored } = play([invited(0), answered(5), ringing(4), hungup(9)])
    expect(typesOf(events)).toBe('started answered ended')
    expect(ignored).toEqual([null, null, 'already-answered', null])
  })

  test('183 and 180 of one phone are one ringing, and the phone may say later who it is', () => {
    const { events } = play([invited(0), ringing(1), ringing(2, 'phone', wire('1002', 'Bob')), answered(3)])
    expect(typesOf(events)).toBe('started ringing answered')
    expect(lastOf(events).legs).toMatchObject([{ to: { value: '1002', display: 'Bob' } }])
  })

  test('BYEs that cross end the call once', () => {
    const { events, ignored } = play([invited(0), answered(5), hungup(9, 'caller'), hungup(9, 'callee')])
    expect(typesOf(events)).toBe('started answered ended')
    expect(ignored.at(-1)).toBe('already-ended')
  })

  test('a BYE of a call that began before the bridge is ignored by name', () => {
    expect(play([hungup(9)])).toEqual({ call: null, events: [], ignored: ['unknown-call'] })
  })

  test('a BYE of a dialog that is not of this call is ignored by name', () => {
    const { events, ignored } = play([invited(0), answered(5), hungup(9, 'caller', 'another phone')])
    expect(typesOf(events)).toBe('started answered')
    expect(ignored.at(-1)).toBe('unknown-dialog')
  })

  test('times never go back, though packets of a mirror seem to', () => {
    const { events } = play([invited(1000.5), ringing(1000), answered(999), hungup(998)])
    expect(events.map(event => event.occurredAt)).toEqual([1000.5, 1000.5, 1000.5, 1000.5])
    expect(lastOf(events)).toMatchObject({ waitMs: 0, durationMs: 0 })
  })

  test('a session refresh keeps a call alive without telling anyone', () => {
    const before = play([invited(0), answered(5)])
    const after = play([resumed(900_000), resumed(900_000, 'callee')], before.call)
    expect(after.events).toEqual([])
    expect(after.call?.lastSignalAt).toBe(900_000)
  })
})

describe('forks', () => {
  const forked = [
    invited(0),
    ringing(1, 'desk', wire('1001')),
    ringing(2, 'soft', wire('1002')),
    answered(10, 'soft', wire('1002')),
    hungup(20, 'caller', 'soft'),
  ]

  test('several phones ring: one ringing event, one answer, the others end with it', () => {
    const { events } = play(forked)
    expect(typesOf(events)).toBe('started ringing answered ended')
    expect(lastOf(events).legs.map(({ to, answeredAt, endedAt }) => [to.value, answeredAt, endedAt])).toEqual([
      ['1001', null, 10],
      ['1002', 10, 20],
    ])
  })

  test('after the answer only the agent who answered counts', () => {
    const ring = play(forked.slice(0, 3))
    const { events } = play(forked.slice(3), ring.call)
    expect(events.map(event => event.call.agents)).toEqual([[bob], [bob]])
  })

  test('two phones answer: the first carries the call, the second is recorded, its BYE ends only itself', () => {
    const { events, call } = play([
      invited(0),
      ringing(1, 'a'),
      ringing(1, 'b'),
      answered(10, 'a'),
      answered(11, 'b'),
      hungup(12, 'caller', 'b'),
    ])
    expect(typesOf(events)).toBe('started ringing answered')
    expect(call?.sipCalls[0]?.legs.map(leg => leg.state.kind)).toEqual(['answered', 'ended'])
    expect(typesOf(play([hungup(30, 'callee', 'a')], call).events)).toBe('ended')
  })

  test('two phones answer and the caller keeps the second: the call goes on there', () => {
    const before = play([invited(0), answered(10, 'a', wire('1001')), answered(11, 'b', wire('1002')), hungup(12, 'caller', 'a')])
    expect(typesOf(before.events)).toBe('started answered')
    const { events } = play([held(13, 'callee', 'b'), hungup(30, 'callee', 'b')], before.call)
    expect(typesOf(events)).toBe('held ended')
    expect(lastOf(events)).toMatchObject({ agents: [bob], durationMs: 20 })
  })

  test('a caller that hangs up on one early phone leaves the others ringing', () => {
    const { events } = play([invited(0), ringing(1, 'a'), ringing(1, 'b'), hungup(5, 'caller', 'a'), answered(9, 'b')])
    expect(typesOf(events)).toBe('started ringing answered')
  })

  test('a peer that rings with ever new tags fills no memory, and an answer still counts', () => {
    const storm = Array.from({ length: 200 }, (_, n) => ringing(n, `phone ${n}`))
    const { call, events } = play([invited(0), ...storm, answered(500, 'at last')])
    expect(call?.sipCalls[0]?.legs.length).toBe(maxLegs)
    expect(typesOf(events)).toBe('started ringing answered')
  })
})

describe('hold', () => {
  test('one party holds and resumes', () => {
    const { events } = play([invited(0), answered(0), held(10), resumed(25), hungup(100)])
    expect(typesOf(events)).toBe('started answered held resumed ended')
    expect(lastOf(events).holdMs).toBe(15)
  })

  test('both hold: the call is held from the first hold to the last resume', () => {
    const { events } = play([
      invited(0),
      answered(0),
      held(10, 'caller'),
      held(20, 'callee'),
      resumed(30, 'caller'),
      resumed(50, 'callee'),
      held(60, 'callee'),
      resumed(65, 'callee'),
      hungup(100),
    ])
    expect(typesOf(events)).toBe('started answered held resumed held resumed ended')
    expect(events.map(event => event.call.holdMs)).toEqual([0, 0, 0, 40, 40, 45, 45])
    expect(events.map(event => event.id.split('.').slice(1).join('.'))).toEqual([
      'started.1',
      'answered.1',
      'held.1',
      'resumed.1',
      'held.2',
      'resumed.2',
      'ended.1',
    ])
  })

  test('a hold that is open at the end is counted to the end', () => {
    expect(lastOf(play([invited(0), answered(0), held(10), hungup(100)]).events).holdMs).toBe(90)
  })

  test.each([
    ['held twice', [held(10), held(10), held(12)], 'held'],
    ['resumed twice', [held(10), resumed(20), resumed(21)], 'held resumed'],
    ['a second source whose clock is ahead', [held(10), held(20), resumed(15)], 'held resumed'],
    ['an old hold after the resume', [held(10), resumed(20), held(10)], 'held resumed'],
    ['resumed without a hold', [resumed(20)], ''],
    ['a stranger holds', [held(10, 'callee', 'nobody')], ''],
  ])('%s', (_, signals, expected) => {
    const { call } = play([invited(0), answered(0)])
    expect(typesOf(play(signals, call).events)).toBe(expected)
  })

  test('a call can be looked at in mid-hold', () => {
    const { call } = play([invited(0), answered(100), held(110)])
    expect(snapshotOf(known(call), 150, office.agents)).toMatchObject({ durationMs: 50, waitMs: 100, holdMs: 40, endedAt: null })
  })

  test('a hold before the answer is early media, not a hold', () => {
    expect(play([invited(0), ringing(1), held(2)]).ignored.at(-1)).toBe('not-answered')
  })
})

describe('calls nobody answered', () => {
  test.each([
    [302, null, true, 'missed', 'redirected'],
    [380, null, false, 'missed', 'redirected'],
    [400, null, false, 'missed', 'failed'],
    [403, null, true, 'missed', 'rejected'],
    [404, null, false, 'missed', 'not-found'],
    [408, null, true, 'missed', 'no-answer'],
    [408, null, false, 'missed', 'unavailable'],
    [410, null, false, 'missed', 'not-found'],
    [480, null, true, 'missed', 'no-answer'],
    [480, null, false, 'missed', 'unavailable'],
    [480, 17, false, 'missed', 'busy'],
    [480, 19, false, 'missed', 'no-answer'],
    [480, 20, true, 'missed', 'unavailable'],
    [480, 16, true, 'missed', 'no-answer'],
    [484, null, false, 'missed', 'not-found'],
    [486, null, true, 'missed', 'busy'],
    [486, 21, true, 'missed', 'rejected'],
    [487, null, true, 'abandoned', 'caller-hung-up'],
    [487, 16, true, 'abandoned', 'caller-hung-up'],
    [487, 19, true, 'abandoned', 'caller-hung-up'],
    [488, null, false, 'missed', 'failed'],
    [500, null, false, 'missed', 'failed'],
    [500, 1, false, 'missed', 'not-found'],
    [503, 34, false, 'missed', 'failed'],
    [504, null, false, 'missed', 'unavailable'],
    [600, null, true, 'missed', 'busy'],
    [603, null, true, 'missed', 'rejected'],
    [604, null, true, 'missed', 'not-found'],
    [606, null, true, 'missed', 'failed'],
    [608, null, true, 'missed', 'rejected'],
    [699, 21, true, 'missed', 'rejected'],
  ] as const)('%i with cause %s (rang: %s) is %s, %s', (sipCode, q850, rang, status, reason) => {
    const { events } = play([invited(0), ...(rang ? [ringing(1)] : []), failed(5, sipCode, q850)])
    expect(lastOf(events)).toMatchObject({
      outcome: { status, reason, sipCode, q850 },
      answeredAt: null,
      waitMs: 5,
      durationMs: 0,
    })
    expect(lastOf(events).legs).toMatchObject([{ sipCode, q850, endedAt: 5 }])
  })

  test.each([
    ['the caller gives up', cancelled(5), failed(6, 487), 'abandoned', 'caller-hung-up'],
    ['the phone turns busy as the caller gives up', cancelled(5), failed(6, 486), 'abandoned', 'caller-hung-up'],
    ['a PBX stops ringing for want of an answer', cancelled(5, 102), failed(6, 487), 'missed', 'no-answer'],
    ['a PBX stops ringing, and the phone has a cause of its own', cancelled(5, 102), failed(6, 487, 16), 'missed', 'no-answer'],
    ['another phone answered, says the CANCEL', cancelled(5, null, true), failed(6, 487), 'connected', 'answered-elsewhere'],
    ['another phone answered, says the 487', cancelled(5), failed(6, 487, null, true), 'connected', 'answered-elsewhere'],
    ['another phone answered, says Q.850', cancelled(5, 26), failed(6, 487), 'connected', 'answered-elsewhere'],
  ] as const)('%s', (_, cancel, final, status, reason) => {
    const { events } = play([invited(0), ringing(1), cancel, final])
    expect(typesOf(events)).toBe('started ringing ended')
    expect(lastOf(events)).toMatchObject({ outcome: { status, reason }, durationMs: 0 })
  })

  test('a response that says "answered elsewhere" is not missed', () => {
    expect(lastOf(play([invited(0), ringing(1), failed(5, 480, null, true)]).events).outcome?.status).toBe('connected')
  })

  test('a caller may hang up an early dialog with BYE', () => {
    const { events } = play([invited(0), ringing(1), hungup(5)])
    expect(lastOf(events).outcome).toEqual({ status: 'abandoned', reason: 'caller-hung-up', sipCode: null, q850: null })
  })

  test('a callee that sends BYE had answered, though its answer was lost', () => {
    const { events } = play([invited(0), ringing(1), hungup(5, 'callee')])
    expect(lastOf(events).outcome).toMatchObject({ status: 'connected', reason: 'lost-signalling' })
  })
})

describe('glare', () => {
  test('a 200 that crosses the CANCEL wins; the BYE ends it', () => {
    const { events } = play([invited(0), ringing(1), cancelled(5), answered(6), hungup(7)])
    expect(typesOf(events)).toBe('started ringing answered ended')
    expect(lastOf(events).outcome?.reason).toBe('completed')
  })

  test('a CANCEL that comes after the 200 changes nothing', () => {
    const { events, ignored } = play([invited(0), answered(5), cancelled(4), failed(6, 487), hungup(7)])
    expect(typesOf(events)).toBe('started answered ended')
    expect(ignored).toEqual([null, null, 'already-answered', 'already-answered', null])
  })

  test('a 180 that crosses the CANCEL changes nothing', () => {
    expect(typesOf(play([invited(0), cancelled(5), ringing(6), failed(7, 487)]).events)).toBe('started ended')
  })

  test('a cancelled call whose 487 is lost ends when the caller gave up', () => {
    const events = playAndExpire([invited(0), ringing(1), cancelled(5)], 32_005)
    expect(lastOf(events)).toMatchObject({
      outcome: { status: 'abandoned', reason: 'caller-hung-up', sipCode: null },
      endedAt: 5,
    })
  })
})

describe('challenges', () => {
  test.each([401, 407, 422])('after a %i the call goes on with the next INVITE', code => {
    const { events } = play([invited(0), failed(1, code), invited(2), ringing(3), answered(4), hungup(5)])
    expect(typesOf(events)).toBe('started ringing answered ended')
    expect(events.at(-1)?.call.startedAt).toBe(0)
  })

  test('the next INVITE may carry another From tag', () => {
    const again = script('a84b4c76e66710@pbx.example', 'second tag')
    const { events } = play([invited(0), failed(1, 401), again.invited(2), again.answered(3), again.hungup(4)])
    expect(typesOf(events)).toBe('started answered ended')
  })

  test('a refusal after the credentials ends the call', () => {
    expect(lastOf(play([invited(0), failed(1, 407), invited(2), failed(3, 403)]).events).outcome?.reason).toBe('rejected')
  })

  test('a first INVITE or a 401 that is seen again does not undo the second try', () => {
    const { call, ignored } = play([invited(0), failed(1, 401), invited(0), invited(2), failed(1, 401)])
    expect(call?.phase.kind).toBe('inviting')
    expect(ignored).toEqual([null, null, 'stale', null, 'stale'])
  })

  test('a second INVITE that was lost is told by its answer', () => {
    expect(typesOf(play([invited(0), failed(1, 401), ringing(3), answered(4)]).events)).toBe('started ringing answered')
  })

  test('a challenge nobody answers ends as failed', () => {
    const events = playAndExpire([invited(0), failed(1, 407)], 32_001)
    expect(lastOf(events)).toMatchObject({ outcome: { status: 'missed', reason: 'failed', sipCode: 407 }, endedAt: 32_001 })
  })
})

describe('expiry', () => {
  test.each([
    ['nothing but the INVITE', [invited(0)], 'missed'],
    ['ringing for ever', [invited(0), ringing(1)], 'missed'],
    ['a lost BYE', [invited(0), answered(5)], 'connected'],
  ] as const)('%s ends as lost-signalling', (_, signals, status) => {
    const events = playAndExpire(signals, 14_400_000)
    expect(lastOf(events)).toMatchObject({ outcome: { status, reason: 'lost-signalling' }, endedAt: 14_400_000 })
  })

  test('an ended call does not expire', () => {
    const { call } = play([invited(0), failed(1, 486)])
    expect(expire(known(call), 99, office)).toEqual({ call, events: [], ignored: 'already-ended' })
  })
})

describe('what a call is known by', () => {
  test('keys of every source that saw it are kept, each once, and bounded', () => {
    const named = (...keys: readonly string[]) => keys.map(key => ({ key, reason: 'header X-Unique-ID' }))
    const many = named(...Array.from({ length: 100 }, (_, n) => `unique:${n}`))
    const first = play([invited(0, '1001', '1002', null, named('unique:1795329426.4'))])
    expect(first.call?.keys).toEqual(['sip:a84b4c76e66710@pbx.example', 'unique:1795329426.4'])
    const more = play([invited(0, '1001', '1002', null, named('unique:1795329426.4', 'linkedid:7'))], first.call)
    expect(more.call?.keys).toEqual(['sip:a84b4c76e66710@pbx.example', 'unique:1795329426.4', 'linkedid:7'])
    expect(play([invited(0, '1001', '1002', null, many)], more.call).call?.keys.length).toBe(64)
  })

  test('a repeated signal leaves the very same object', () => {
    const { call } = play([invited(0), ringing(1), answered(2)])
    expect(play([invited(0), answered(2), cancelled(1)], call).call).toBe(call)
  })
})

describe('a captured call of an Asterisk 22, held and resumed by its caller', () => {
  test('is told with the times of the wire', () => {
    const leg = script('1-6672@127.0.0.1', '6672SIPpTag001')
    const t = 1_795_329_544_000
    const { events } = play([
      leg.invited(t + 855, '1001', '1002', null),
      leg.ringing(t + 860.554, 'as5d'),
      leg.answered(t + 1364.854, 'as5d'),
      leg.held(t + 4372.016, 'caller', 'as5d'),
      leg.resumed(t + 7380.479, 'caller', 'as5d'),
      leg.hungup(t + 9388, 'caller', 'as5d', 16),
    ])
    expect(typesOf(events)).toBe('started ringing answered held resumed ended')
    const call = lastOf(events)
    expect(call.direction).toBe('internal')
    expect(call.agents).toEqual([alice, bob])
    expect(call.durationMs).toBeCloseTo(8023.146, 1)
    expect(call.holdMs).toBeCloseTo(3008.463, 1)
  })
})
