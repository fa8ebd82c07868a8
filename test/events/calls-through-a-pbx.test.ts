/** What a person would tell of the calls that a PBX makes of several SIP calls. Times are in seconds here. */
import { describe, expect, test } from 'vitest'
import { maxSipCalls } from '../../src/events/bounds.ts'
import type { CallSignal } from '../../src/events/signal.ts'
import { alice, bob, script as inMs, lastOf, tie, typesOf } from './office.ts'
import { WatchedOffice } from './watched-office.ts'

type Script = ReturnType<typeof inMs>

/** The same script with times in seconds. */
function script(sipCallId: string): Script {
  return inMs(sipCallId, `tag of ${sipCallId}`)
}
const inSeconds = (signals: readonly CallSignal[]): readonly CallSignal[] =>
  signals.map(signal => ({ ...signal, at: signal.at * 1000 }))

function told(...signals: readonly CallSignal[]): WatchedOffice {
  return new WatchedOffice().see(...inSeconds(signals))
}

const customer = '4155550100'
const line = '4155559000'
const [inbound, first, second, third, outbound] = [
  script('from-carrier'),
  script('to-first'),
  script('to-second'),
  script('to-third'),
  script('to-carrier'),
]
/** Alice took the customer's call, and is on her phone with her PBX since 5 s. */
const withAlice: readonly CallSignal[] = [
  inbound.invited(0, customer, line),
  first.called(1, customer, '1001'),
  first.ringing(2),
  first.answered(5),
  inbound.answered(5),
]

describe('a call into a queue', () => {
  const queued = [
    inbound.invited(0, customer, line),
    inbound.answered(0),
    first.called(10, customer, '1001'),
    first.ringing(11),
    first.answered(40),
    first.hungup(100),
    inbound.hungup(100, 'callee'),
  ]

  test('waits until an agent answers, though the PBX did at once; the agent is named', () => {
    const { events, calls } = told(...queued)
    expect(calls).toHaveLength(1)
    expect(typesOf(events)).toBe('started answered ringing answered ended')
    expect(events.map(({ call }) => call.agents.map(({ name }) => name).join())).toEqual(['', '', 'Alice', 'Alice', 'Alice'])
    expect(lastOf(events)).toMatchObject({
      direction: 'inbound',
      waitMs: 40_000,
      durationMs: 60_000,
      agents: [alice],
      outcome: { status: 'connected', reason: 'completed' },
    })
  })

  test('is answered once where the PBX answers as it calls the agent', () => {
    const [invited, answered, called, ...rest] = queued
    if (invited === undefined || answered === undefined || called === undefined) throw new Error('a queue')
    const { events } = told(invited, { ...called, at: 0 }, answered, ...rest)
    expect(typesOf(events)).toBe('started ringing answered ended')
    expect(lastOf(events)).toMatchObject({ waitMs: 40_000, agents: [alice] })
  })

  test('is abandoned when its caller hangs up while a phone rings', () => {
    const { events } = told(...queued.slice(0, 4), inbound.hungup(30), first.cancelled(30), first.failed(30, 487))
    expect(typesOf(events)).toBe('started answered ringing ended')
    expect(lastOf(events)).toMatchObject({
      answeredAt: null,
      durationMs: 0,
      waitMs: 30_000,
      outcome: { status: 'abandoned', reason: 'caller-hung-up' },
    })
  })

  test('that only an announcement answers stays the one who answered where no phone is seen', () => {
    const { events } = told(inbound.invited(0, customer, line), inbound.answered(0), inbound.hungup(20))
    expect(typesOf(events)).toBe('started answered ended')
  })
})

describe('a ring group', () => {
  test('of three phones is one call; two are cancelled because the third answered', () => {
    const { events, calls } = told(
      inbound.invited(0, customer, line),
      first.called(1, customer, '1001'),
      second.called(1, customer, '1002'),
      third.called(1, customer, '1003'),
      first.ringing(2),
      second.ringing(2),
      third.ringing(2),
      second.answered(10),
      inbound.answered(10),
      first.cancelled(10, null, true),
      third.cancelled(10, null, true),
      first.failed(10, 487),
      third.failed(10, 487),
      inbound.hungup(60),
      second.hungup(60),
    )
    expect(calls).toHaveLength(1)
    expect(typesOf(events)).toBe('started ringing answered ended')
    expect(lastOf(events)).toMatchObject({ agents: [bob], outcome: { status: 'connected', reason: 'completed' } })
    expect(lastOf(events).legs.map(({ to, sipCode }) => [to.value, sipCode])).toEqual([
      ['+14155559000', 200],
      ['1001', 487],
      ['1002', 200],
      ['1003', 487],
    ])
  })

  test('that a caller leaves as a phone answers was not answered', () => {
    const { events } = told(
      inbound.invited(0, customer, line),
      first.called(1, customer, '1001'),
      first.ringing(2),
      inbound.cancelled(9),
      first.answered(9),
      inbound.failed(9, 487),
      first.hungup(9),
    )
    expect(typesOf(events)).toBe('started ringing ended')
    expect(lastOf(events)).toMatchObject({ outcome: { status: 'abandoned', reason: 'caller-hung-up' } })
  })
})

test('voicemail takes the call that nobody answers', () => {
  const { events } = told(
    inbound.invited(0, customer, line),
    first.called(1, customer, '1001'),
    first.ringing(2),
    first.cancelled(20),
    first.failed(20, 487),
    inbound.answered(20),
    inbound.hungup(50),
  )
  expect(typesOf(events)).toBe('started ringing ended')
  expect(lastOf(events)).toMatchObject({ answeredAt: null, outcome: { status: 'missed', reason: 'voicemail' } })
})

describe('the end of a call', () => {
  test('is told when both its SIP calls are over, whoever hangs up first', () => {
    for (const ends of [
      [inbound.hungup(60), first.hungup(60)],
      [first.hungup(60, 'callee'), inbound.hungup(60, 'callee')],
    ]) {
      const { events } = told(...withAlice, ...ends)
      expect(typesOf(events)).toBe('started ringing answered ended')
      expect(lastOf(events)).toMatchObject({ endedAt: 60_000, outcome: { status: 'connected', reason: 'completed' } })
    }
  })

  test('is when the caller hung up, if nothing tells that the phone did', () => {
    const watched = told(...withAlice, inbound.hungup(60))
    expect(typesOf(watched.wait(69_999).events)).toBe('started ringing answered')
    expect(typesOf(watched.wait(70_000).events)).toBe('started ringing answered ended')
    expect(lastOf(watched.events)).toMatchObject({ endedAt: 60_000, durationMs: 55_000 })
    expect(watched.see(...inSeconds([first.hungup(71)])).events).toHaveLength(4)
  })
})

describe('a blind transfer', () => {
  const referred = [...withAlice, first.referred(30, '1002')]
  const bobTakesIt = [second.called(31, customer, '1002'), second.ringing(32), second.answered(35)]
  const ends = [inbound.hungup(90), second.hungup(90)]
  const transfer = { kind: 'blind', by: { value: '1001' }, to: { value: '1002' } }

  test('is told when its NOTIFY says that it came about', () => {
    const { events, calls } = told(...referred, ...bobTakesIt, first.referEnded(35, 200), first.hungup(36), ...ends)
    expect(calls).toHaveLength(1)
    expect(typesOf(events)).toBe('started ringing answered transferred ended')
    expect(lastOf(events)).toMatchObject({ transfers: [{ ...transfer, at: 35_000 }], agents: [alice, bob], waitMs: 5000 })
  })

  test('is told without a NOTIFY when who asked for it hangs up', () => {
    const { events } = told(...referred, first.hungup(31, 'callee'), ...bobTakesIt, ...ends)
    expect(typesOf(events)).toBe('started ringing answered transferred ended')
    expect(lastOf(events)).toMatchObject({ transfers: [{ ...transfer, at: 31_000 }], agents: [alice, bob] })
  })

  test('that ends a hold is told with it', () => {
    const { events } = told(
      ...withAlice,
      first.held(25, 'callee'),
      first.referred(30, '1002'),
      first.hungup(31, 'callee'),
      ...ends,
    )
    expect(typesOf(events)).toMatch(/^started ringing answered held resumed transferred/)
  })

  test('that is refused is none, and Alice talks on', () => {
    const { events } = told(
      ...referred,
      first.referEnded(31, 100),
      first.referEnded(32, 603),
      first.hungup(60),
      inbound.hungup(60),
    )
    expect(typesOf(events)).toBe('started ringing answered ended')
    expect(lastOf(events)).not.toHaveProperty('transfers')
  })

  test('of a call that Alice made is found by whom her REFER named, though she is gone', () => {
    const watched = told(
      first.invited(0, '1001', customer, null),
      outbound.called(1, line, customer, [], 'pbx'),
      outbound.answered(5),
      first.answered(5),
      first.referred(30, '1002', null, 'caller'),
      second.called(31, customer, '1002'),
    )
    expect(watched.calls).toHaveLength(1)
    expect(watched.of('to-second').unions.at(-1)?.reason).toBe('guess: the PBX calls whom a REFER named')
  })

  test('that is asked for by one who had hung up is none', () => {
    const { events } = told(...withAlice, first.hungup(30), first.referred(31, '1002'), inbound.held(32), inbound.resumed(33))
    expect(typesOf(events)).toBe('started ringing answered held resumed')
  })

  test('that is seen again is told once', () => {
    const seen = [...referred, ...bobTakesIt, first.referEnded(35, 200)]
    expect(typesOf(told(...seen, ...seen).events)).toBe('started ringing answered transferred')
  })
})

describe('an attended transfer', () => {
  const consultation = script('consultation')
  const consulted = [
    ...withAlice,
    first.held(20, 'callee'),
    consultation.invited(21, '1001', '1002', null),
    second.called(22, '1001', '1002'),
    second.ringing(23),
    second.answered(25),
    consultation.answered(25),
  ]

  test('by REFER with Replaces makes one of the two calls that were told', () => {
    const watched = told(...consulted)
    expect(watched.calls).toHaveLength(2)
    watched.see(
      ...inSeconds([
        first.referred(30, '1002', 'consultation'),
        first.referEnded(31, 200),
        first.hungup(31, 'callee'),
        consultation.hungup(31),
        inbound.hungup(90),
        second.hungup(90),
      ]),
    )
    const [goesOn, absorbed] = [watched.eventsOf('from-carrier'), watched.eventsOf('consultation')]
    expect(typesOf(absorbed)).toBe('started ringing answered merged')
    expect(lastOf(absorbed)).toMatchObject({ mergedInto: goesOn[0]?.callId, answeredAt: 25_000, outcome: null })
    expect(typesOf(goesOn)).toBe('started ringing answered held transferred merged resumed ended')
    expect(lastOf(goesOn)).toMatchObject({
      transfers: [{ kind: 'attended', by: { value: '1001' }, to: { value: '1002' } }],
      agents: [alice, bob],
      holdMs: 11_000,
      endedAt: 90_000,
    })
    expect(watched.of('to-second').unions.map(({ reason }) => reason)).toContain('REFER with Replaces')
    expect(watched.open).toBe(0)
  })

  test('that is refused leaves two calls', () => {
    const watched = told(...consulted, first.referred(30, '1002', 'consultation'), first.referEnded(31, 503))
    expect(typesOf(watched.events)).not.toContain('merged')
  })

  test('by INVITE with Replaces makes one of the two calls that were told', () => {
    const replacing = script('replacing')
    const watched = told(
      ...withAlice,
      consultation.invited(21, '1001', '1002', null),
      consultation.answered(25),
      replacing.called(30, customer, '1002', [tie('sip:consultation', 'header Replaces'), tie('sip:from-carrier', 'header X')]),
    )
    const [goesOn, absorbed] = [watched.eventsOf('from-carrier'), watched.eventsOf('consultation')]
    expect([typesOf(goesOn), typesOf(absorbed)]).toEqual(['started ringing answered merged', 'started answered merged'])
    expect(lastOf(absorbed)).toMatchObject({ mergedInto: goesOn[0]?.callId })
    expect(lastOf(goesOn)).not.toHaveProperty('mergedInto')
    expect(watched.of('replacing').sipCalls).toHaveLength(4)
  })
})

describe('names', () => {
  test('of a Session-ID that changes join what comes under the newer one', () => {
    const watched = told(
      inbound.invited(0, customer, line, 'carrier', [tie('session:a')]),
      inbound.tied(1, tie('session:a'), tie('session:b')),
      script('elsewhere').invited(2, '1007', '1008', null, [tie('session:b', 'header Session-ID')]),
    )
    expect(watched.calls).toHaveLength(1)
    expect(watched.of('elsewhere').unions).toEqual([{ sipCallId: 'elsewhere', reason: 'header Session-ID', at: 2000 }])
  })

  test('that come late make one of two calls, and the oldest goes on, whichever of them told', () => {
    const two = [
      inbound.invited(0, customer, line, 'carrier', [tie('unique:1')]),
      first.invited(1, '1007', '1008', null, [tie('unique:2')]),
    ]
    for (const late of [inbound.tied(3, tie('unique:2')), first.tied(3, tie('unique:1'))]) {
      const watched = told(...two, late)
      expect(typesOf(watched.eventsOf('from-carrier'))).toBe('started merged')
      expect(lastOf(watched.eventsOf('to-first')).mergedInto).toBe(watched.of('from-carrier').id)
      expect(watched.of('to-first')).toBe(watched.of('from-carrier'))
    }
  })

  test('of an INVITE that is seen again with more of them count', () => {
    const watched = told(
      inbound.invited(0, customer, line),
      first.invited(1, '1007', '1008', null, [tie('unique:2')]),
      inbound.invited(2, customer, line, 'carrier', [tie('unique:2')]),
    )
    expect(watched.of('to-first')).toBe(watched.of('from-carrier'))
  })

  test('told before the INVITE that they name is heard do not swallow it, and the caller gives the call its name', () => {
    const watched = told(
      first.called(1, customer, '1001', [tie('sip:from-carrier', 'header X-Orig-Call-ID')]),
      inbound.invited(0, customer, line),
      first.answered(5),
      inbound.answered(5),
    )
    expect(lastOf(watched.eventsOf('to-first'))).toMatchObject({ mergedInto: watched.of('from-carrier').id })
    expect(typesOf(watched.eventsOf('from-carrier'))).toBe('started merged answered')
    expect(lastOf(watched.eventsOf('from-carrier'))).toMatchObject({ from: { value: '+14155550100' }, agents: [alice] })
  })

  test('of a SIP call whose call is over stay its own, whoever names it', () => {
    const watched = told(
      inbound.invited(0, customer, line),
      inbound.failed(1, 486),
      first.called(2, customer, '1001', [tie('sip:from-carrier', 'header X-Orig-Call-ID')]),
      inbound.invited(0, customer, line),
    )
    expect(watched.of('from-carrier').phase.kind).toBe('ended')
    expect(watched.of('to-first').keys).toEqual(['sip:to-first'])
    expect(typesOf(watched.eventsOf('from-carrier'))).toBe('started ended')
  })

  test('of a call that is over bind nobody', () => {
    const watched = told(
      inbound.invited(0, customer, line, 'carrier', [tie('unique:1')]),
      inbound.failed(1, 486),
      first.called(2, customer, '1001', [tie('unique:1')]),
    )
    expect(watched.calls).toHaveLength(2)
  })
})

describe('a call that began before anybody listened', () => {
  test('is told at its BYE, as answered', () => {
    const { events } = told(inbound.overheard(50), inbound.hungup(50))
    expect(typesOf(events)).toBe('started answered ended')
    expect(lastOf(events)).toMatchObject({ outcome: { status: 'connected', reason: 'completed' } })
  })

  test('is told at its re-INVITE, and goes on', () => {
    const { events } = told(
      inbound.overheard(50),
      inbound.held(50),
      inbound.overheard(55),
      inbound.resumed(55),
      inbound.hungup(60),
    )
    expect(typesOf(events)).toBe('started answered held resumed ended')
    expect(lastOf(events)).toMatchObject({ holdMs: 5000 })
  })
})

test('a hold by the agent, on the PBX-side leg, holds the call', () => {
  const { events } = told(
    ...withAlice,
    first.held(10, 'callee'),
    first.resumed(16, 'callee'),
    first.hungup(20),
    inbound.hungup(20),
  )
  expect(typesOf(events)).toBe('started ringing answered held resumed ended')
  expect(lastOf(events)).toMatchObject({ holdMs: 6000 })
})

describe('a call out', () => {
  test.each([
    ['a dialling prefix', `9${customer}`, '1001'],
    ['a changed caller number', customer, line],
    ['both', `9${customer}`, line],
  ])('with %s is one call, to whom the PBX called', (_, dialled, shown) => {
    const watched = told(
      first.invited(0, '1001', dialled, null),
      outbound.called(1, shown, customer, [], 'pbx'),
      outbound.ringing(2),
      outbound.answered(9),
      first.answered(9),
      first.hungup(60),
      outbound.hungup(60),
    )
    expect(watched.calls).toHaveLength(1)
    expect(lastOf(watched.events)).toMatchObject({
      direction: 'outbound',
      from: { value: '1001' },
      to: { value: '+14155550100' },
      agents: [alice],
      waitMs: 9000,
    })
    expect(watched.of('to-carrier').unions[0]?.reason).toMatch(/^guess: /)
  })

  test('of a caller whom the PBX forwards is part of the call that came in', () => {
    const watched = told(
      inbound.invited(0, customer, line),
      outbound.called(1, customer, '4155557777', [], 'pbx'),
      outbound.answered(9),
      inbound.answered(9),
      outbound.hungup(60, 'callee'),
      inbound.hungup(60, 'callee'),
    )
    expect(watched.calls).toHaveLength(1)
    expect(lastOf(watched.events)).toMatchObject({
      direction: 'inbound',
      to: { value: '+14155559000' },
      waitMs: 9000,
      agents: [],
    })
  })
})

describe('guesses', () => {
  const [one, other] = [script('one'), script('other')]

  test('tell two calls of one caller apart by whom they call, or make none', () => {
    const watched = told(
      one.invited(0, customer, '1001'),
      other.invited(1, customer, '1002'),
      second.called(2, customer, '1002'),
      first.called(2, customer, '1001'),
    )
    expect(watched.calls).toHaveLength(2)
    expect(watched.of('to-second')).toBe(watched.of('other'))
    expect(watched.of('to-first')).toBe(watched.of('one'))
    const unclear = told(one.invited(0, customer, line), other.invited(1, customer, line), first.called(2, customer, '1001'))
    expect(unclear.of('to-first').unions).toEqual([])
  })

  test('join no callers who hide their numbers', () => {
    const hidden = 'anonymous'
    const watched = told(one.invited(0, hidden, line), second.called(1, hidden, '1002'), third.called(2, hidden, '1003'))
    expect(watched.calls).toHaveLength(3)
    expect(told(one.invited(0, hidden, line), second.called(10, hidden, line)).calls).toHaveLength(2)
  })

  test('take nobody out of a talk', () => {
    expect(told(...withAlice, second.called(30, customer, '1002')).calls).toHaveLength(2)
  })
})

describe('a call of very many SIP calls', () => {
  const many = Array.from({ length: 3 * maxSipCalls }, (_, n) => script(`try-${n}`))

  test('keeps its caller and the newest tries, and every later word of theirs finds it', () => {
    const tries = many.flatMap((leg, n) => [
      leg.called(10 * n + 1, customer, '1001', [tie('unique:1'), tie(`session:${n}`)]),
      leg.ringing(10 * n + 2),
      leg.failed(10 * n + 9, 480),
    ])
    const watched = told(inbound.invited(0, customer, line, 'carrier', [tie('unique:1')]), inbound.answered(0), ...tries)
    expect(watched.calls).toHaveLength(1)
    const call = watched.of(`try-${many.length - 1}`)
    expect(call.sipCalls).toHaveLength(maxSipCalls)
    expect(call.sipCalls[0]?.sipCallId).toBe('from-carrier')
    expect(call.keys.length).toBeLessThanOrEqual(64)
    expect(call.keys).toContain('unique:1')
    watched.see(
      ...inSeconds([
        first.called(2000, customer, '1001', [tie('unique:1')]),
        first.answered(2010),
        first.hungup(2060),
        inbound.hungup(2060),
      ]),
    )
    expect(lastOf(watched.events)).toMatchObject({ waitMs: 2_010_000, outcome: { status: 'connected' } })
    expect(watched.calls).toHaveLength(1)
  })

  test('that all ring takes no more than it may, and tells of the others as of no call', () => {
    const watched = told(
      inbound.invited(0, customer, line, 'carrier', [tie('unique:1')]),
      ...many.map(leg => leg.called(1, customer, '1001', [tie('unique:1')])),
      ...many.map(leg => leg.cancelled(2)),
      ...many.map(leg => leg.failed(2, 487)),
      inbound.failed(2, 486),
    )
    expect(watched.calls).toHaveLength(1)
    expect(typesOf(watched.events)).toBe('started ended')
    expect(watched.steps.filter(({ step }) => step.ignored === 'too-many-legs')).toHaveLength(many.length - maxSipCalls + 1)
  })
})
