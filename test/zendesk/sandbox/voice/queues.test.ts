import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { closeDatabase, openDatabase } from '../../../../src/zendesk/sandbox/database.ts'
import { Calls } from '../../../../src/zendesk/sandbox/voice/calls/call-log.ts'
import { queueAnalytics } from '../../../../src/zendesk/sandbox/voice/queues/analytics.ts'
import { Queues } from '../../../../src/zendesk/sandbox/voice/queues/queues.ts'
import { CallRouting } from '../../../../src/zendesk/sandbox/voice/queues/routing.ts'
import { queueCapacity } from '../../../../src/zendesk/wire/queue.ts'
import { askingSandbox, at, eventOf } from './asking.ts'

const waiting = { queue: 'support', agents: [] }
const error = { error: 'Agent not available', description: 'Agent is on call or unavailable' }

/** The sandbox's own parts on a database in memory: thousands of calls without as many requests. */
function queuesInMemory() {
  const db = openDatabase(':memory:')
  const [calls, routing, queues] = [new Calls(db), new CallRouting(db), new Queues(db)]
  return {
    queues,
    analytics: (id: number) => queueAnalytics(db, id),
    report({ phone_call_event: event }: ReturnType<typeof eventOf>) {
      const { callId, newest } = calls.apply(event, 0)
      return newest ? routing.follow(callId, event) : null
    },
    close: () => closeDatabase(db),
  }
}

describe('queues', () => {
  it('are made, changed, listed and deleted, each name once', async () => {
    const { post, put, get, ask, delete: remove } = await askingSandbox()
    const { status, body } = await post('/phone_queues', { phone_queue: { name: 'support', members: [7, 8], max_wait_time: 60 } })
    expect([status, body.phone_queue]).toMatchObject([
      201,
      { id: 1, members: [7, 8], overflow_action: 'hangup', overflow_target: null },
    ])
    expect((await post('/phone_queues', { phone_queue: { name: 'support' } })).status).toBe(409)
    const changed = await put('/phone_queues/1', { phone_queue: { overflow_action: 'agent', overflow_target: 'agent-9' } })
    expect(changed.body.phone_queue).toMatchObject({ name: 'support', members: [7, 8], overflow_target: 'agent-9' })
    expect(await get('/phone_queues')).toMatchObject({ count: 1, phone_queues: [{ id: 1 }], next_page: null })
    expect((await remove('/phone_queues/1')).status).toBe(204)
    expect((await ask('GET', '/phone_queues/1')).status).toBe(404)
  })

  it.each([
    [{ overflow_action: 'queue', overflow_target: 'queue-9' }],
    [{ overflow_action: 'queue', overflow_target: null }],
    [{ overflow_action: 'number', overflow_target: '+0' }],
    [{ overflow_action: 'agent', overflow_target: 'queue-1' }],
    [{ overflow_action: 'hangup', overflow_target: 'agent-1' }],
  ])('are refused with %j', async overflow => {
    const { post } = await askingSandbox()
    const { status, body } = await post('/phone_queues', { phone_queue: { name: 'support', ...overflow } })
    expect([status, Object.keys(body.details)]).toEqual([422, ['phone_queue.overflow_target']])
  })

  it('have members, each once, with their status', async () => {
    const { post, put, get, delete: remove } = await askingSandbox()
    await post('/phone_queues', { phone_queue: { name: 'support' } })
    await put('/agents/7/phone_status', { status: 'available' })
    for (const agent_id of [7, 8, 7]) {
      expect((await post('/phone_queues/1/members', { member: { agent_id } })).status).toBe(201)
    }
    const members = [
      { agent_id: 7, status: 'available' },
      { agent_id: 8, status: 'unavailable' },
    ]
    expect(await get('/phone_queues/1/members')).toEqual({ members, count: 2 })
    expect((await remove('/phone_queues/1/members/7')).status).toBe(204)
    expect((await remove('/phone_queues/1/members/7')).status).toBe(404)
    expect((await get('/phone_queues/1')).phone_queue.members).toEqual([8])
  })

  it('stay while something leads to them, or somebody waits', async () => {
    const { post, put, report, delete: remove } = await askingSandbox()
    await post('/phone_queues', { phone_queue: { name: 'support' } })
    const refusal = async () => {
      const { status, body } = await remove('/phone_queues/1')
      expect(status).toBe(409)
      return /in use by (.+):/.exec(body.description)?.[1]
    }
    await report(eventOf('c1', 1, 'call.started', waiting))
    expect(await refusal()).toBe('phone call 1')
    await report(eventOf('c1', 2, 'call.ended', { ...waiting, ended_at: at(2), status: 'abandoned' }))
    await post('/phone_queues', { phone_queue: { name: 'b', overflow_action: 'queue', overflow_target: 'queue-1' } })
    expect(await refusal()).toBe('queue 2')
    await put('/phone_queues/2', { phone_queue: { overflow_action: 'hangup', overflow_target: null } })
    const options = [{ digit: '1', label: 'Support', action: 'transfer', target_id: 'queue-1' }]
    await post('/phone_ivr_menus', { ivr_menu: { greeting: 'Hello', options } })
    expect(await refusal()).toBe('IVR menu 1')
    await put('/phone_ivr_menus/1', { ivr_menu: { options: [] } })
    expect((await remove('/phone_queues/1')).status).toBe(204)
  })
})

describe('a waiting call', () => {
  it('goes to the first available member, and the next call to the next one', async () => {
    const { post, put, report } = await askingSandbox()
    await post('/phone_queues', { phone_queue: { name: 'support', members: [7, 8, 9] } })
    for (const id of [8, 9]) await put(`/agents/${id}/phone_status`, { status: 'available' })
    const answers = []
    for (const id of ['c1', 'c2', 'c3']) answers.push((await report(eventOf(id, 1, 'call.started', waiting))).routing)
    expect(answers).toEqual([
      { kind: 'agent', agent_id: 8 },
      { kind: 'agent', agent_id: 9 },
      { kind: 'queued', queue_id: 1, position: 1, ...error },
    ])
    // Its own agent stays its own, and who talks is nobody else's.
    expect((await report(eventOf('c1', 2, 'call.ringing', waiting))).routing).toEqual(answers[0])
    const agents = [{ id: 8, extension: '8', name: 'Eve' }]
    await report(eventOf('c1', 3, 'call.answered', { ...waiting, agents, answered_at: at(3) }))
    expect((await report(eventOf('c3', 2, 'call.ringing', waiting))).routing).toEqual(answers[2])
    await report(eventOf('c1', 4, 'call.ended', { ...waiting, agents, answered_at: at(3), ended_at: at(4) }))
    expect((await report(eventOf('c3', 3, 'call.ringing', waiting))).routing).toEqual({ kind: 'agent', agent_id: 8 })
  })

  it('lets those before it go first', async () => {
    const { post, put, report } = await askingSandbox()
    await post('/phone_queues', { phone_queue: { name: 'support', members: [7] } })
    await report(eventOf('c1', 1, 'call.started', waiting))
    await put('/agents/7/phone_status', { status: 'available' })
    const second = await report(eventOf('c2', 1, 'call.started', waiting))
    expect(second.routing).toEqual({ kind: 'queued', queue_id: 1, position: 2 })
    expect((await report(eventOf('c1', 2, 'call.ringing', waiting))).routing).toEqual({ kind: 'agent', agent_id: 7 })
  })

  it('is in the queue its number leads to, unless the number or its line is switched off', async () => {
    const { post, put, report, get } = await askingSandbox()
    await post('/phone_lines', { phone_line: { name: 'Main' } })
    await post('/phone_queues', { phone_queue: { name: 'support' } })
    await post('/phone_numbers', { phone_number: { number: '+14155550199', phone_line_id: 1 } })
    await put('/phone_numbers/1/ivr', { ivr: { enabled: false, menu_id: null, queue_id: 1 } })
    const call = { to: '+14155550199', agents: [] }
    const routed = async (id: string) => (await report(eventOf(id, 1, 'call.started', call))).routing?.kind
    expect(await routed('c1')).toBe('queued')
    await put('/phone_numbers/1', { phone_number: { enabled: false } })
    expect(await routed('c2')).toBeUndefined()
    await put('/phone_numbers/1', { phone_number: { enabled: true } })
    await put('/phone_lines/1', { phone_line: { enabled: false } })
    expect(await routed('c3')).toBeUndefined()
    expect((await report(eventOf('c4', 1, 'call.started', { queue: 'nobody', agents: [] }))).routing).toBeUndefined()
    expect((await get('/phone_queues/1/analytics')).max_queue_depth).toBe(1)
  })

  it('overflows when it has waited too long', async () => {
    const { post, report, get } = await askingSandbox()
    await post('/phone_queues', { phone_queue: { name: 'support', max_wait_time: 30, overflow_action: 'voicemail' } })
    await report(eventOf('c1', 1, 'call.started', waiting))
    const { routing } = await report(eventOf('c1', 2, 'call.ringing', waiting, 31))
    expect(routing).toEqual({ kind: 'overflow', action: 'voicemail', target: null })
    // It is not in the queue any more, whatever its last event calls it.
    await report(eventOf('c1', 3, 'call.ended', { ...waiting, ended_at: at(40), status: 'missed' }))
    expect(await get('/phone_queues/1/analytics')).toMatchObject({ abandoned_calls: 0, success_rate: null })
  })

  it('finds room for 1,000, and then goes where the queue overflows to', () => {
    const memory = queuesInMemory()
    memory.queues.create({ name: 'second' }, 0)
    memory.queues.create({ name: 'support', overflow_action: 'queue', overflow_target: 'queue-1' }, 0)
    for (let n = 0; n < queueCapacity; n += 1) {
      expect(memory.report(eventOf(`c${n}`, 1, 'call.started', waiting))).toMatchObject({ kind: 'queued', position: n + 1 })
    }
    expect(memory.report(eventOf('one more', 1, 'call.started', waiting))).toEqual({
      kind: 'overflow',
      action: 'queue',
      target: 'queue-1',
    })
    memory.report(eventOf('one more', 2, 'call.answered', { ...waiting, answered_at: at(2) }))
    expect(memory.analytics(1)).toMatchObject({ max_queue_depth: 1, success_rate: 100 })
    expect(memory.analytics(2)).toMatchObject({ max_queue_depth: queueCapacity, success_rate: null })
    // Somebody gives up, so there is room again.
    memory.report(eventOf('c0', 2, 'call.ended', { ...waiting, ended_at: at(5), status: 'abandoned' }))
    expect(memory.report(eventOf('another', 1, 'call.started', waiting, 6))).toMatchObject({ position: queueCapacity })
    memory.close()
  })

  it('never goes round between queues that overflow into each other', () => {
    const memory = queuesInMemory()
    memory.queues.create({ name: 'support', max_wait_time: 0 }, 0)
    memory.queues.create({ name: 'b', max_wait_time: 0, overflow_action: 'queue', overflow_target: 'queue-1' }, 0)
    memory.queues.change(1, { overflow_action: 'queue', overflow_target: 'queue-2' }, 0)
    memory.report(eventOf('c1', 1, 'call.started', waiting, 0))
    expect(memory.report(eventOf('c1', 2, 'call.ringing', waiting, 9))).toMatchObject({ kind: 'overflow' })
    expect(memory.report(eventOf('c1', 3, 'call.ringing', waiting, 20))).toMatchObject({ target: 'queue-1' })
    expect(memory.report(eventOf('c1', 4, 'call.ringing', waiting, 30))).toBeNull()
    memory.close()
  })
})

describe('analytics', () => {
  it('are nothing before there was a call', async () => {
    const { post, get, ask } = await askingSandbox()
    await post('/phone_queues', { phone_queue: { name: 'support' } })
    expect(await get('/phone_queues/1/analytics')).toEqual({
      average_wait_time: null,
      max_queue_depth: 0,
      abandoned_calls: 0,
      success_rate: null,
    })
    expect((await ask('GET', '/phone_queues/2/analytics')).status).toBe(404)
  })

  it('are what happened, in whatever order it was told', () => {
    const call = fc.record({ from: fc.nat(300), waits: fc.integer({ min: 1, max: 300 }), answered: fc.boolean() })
    const story = fc.array(call, { minLength: 1, maxLength: 12 }).chain(calls =>
      fc.record({
        calls: fc.constant(calls),
        order: fc.shuffledSubarray(
          calls.flatMap((_, n) => [1, 2].map(sequence => ({ n, sequence }))),
          { minLength: calls.length * 2 },
        ),
      }),
    )
    fc.assert(
      fc.property(story, ({ calls, order }) => {
        const memory = queuesInMemory()
        memory.queues.create({ name: 'support' }, 0)
        for (const { n, sequence } of order) {
          const { from, waits, answered } = calls[n] ?? { from: 0, waits: 0, answered: false }
          const started = { ...waiting, started_at: at(from) }
          const left = at(from + waits)
          const over = answered ? { answered_at: left } : { ended_at: left, status: 'missed' as const }
          if (sequence === 1) memory.report(eventOf(`c${n}`, 1, 'call.started', started, from))
          else
            memory.report(eventOf(`c${n}`, 2, answered ? 'call.answered' : 'call.ended', { ...started, ...over }, from + waits))
        }
        const depthAt = (moment: number) => calls.filter(({ from, waits }) => from <= moment && moment < from + waits).length
        const total = calls.reduce((sum, { waits }) => sum + waits, 0)
        const answered = calls.filter(one => one.answered).length
        const shown = memory.analytics(1)
        memory.close()
        expect(shown).toEqual({
          average_wait_time: Math.round(total / calls.length),
          max_queue_depth: Math.max(...calls.map(({ from }) => depthAt(from))),
          abandoned_calls: calls.length - answered,
          success_rate: expect.closeTo((answered / calls.length) * 100, 1),
        })
      }),
      { numRuns: 40 },
    )
  })
})
