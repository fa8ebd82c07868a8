import { expect } from 'vitest'
import type { NewQueue, Queue } from '../../../src/zendesk/wire/queue.ts'
import { endpoint, type FeatureSection, property, value } from './row.ts'
import type { World } from './world.ts'

const queueOf = (world: World, more: Partial<NewQueue> = {}): Promise<Queue> =>
  world.client.queues.create({ name: world.name('queue'), ...more }, world.signal)
const numberOf = (world: World) => world.client.phoneNumbers.create({ number: world.number() }, world.signal)

/** The menu of the documentation, with queues that exist. */
async function menuOf(world: World) {
  const [sales, support] = [await queueOf(world), await queueOf(world)]
  return {
    name: world.name('menu'),
    greeting: 'Thank you for calling...',
    options: [
      { digit: '1', label: 'Sales', action: 'transfer' as const, target_id: `queue-${sales.id}` },
      { digit: '2', label: 'Support', action: 'transfer' as const, target_id: `queue-${support.id}` },
      { digit: '0', label: 'Operator', action: 'transfer' as const, target_id: 'agent-789' },
    ],
    repeat_message: 'Press 1 for sales, 2 for support',
    invalid_message: 'Invalid option, please try again',
  }
}
const createdMenu = async (world: World) => world.client.ivr.createMenu(await menuOf(world), world.signal)

export const ivr: FeatureSection = {
  title: 'IVR',
  rows: [
    endpoint('GET /phone_numbers/{id}/ivr', 'shows what a number does with calls; nothing at first', async world => {
      const { id } = await numberOf(world)
      const settings = await world.client.ivr.settings(id, world.signal)
      expect(settings).toMatchObject({ phone_number_id: id, enabled: false, menu_id: null, queue_id: null })
      await expect(world.client.ivr.settings(999_999, world.signal)).rejects.toMatchObject({ status: 404 })
    }),
    endpoint('PUT /phone_numbers/{id}/ivr', 'leads a number to a menu and a queue that exist', async world => {
      const { id } = await numberOf(world)
      const [menu, queue] = [await createdMenu(world), await queueOf(world)]
      const change = { enabled: true, menu_id: menu.id, queue_id: queue.id }
      expect(await world.client.ivr.configure(id, change, world.signal)).toMatchObject(change)
      expect(await world.client.ivr.settings(id, world.signal)).toMatchObject(change)
      const nowhere = world.client.ivr.configure(id, { enabled: true, menu_id: 999_999 }, world.signal)
      await expect(nowhere).rejects.toMatchObject({ status: 422, details: { 'ivr.menu_id': expect.anything() } })
    }),
    endpoint('POST /phone_ivr_menus', 'creates a menu once for each key', async world => {
      const menu = await menuOf(world)
      const key = { idempotencyKey: `menu-${world.unique()}` }
      const first = await world.client.ivr.createMenu(menu, world.signal, key)
      expect(first).toMatchObject(menu)
      expect(await world.client.ivr.createMenu(menu, world.signal, key)).toEqual(first)
    }),
    endpoint('GET /phone_ivr_menus/{id}', 'shows one menu, and 404 where there is none', async world => {
      const menu = await createdMenu(world)
      expect(await world.client.ivr.menu(menu.id, world.signal)).toEqual(menu)
      await expect(world.client.ivr.menu(999_999, world.signal)).rejects.toMatchObject({ status: 404 })
    }),
    endpoint('PUT /phone_ivr_menus/{id}', 'changes what is given and keeps the rest', async world => {
      const menu = await createdMenu(world)
      const changed = await world.client.ivr.updateMenu(menu.id, { greeting: 'Bonjour' }, world.signal)
      expect(changed).toMatchObject({ greeting: 'Bonjour', options: menu.options })
    }),
    property('greeting', 'is what a caller hears first', async world => {
      expect(await createdMenu(world)).toMatchObject({ greeting: 'Thank you for calling...' })
    }),
    property('options', 'are what the keys do', async world => {
      expect((await createdMenu(world)).options).toHaveLength(3)
    }),
    property('digit', 'is a key of a telephone, each at most once', async world => {
      const menu = await menuOf(world)
      const option = { label: 'x', action: 'hangup' as const, target_id: null }
      const twice = { ...menu, options: ['1', '1'].map(digit => ({ ...option, digit })) }
      await expect(world.client.ivr.createMenu(twice, world.signal)).rejects.toMatchObject({ status: 422 })
      const none = { ...menu, options: [{ ...option, digit: '12' }] }
      await expect(world.client.ivr.createMenu(none, world.signal)).rejects.toMatchObject({ status: 422 })
      const all = { ...menu, options: [...'0123456789*#'].map(digit => ({ ...option, digit })) }
      expect((await world.client.ivr.createMenu(all, world.signal)).options).toHaveLength(12)
    }),
    property('label', 'names the choice', async world => {
      expect((await createdMenu(world)).options.map(({ label }) => label)).toEqual(['Sales', 'Support', 'Operator'])
    }),
    property('action', 'is transfer, menu, voicemail, repeat or hangup', async world => {
      const options = [
        { digit: '1', label: 'Leave a message', action: 'voicemail' as const, target_id: '1002' },
        { digit: '2', label: 'Again', action: 'repeat' as const, target_id: null },
        { digit: '3', label: 'End', action: 'hangup' as const, target_id: null },
        { digit: '4', label: 'More', action: 'menu' as const, target_id: `menu-${(await createdMenu(world)).id}` },
      ]
      const menu = { ...(await menuOf(world)), options }
      expect(await world.client.ivr.createMenu(menu, world.signal)).toMatchObject({ options })
    }),
    property('target_id', 'names a queue, an agent or a menu that exists', async world => {
      const menu = await menuOf(world)
      const options = [{ digit: '1', label: 'x', action: 'transfer' as const, target_id: 'queue-999999' }]
      await expect(world.client.ivr.createMenu({ ...menu, options }, world.signal)).rejects.toMatchObject({ status: 422 })
    }),
    property('repeat_message', 'is what a caller hears who waits', async world => {
      expect(await createdMenu(world)).toMatchObject({ repeat_message: 'Press 1 for sales, 2 for support' })
    }),
    property('invalid_message', 'is what a caller hears who presses another key', async world => {
      expect(await createdMenu(world)).toMatchObject({ invalid_message: 'Invalid option, please try again' })
    }),
  ],
}

export const agentStatus: FeatureSection = {
  title: 'Agent status',
  rows: [
    endpoint('GET /agents/{id}/phone_status', 'is unavailable until somebody sets it', async world => {
      const id = world.agentId()
      const status = await world.client.agentStatuses.get(id, world.signal)
      expect(status).toEqual({ agent_id: id, status: 'unavailable', updated_at: null })
    }),
    endpoint('PUT /agents/{id}/phone_status', 'sets it', async world => {
      const id = world.agentId()
      await world.client.agentStatuses.set(id, 'available', world.signal)
      expect(await world.client.agentStatuses.get(id, world.signal)).toMatchObject({ agent_id: id, status: 'available' })
    }),
    value('available', 'ready to take calls: a waiting call is routed to such an agent', async world => {
      const agent = world.agentId()
      await world.client.agentStatuses.set(agent, 'available', world.signal)
      const queue = await queueOf(world, { members: [agent] })
      const call = await world.ring({ queue: queue.name })
      expect(call.accepted).toMatchObject({ routing: { kind: 'agent', agent_id: agent } })
    }),
    value('unavailable', 'not taking calls: a call waits', async world => {
      const agent = world.agentId()
      await world.client.agentStatuses.set(agent, 'unavailable', world.signal)
      const queue = await queueOf(world, { members: [agent] })
      const { accepted } = await world.ring({ queue: queue.name })
      expect(accepted).toMatchObject({ routing: { kind: 'queued', position: 1, error: 'Agent not available' } })
    }),
    value('on_call', 'what a call makes of an agent who answers it', async world => {
      const agent = { id: world.agentId(), extension: '1001', name: 'Alice' }
      await world.client.agentStatuses.set(agent.id, 'available', world.signal)
      const call = await world.ring({ agents: [agent] })
      await call.answer()
      expect(await world.client.agentStatuses.get(agent.id, world.signal)).toMatchObject({ status: 'on_call' })
      await call.end()
      expect(await world.client.agentStatuses.get(agent.id, world.signal)).toMatchObject({ status: 'available' })
    }),
    value('after_call_work', 'processing a call', async world => {
      const id = world.agentId()
      expect(await world.client.agentStatuses.set(id, 'after_call_work', world.signal)).toMatchObject({
        status: 'after_call_work',
      })
    }),
  ],
}

export const queues: FeatureSection = {
  title: 'Call routing',
  rows: [
    endpoint('GET /phone_queues', 'lists every queue, page by page', async world => {
      const [one, two] = [await queueOf(world), await queueOf(world)]
      const ids = []
      for await (const { id } of world.client.queues.list({ limit: 1 }, world.signal)) ids.push(id)
      expect(ids).toEqual(expect.arrayContaining([one.id, two.id]))
    }),
    endpoint('POST /phone_queues', 'creates a queue, each name once', async world => {
      const { name } = await queueOf(world)
      await expect(world.client.queues.create({ name }, world.signal)).rejects.toMatchObject({ status: 409 })
    }),
    endpoint('GET /phone_queues/{id}', 'shows one queue, and 404 where there is none', async world => {
      const queue = await queueOf(world)
      expect(await world.client.queues.get(queue.id, world.signal)).toEqual(queue)
      await expect(world.client.queues.get(999_999, world.signal)).rejects.toMatchObject({ status: 404 })
    }),
    endpoint('PUT /phone_queues/{id}', 'changes what is given and keeps the rest', async world => {
      const queue = await queueOf(world)
      const changed = await world.client.queues.update(queue.id, { max_wait_time: 120 }, world.signal)
      expect(changed).toMatchObject({ name: queue.name, max_wait_time: 120 })
    }),
    endpoint('DELETE /phone_queues/{id}', 'removes a queue, but none that a number leads to', async world => {
      const queue = await queueOf(world)
      const { id } = await numberOf(world)
      await world.client.ivr.configure(id, { enabled: true, menu_id: null, queue_id: queue.id }, world.signal)
      await expect(world.client.queues.delete(queue.id, world.signal)).rejects.toMatchObject({ status: 409 })
      await world.client.phoneNumbers.delete(id, world.signal)
      await world.client.queues.delete(queue.id, world.signal)
      await expect(world.client.queues.get(queue.id, world.signal)).rejects.toMatchObject({ status: 404 })
    }),
    endpoint('GET /phone_queues/{id}/members', 'lists members with their status', async world => {
      const agent = world.agentId()
      const { id } = await queueOf(world, { members: [agent] })
      expect(await world.client.queues.members(id, world.signal)).toEqual([{ agent_id: agent, status: 'unavailable' }])
    }),
    endpoint('POST /phone_queues/{id}/members', 'adds an agent', async world => {
      const [{ id }, agent] = [await queueOf(world), world.agentId()]
      expect(await world.client.queues.addMember(id, agent, world.signal)).toMatchObject({ agent_id: agent })
      expect(await world.client.queues.get(id, world.signal)).toMatchObject({ members: [agent] })
    }),
    endpoint('DELETE /phone_queues/{id}/members/{agent_id}', 'removes an agent, and 404 for who is no member', async world => {
      const agent = world.agentId()
      const { id } = await queueOf(world, { members: [agent] })
      await world.client.queues.removeMember(id, agent, world.signal)
      expect(await world.client.queues.members(id, world.signal)).toEqual([])
      await expect(world.client.queues.removeMember(id, agent, world.signal)).rejects.toMatchObject({ status: 404 })
    }),
    property('id', 'is of this queue alone', async world => {
      expect((await queueOf(world)).id).not.toBe((await queueOf(world)).id)
    }),
    property('name', 'is how the PBX calls it', async world => {
      const name = world.name('support')
      expect(await queueOf(world, { name })).toMatchObject({ name })
    }),
    property('members', 'are the ids of its agents', async world => {
      const members = [world.agentId(), world.agentId()]
      expect(await queueOf(world, { members })).toMatchObject({ members })
    }),
    property('max_wait_time', 'is the longest wait, in seconds', async world => {
      expect(await queueOf(world, { max_wait_time: 300 })).toMatchObject({ max_wait_time: 300 })
      await expect(queueOf(world, { max_wait_time: -1 })).rejects.toMatchObject({ status: 422 })
    }),
    property('overflow_action', 'is what becomes of a caller when the queue is full', async world => {
      for (const overflow_action of ['voicemail', 'hangup'] as const) {
        const overflow_target = overflow_action === 'hangup' ? null : '1002'
        expect(await queueOf(world, { overflow_action, overflow_target })).toMatchObject({ overflow_action, overflow_target })
      }
    }),
    property('overflow_target', 'is where that caller goes: a queue that exists, an agent, a mailbox, a number', async world => {
      const target = `queue-${(await queueOf(world)).id}`
      expect(await queueOf(world, { overflow_action: 'queue', overflow_target: target })).toMatchObject({
        overflow_target: target,
      })
      const nowhere = queueOf(world, { overflow_action: 'queue', overflow_target: 'queue-999999' })
      await expect(nowhere).rejects.toMatchObject({ status: 422 })
    }),
  ],
}

export const queueAnalytics: FeatureSection = {
  title: 'Queue analytics',
  rows: [
    endpoint('GET /phone_queues/{id}/analytics', 'says what happened in a queue; nothing at first', async world => {
      const { id } = await queueOf(world)
      expect(await world.client.queues.analytics(id, world.signal)).toEqual({
        average_wait_time: null,
        max_queue_depth: 0,
        abandoned_calls: 0,
        success_rate: null,
      })
    }),
    property('average_wait_time', 'is seconds until an agent answered', async world => {
      const { id, name } = await queueOf(world)
      const day = world.day()
      for (const wait of [30, 60]) {
        const call = await world.ring({ queue: name, day })
        await call.answer(wait)
        await call.end()
      }
      expect(await world.client.queues.analytics(id, world.signal)).toMatchObject({ average_wait_time: 45 })
    }),
    property('max_queue_depth', 'is the most callers that waited at once', async world => {
      const { id, name } = await queueOf(world)
      const day = world.day()
      const calls = []
      for (const startsAt of [100, 101, 102]) calls.push(await world.ring({ queue: name, day, startsAt }))
      for (const call of calls) await call.answer(10)
      const late = await world.ring({ queue: name, day, startsAt: 1000 })
      await late.answer(10)
      expect(await world.client.queues.analytics(id, world.signal)).toMatchObject({ max_queue_depth: 3 })
    }),
    property('abandoned_calls', 'are callers who gave up waiting', async world => {
      const { id, name } = await queueOf(world)
      await (await world.ring({ queue: name })).end({ status: 'abandoned' })
      await (await world.ring({ queue: name })).end({ status: 'abandoned' })
      expect(await world.client.queues.analytics(id, world.signal)).toMatchObject({ abandoned_calls: 2 })
    }),
    property('success_rate', 'is the share of callers who were answered, in percent with one decimal', async world => {
      const { id, name } = await queueOf(world)
      for (const answered of [true, true, false]) {
        const call = await world.ring({ queue: name })
        if (answered) await call.answer()
        await call.end({ status: 'abandoned' })
      }
      expect(await world.client.queues.analytics(id, world.signal)).toMatchObject({ success_rate: 66.7 })
    }),
  ],
}
