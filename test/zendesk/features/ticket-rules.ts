import { mkdtemp } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'vitest'
import type { CallEvent, CallSnapshot, EventType } from '../../../src/events/event.ts'
import { SqliteStore } from '../../../src/uploads/store/sqlite-store.ts'
import type { Delivery } from '../../../src/zendesk/delivery.ts'
import { PartnerEditionSink } from '../../../src/zendesk/partner-edition/sink.ts'
import type { Ticket } from '../../../src/zendesk/wire/ticket.ts'
import { madeEvent, madeVoicemail, startedAt } from '../made-events.ts'
import { madeMp3 } from '../made-mp3.ts'
import { standard } from '../tickets/made-rules.ts'
import { type FeatureSection, workflow } from './row.ts'
import type { World } from './world.ts'

const silent = { debug() {}, info() {}, warn() {}, error() {} }

/** Delivers as the bridge does with `tickets.preset: standard`, each delivery twice: a repeat makes no second ticket. */
async function deliver(world: World, deliveries: readonly Delivery[]): Promise<void> {
  const dataDir = await mkdtemp(join(world.folder, 'outbox-'))
  const store = await SqliteStore.open({ dataDir, role: 'bridge', now: Date.now, log: silent })
  try {
    const { connection } = world
    const sink = new PartnerEditionSink({ connection, clock: Date.now, tickets: { rules: standard(), memory: store.memory } })
    for (const delivery of deliveries) {
      for (const _time of ['first', 'again']) {
        expect(await sink.deliver(delivery, world.signal)).toMatchObject({ kind: 'delivered' })
      }
    }
  } finally {
    await store.close()
  }
}

const eventOf = (event: CallEvent): Delivery => ({ kind: 'event', idempotencyKey: event.id, event })
const callId = (world: World) => `ruled-${world.unique()}`
const caller = (world: World) => ({ from: { kind: 'e164', value: world.number(), display: 'Carla' } }) as const
const answered: Partial<CallSnapshot> = { answeredAt: startedAt + 5000, waitMs: 5000 }
const missed: Partial<CallSnapshot> = {
  outcome: { status: 'missed', reason: 'no-answer', sipCode: 480, q850: null },
  endedAt: startedAt + 9000,
}
const told = (id: string, sequence: number, type: EventType, changes: Partial<CallSnapshot>) =>
  eventOf(madeEvent(id, sequence, type, changes))

/** The tickets of a caller, oldest first. */
async function ticketsOf(world: World, number: string): Promise<readonly Ticket[]> {
  const found: Ticket[] = []
  for await (const ticket of world.client.tickets.list({}, world.signal))
    if (ticket.call?.caller === number) found.unshift(ticket)
  return found
}

export const automaticTickets: FeatureSection = {
  title: 'Automatic ticket creation',
  rows: [
    workflow('Inbound calls (on answer)', 'a rule makes one ticket when an agent answers, shown to that agent', async world => {
      const [id, from] = [callId(world), caller(world)]
      await deliver(world, [told(id, 1, 'call.started', from), told(id, 2, 'call.answered', { ...from, ...answered })])
      const tickets = await ticketsOf(world, from.from.value)
      expect(tickets).toMatchObject([{ assignee_id: 35_436, tags: expect.arrayContaining(['phone']) }])
    }),
    workflow('Missed calls', 'a rule makes one ticket, which the next missed call of the caller joins', async world => {
      const from = caller(world)
      await deliver(world, [
        told(callId(world), 1, 'call.ended', { ...from, ...missed }),
        told(callId(world), 1, 'call.ended', { ...from, ...missed }),
      ])
      const tickets = await ticketsOf(world, from.from.value)
      expect(tickets).toMatchObject([{ tags: expect.arrayContaining(['missed_call']), comments: [expect.anything()] }])
    }),
    workflow('Voicemails', 'a rule makes one ticket, with the message', async world => {
      const { from } = caller(world)
      const id = `ruled-${world.unique()}`
      const audio = await madeMp3(world.folder, `${id}.mp3`)
      const item = { ...madeVoicemail(id, audio), from }
      await deliver(world, [{ kind: 'voicemail', idempotencyKey: id, site: 'hq', item, audio }])
      const tickets = await ticketsOf(world, from.value)
      expect(tickets).toMatchObject([{ priority: 'high', call: { recording_url: expect.stringContaining('/audio') } }])
    }),
    workflow('Calls by first-time customers', 'a rule tells the first call of a customer from the next', async world => {
      const from = caller(world)
      const call = (id: string) => [told(id, 1, 'call.started', from), told(id, 2, 'call.answered', { ...from, ...answered })]
      await deliver(world, [...call(callId(world)), ...call(callId(world))])
      const [first, second] = await ticketsOf(world, from.from.value)
      expect(first?.tags).toContain('first_time_caller')
      expect(second?.tags).not.toContain('first_time_caller')
      expect(second?.tags).toContain('phone')
    }),
  ],
}
