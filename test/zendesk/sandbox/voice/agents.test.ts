import { describe, expect, it } from 'vitest'
import { askingSandbox, at, eventOf } from './asking.ts'

const path = '/agents/35436/phone_status'
const answered = { answered_at: at(2) }
const ended = { ...answered, ended_at: at(9), status: 'connected', reason: 'completed', duration: 7 } as const

describe("an agent's status", () => {
  it('is unavailable while nobody has set it, and then what was set', async () => {
    const { get, put, ask } = await askingSandbox()
    expect(await get(path)).toEqual({ agent_id: 35436, status: 'unavailable', updated_at: null })
    const set = await put(path, { status: 'available' })
    expect([set.status, set.body]).toMatchObject([200, { status: 'available', updated_at: expect.any(String) }])
    expect(await get(path)).toEqual(set.body)
    expect((await put(path, { status: 'asleep' })).status).toBe(422)
    expect((await ask('GET', '/agents/nobody/phone_status')).status).toBe(404)
  })

  it('is on_call from answer to end, and then what it was', async () => {
    const { get, put, report } = await askingSandbox()
    await put(path, { status: 'available' })
    await report(eventOf('c1', 1, 'call.started'))
    expect((await get(path)).status).toBe('available')
    await report(eventOf('c1', 2, 'call.answered', answered))
    expect((await get(path)).status).toBe('on_call')
    await report(eventOf('c1', 3, 'call.ended', ended))
    expect((await get(path)).status).toBe('available')
  })

  it('is the later word of the one who sets it, but never available while talking', async () => {
    const { get, put, report } = await askingSandbox()
    await report(eventOf('c1', 2, 'call.answered', answered))
    const refused = await put(path, { status: 'available' })
    expect([refused.status, refused.body]).toEqual([
      409,
      { error: 'Agent not available', description: 'Agent is on call or unavailable' },
    ])
    expect((await put(path, { status: 'after_call_work' })).status).toBe(200)
    expect((await get(path)).status).toBe('after_call_work')
    await report(eventOf('c1', 3, 'call.ended', ended))
    expect((await put(path, { status: 'available' })).status).toBe(200)
  })

  it('does not go back to a call that has ended when an earlier event of it comes late', async () => {
    const { get, report } = await askingSandbox()
    await report(eventOf('c1', 3, 'call.ended', ended))
    await report(eventOf('c1', 2, 'call.answered', answered))
    expect((await get(path)).status).toBe('unavailable')
  })

  it('lasts until the last of several calls has ended', async () => {
    const { get, report } = await askingSandbox()
    for (const call of ['c1', 'c2']) await report(eventOf(call, 2, 'call.answered', answered))
    await report(eventOf('c1', 3, 'call.ended', ended))
    expect((await get(path)).status).toBe('on_call')
    await report(eventOf('c2', 3, 'call.ended', ended))
    expect((await get(path)).status).toBe('unavailable')
  })

  it('is free again once its own phone has left a call that goes on', async () => {
    const { get, report } = await askingSandbox()
    const event = eventOf('c1', 2, 'call.answered', answered)
    const [leg] = event.phone_call_event.call.legs
    const legsOf = (ended_at: string | null) => ({ ...answered, legs: leg ? [{ ...leg, answered_at: at(2), ended_at }] : [] })
    await report(eventOf('c1', 2, 'call.answered', legsOf(null)))
    expect((await get(path)).status).toBe('on_call')
    await report(eventOf('c1', 3, 'call.transferred', legsOf(at(5))))
    expect((await get(path)).status).toBe('unavailable')
  })
})
