import { expect } from 'vitest'
import { endpoint, type FeatureSection, property, value } from './row.ts'
import { audioSeconds, heard } from './world.ts'

const ticket = { subject: 'Call from customer', description: 'Discussed order #123' }

export const phoneCalls: FeatureSection = {
  title: 'Call logs',
  rows: [
    endpoint('GET /phone_calls', 'lists calls, newest first, page by page', async world => {
      const first = await world.call()
      const second = await world.call()
      const ids = []
      for await (const { id } of world.client.phoneCalls.list({ limit: 1 }, world.signal)) {
        ids.push(id)
        if (id === first.id) break
      }
      expect(ids.indexOf(second.id)).toBeGreaterThanOrEqual(0)
      expect(ids.indexOf(second.id)).toBeLessThan(ids.indexOf(first.id))
    }),
    endpoint('GET /phone_calls/{id}', 'shows one call, and 404 where there is none', async world => {
      const { external, ...call } = await world.call()
      expect(call).toMatchObject({ external_id: external, status: 'connected' })
      await expect(world.client.phoneCalls.get(999_999, world.signal)).rejects.toMatchObject({ status: 404 })
    }),
    endpoint('GET /phone_calls/{id}/recordings', "lists a call's recordings and no others", async world => {
      const call = await world.call()
      const [one, two] = [await world.recording(call.external), await world.recording(call.external)]
      await world.recording((await world.call()).external)
      const { items, count } = await world.client.phoneCalls.recordings(call.id, {}, world.signal).page()
      expect(count).toBe(2)
      expect(items.map(({ id }) => id)).toEqual([two.id, one.id])
    }),
    endpoint('POST /phone_calls/{id}/create_ticket', 'makes one ticket of a call', async world => {
      const call = await world.call()
      const made = await world.client.tickets.createFromCall(call.id, ticket, world.signal)
      expect(await world.client.phoneCalls.get(call.id, world.signal)).toMatchObject({ ticket_id: made.id })
      await expect(world.client.tickets.createFromCall(call.id, ticket, world.signal)).rejects.toMatchObject({ status: 409 })
      await expect(world.client.tickets.createFromCall(999_999, ticket, world.signal)).rejects.toMatchObject({ status: 404 })
    }),
    property('id', 'is of this call alone, however many events report it', async world => {
      const call = await world.ring()
      const { id } = call
      await call.answer()
      await call.end()
      expect(call.id).toBe(id)
      expect((await world.call()).id).not.toBe(id)
    }),
    property('from', 'is who called', async world => {
      const from = world.number()
      expect(await world.call({ from })).toMatchObject({ from })
      expect(await world.call({ from: 'anonymous' })).toMatchObject({ from: 'anonymous' })
    }),
    property('to', 'is who was called', async world => {
      const to = world.number()
      expect(await world.call({ to })).toMatchObject({ to })
    }),
    property('direction', 'is seen from the site', async world => {
      expect(await world.call({ direction: 'internal' })).toMatchObject({ direction: 'internal' })
    }),
    property('duration', 'is whole seconds of talking', async world => {
      expect(await world.call()).toMatchObject({ duration: 60 })
    }),
    property('started_at', 'is when the call began', async world => {
      const day = world.day()
      expect(await world.call({ day })).toMatchObject({ started_at: `${day}T09:00:00.000Z` })
    }),
    property('ended_at', 'is when it was over, and null before', async world => {
      const day = world.day()
      const call = await world.ring({ day })
      expect(await world.client.phoneCalls.get(call.id, world.signal)).toMatchObject({ ended_at: null, status: null })
      await call.answer()
      await call.end()
      expect(await world.client.phoneCalls.get(call.id, world.signal)).toMatchObject({ ended_at: `${day}T09:01:05.000Z` })
    }),
    property('agents', 'are those who took part', async world => {
      const agents = [
        { id: world.agentId(), extension: '1001', name: 'Alice' },
        { id: world.agentId(), extension: '1002', name: 'Bob' },
      ]
      expect(await world.call({ agents })).toMatchObject({ agents })
    }),
    property('status', 'says how the call ended', async world => {
      expect(await world.call()).toMatchObject({ status: 'connected', reason: 'completed' })
    }),
    property('recording_url', 'leads to the newest recording, and is null without one', async world => {
      const call = await world.call()
      expect(call.recording_url).toBeNull()
      const { download_url } = await world.recording(call.external)
      expect(await world.client.phoneCalls.get(call.id, world.signal)).toMatchObject({ recording_url: download_url })
    }),
    property('transcription', 'is what was said, once something has listened', async world => {
      const call = await world.call()
      expect(call).toMatchObject({ transcription: null, transcription_status: 'pending' })
      await world.recording(call.external, heard('Hello'))
      expect(await world.client.phoneCalls.get(call.id, world.signal)).toMatchObject({ transcription: 'Hello' })
    }),
    property('tags', 'categorise a call', async world => {
      expect(await world.call({ tags: ['vip', 'order'] })).toMatchObject({ tags: ['vip', 'order'] })
    }),
    value('inbound', 'a call to the site', async world => {
      expect(await world.call({ direction: 'inbound' })).toMatchObject({ direction: 'inbound' })
    }),
    value('outbound', 'a call from the site', async world => {
      expect(await world.call({ direction: 'outbound', from: '1001', to: world.number() })).toMatchObject({
        direction: 'outbound',
      })
    }),
    value('connected', 'somebody answered', async world => {
      expect(await world.call()).toMatchObject({ status: 'connected' })
    }),
    value('abandoned', 'the caller gave up', async world => {
      const call = await world.ring()
      await call.end({ status: 'abandoned' })
      expect(await world.client.phoneCalls.get(call.id, world.signal)).toMatchObject({ status: 'abandoned', duration: 0 })
    }),
    value('missed', 'nobody answered', async world => {
      const call = await world.ring()
      await call.end({ status: 'missed' })
      expect(await world.client.phoneCalls.get(call.id, world.signal)).toMatchObject({ status: 'missed', duration: 0 })
    }),
  ],
}

export const callMetrics: FeatureSection = {
  title: 'Call metrics',
  rows: [
    endpoint('GET /phone_calls?start_date&end_date', 'takes the calls of a period, its last day included', async world => {
      const [day, other] = [world.day(), world.day()]
      const call = await world.call({ day, startsAt: 86_000 })
      await world.call({ day: other })
      const { items, count } = await world.client.phoneCalls.list({ start_date: day, end_date: day }, world.signal).page()
      expect(count).toBe(1)
      expect(items[0]?.id).toBe(call.id)
    }),
    endpoint('GET /phone_calls?agent_id&limit', "takes an agent's calls, so many a page", async world => {
      const agents = [{ id: world.agentId(), extension: '1001', name: 'Alice' }]
      const first = await world.call({ agents })
      await world.call({ agents })
      await world.call()
      const list = world.client.phoneCalls.list({ agent_id: agents[0]?.id ?? 0, limit: 1 }, world.signal)
      const pages = []
      for await (const page of list.pages()) pages.push(page)
      expect(pages.map(({ items, count }) => [items.length, count])).toEqual([
        [1, 2],
        [1, 2],
      ])
      expect(pages[1]?.items[0]?.id).toBe(first.id)
    }),
    property('Total calls', 'are all calls of the period, not of the page', async world => {
      const day = world.day()
      for (const startsAt of [100, 200, 300]) await world.call({ day, startsAt })
      const { items, metrics } = await world.client.phoneCalls
        .list({ start_date: day, end_date: day, limit: 1 }, world.signal)
        .page()
      expect([items.length, metrics.total_calls]).toEqual([1, 3])
    }),
    property('Average duration', 'is that of the answered calls, null without any', async world => {
      const day = world.day()
      const period = { start_date: day, end_date: day }
      const empty = await world.client.phoneCalls.list(period, world.signal).page()
      expect(empty.metrics).toMatchObject({ total_calls: 0, average_duration: null })
      for (const duration of [20, 40]) {
        const call = await world.ring({ day })
        await call.answer()
        await call.end({ duration })
      }
      await (await world.ring({ day })).end()
      const { metrics } = await world.client.phoneCalls.list(period, world.signal).page()
      expect(metrics).toMatchObject({ total_calls: 3, average_duration: 30 })
    }),
    property('Missed calls', 'are counted apart from those that callers abandoned', async world => {
      const day = world.day()
      for (const status of ['missed', 'missed', 'abandoned'] as const) await (await world.ring({ day })).end({ status })
      const { metrics } = await world.client.phoneCalls.list({ start_date: day, end_date: day }, world.signal).page()
      expect(metrics).toMatchObject({ missed_calls: 2, abandoned_calls: 1 })
    }),
    property('Voicemails', 'are those received in the period', async world => {
      await world.apart({}, async apart => {
        await apart.voicemail()
        const day = '2026-11-22'
        const { metrics } = await apart.client.phoneCalls.list({ start_date: day, end_date: day }, apart.signal).page()
        expect(metrics.voicemails).toBe(1)
        const other = await apart.client.phoneCalls.list({ start_date: '2026-11-23' }, apart.signal).page()
        expect(other.metrics.voicemails).toBe(0)
      })
    }),
    property('Agent performance', 'has each agent’s calls, answers and time on the phone', async world => {
      const day = world.day()
      const agent = { id: world.agentId(), extension: '1001', name: 'Alice' }
      await world.call({ day, agents: [agent] })
      await (await world.ring({ day, agents: [agent] })).end()
      const { metrics } = await world.client.phoneCalls.list({ start_date: day, end_date: day }, world.signal).page()
      expect(metrics.agent_performance).toEqual([
        { agent_id: agent.id, name: 'Alice', calls: 2, answered: 1, missed: 1, average_duration: 60, talk_time: 60 },
      ])
    }),
  ],
}

const refund = (sentiment: 'positive' | 'neutral' | 'negative') =>
  heard('I want a refund', { sentiment, keywords: ['complaint', 'refund'] })

export const transcriptionInsights: FeatureSection = {
  title: 'Transcription insights',
  rows: [
    property('transcription', 'comes from the call’s recording', async world => {
      const call = await world.call()
      await world.recording(call.external, refund('negative'))
      const shown = await world.client.phoneCalls.get(call.id, world.signal)
      expect(shown).toMatchObject({ transcription: 'I want a refund', transcription_status: 'completed' })
    }),
    property('sentiment', 'is what the transcriber found, and null before', async world => {
      const call = await world.call()
      expect(call.sentiment).toBeNull()
      await world.recording(call.external, refund('negative'))
      expect(await world.client.phoneCalls.get(call.id, world.signal)).toMatchObject({ sentiment: 'negative' })
    }),
    ...(['positive', 'neutral', 'negative'] as const).map(sentiment =>
      value(sentiment, 'is kept with the recording', async world => {
        const call = await world.call()
        expect(await world.recording(call.external, refund(sentiment))).toMatchObject({ sentiment, duration: audioSeconds })
      }),
    ),
    property('keywords', 'are what the transcriber found, and null before', async world => {
      const call = await world.call()
      expect(call.keywords).toBeNull()
      await world.recording(call.external, refund('negative'))
      expect(await world.client.phoneCalls.get(call.id, world.signal)).toMatchObject({ keywords: ['complaint', 'refund'] })
    }),
  ],
}
