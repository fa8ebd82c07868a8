import { setTimeout as pause } from 'node:timers/promises'
import fc from 'fast-check'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { CallEvent, CallSnapshot, EventType } from '../../../src/events/event.ts'
import { SqliteStore } from '../../../src/uploads/store/sqlite-store.ts'
import type { Delivery } from '../../../src/zendesk/delivery.ts'
import { bearer } from '../../../src/zendesk/http/authorization.ts'
import { Connection } from '../../../src/zendesk/http/connection.ts'
import type { SinkMemory } from '../../../src/zendesk/memory.ts'
import { PartnerEditionSink } from '../../../src/zendesk/partner-edition/sink.ts'
import type { TicketRules } from '../../../src/zendesk/tickets/ticket-rules.ts'
import { madeEvent, madeVoicemail, startedAt } from '../made-events.ts'
import { madeMp3 } from '../made-mp3.ts'
import { json, type RunningSandbox, runningSandbox, temporaryFolder } from '../running-sandbox.ts'
import { CuttingProxy } from '../scenarios/cutting-proxy.ts'
import { scriptedServer } from '../scripted-server.ts'
import { aRule, rulesOf, standard } from '../tickets/made-rules.ts'

const silent = { debug() {}, info() {}, warn() {}, error() {} }
const never = new AbortController().signal

async function memoryOnDisk(): Promise<SinkMemory> {
  const store = await SqliteStore.open({ dataDir: await temporaryFolder(), role: 'bridge', now: Date.now, log: silent })
  onTestFinished(() => store.close())
  return store.memory
}

interface Way {
  readonly url: string
  readonly token: string
  readonly acquire?: () => Promise<void>
}

function sinkOn({ url, token, acquire }: Way, memory: SinkMemory, rules: TicketRules): PartnerEditionSink {
  const permits = { acquire: acquire ?? (async () => {}) }
  const connection = new Connection({ baseUrl: url, authorization: bearer(token), userAgent: 't', clock: Date.now, permits })
  onTestFinished(() => connection.close())
  return new PartnerEditionSink({ connection, clock: Date.now, tickets: { rules, memory } })
}

const missedOutcome = { status: 'missed', reason: 'no-answer', sipCode: 480, q850: null } as const
const talkedOutcome = { status: 'connected', reason: 'completed', sipCode: 200, q850: null } as const
const party = (value: string) => ({ kind: 'e164', value, display: null }) as const

function of(event: CallEvent): Delivery {
  return { kind: 'event', idempotencyKey: event.id, event }
}
const made = (call: string, sequence: number, type: EventType, changes: Partial<CallSnapshot> = {}) =>
  of(madeEvent(call, sequence, type, changes))
const missed = (call: string, changes: Partial<CallSnapshot> = {}) =>
  made(call, 1, 'call.ended', { outcome: missedOutcome, endedAt: startedAt + 9_000, ...changes })

async function voicemail(id: string, number = '+14155550100'): Promise<Delivery> {
  const audio = await madeMp3(await temporaryFolder(), `${id}.mp3`)
  const item = { ...madeVoicemail(id, audio), from: party(number) }
  return { kind: 'voicemail', idempotencyKey: id, site: 'hq', item, audio }
}

interface Ticket {
  readonly id: number
  readonly subject: string
  readonly status: string
  readonly comments: readonly { readonly body: string; readonly public: boolean }[]
}

/** Oldest first. */
async function tickets(sandbox: RunningSandbox): Promise<readonly Ticket[]> {
  return (await json(await sandbox.call('/tickets?limit=1000'))).tickets.toReversed()
}

const shape = (all: readonly Ticket[]) => all.map(({ subject, comments }) => [subject, comments.length])

async function newTicket(sandbox: RunningSandbox, status = 'open'): Promise<number> {
  const body = JSON.stringify({ ticket: { subject: 'Earlier', description: 'd', status } })
  const headers = { 'content-type': 'application/json' }
  return (await json(await sandbox.call('/tickets', { method: 'POST', headers, body }))).ticket.id
}

const perRule = rulesOf(aRule('missed', { reuse: { withinMs: 3_600_000, of: 'rule' }, comment: ['Again.'] }))

describe('a call and its ticket', () => {
  it('costs one request and no look into the memory where no rule concerns it', async () => {
    const sandbox = await runningSandbox()
    const proxy = await CuttingProxy.to(sandbox.url)
    const memory = await memoryOnDisk()
    let looks = 0
    const counted: SinkMemory = {
      get: key => {
        looks += 1
        return memory.get(key)
      },
      put: (key, value) => memory.put(key, value),
      claim: (key, value) => memory.claim(key, value),
    }
    const sink = sinkOn({ ...sandbox, url: proxy.url }, counted, rulesOf(aRule('voicemail', { on: ['voicemail'] })))
    expect(await sink.deliver(missed('c'), never)).toEqual({ kind: 'delivered', remoteId: '1' })
    expect([proxy.seen, looks]).toEqual([['POST /api/v2/channels/voice/phone_call_events'], 0])
  })

  it('is made on the answer and commented on at the end; every request but the first waits for a permit', async () => {
    const sandbox = await runningSandbox()
    let permits = 0
    const acquire = async () => {
      permits += 1
    }
    const sink = sinkOn({ ...sandbox, acquire }, await memoryOnDisk(), standard())
    await sink.deliver(made('c', 1, 'call.started'), never)
    expect(await sink.deliver(made('c', 2, 'call.answered'), never)).toEqual({ kind: 'delivered', remoteId: '1' })
    expect(await sink.deliver(made('c', 3, 'call.ended', { outcome: talkedOutcome }), never)).toMatchObject({ kind: 'delivered' })
    expect(permits).toBe(2)
    const [ticket] = await tickets(sandbox)
    expect(ticket).toMatchObject({
      subject: 'First call from +14155550100',
      tags: ['phone', 'first_time_caller'],
      assignee_id: 35436,
      call: { phone_call_id: 1, caller: '+14155550100' },
      comments: [{ public: false }],
    })
    await sink.deliver(made('d', 1, 'call.started'), never)
    await sink.deliver(made('d', 2, 'call.answered'), never)
    expect(shape(await tickets(sandbox))[1]).toEqual(['Call from +14155550100', 0])
  })

  it('is one for repeated missed calls of a caller, and another for another caller or hidden numbers', async () => {
    const sandbox = await runningSandbox()
    const sink = sinkOn(sandbox, await memoryOnDisk(), perRule)
    for (const call of ['a', 'b', 'c']) await sink.deliver(missed(call), never)
    await sink.deliver(missed('d', { from: party('+14155550111') }), never)
    const anonymous = { kind: 'anonymous', value: 'anonymous', display: null } as const
    for (const call of ['e', 'f']) await sink.deliver(missed(call, { from: anonymous }), never)
    expect(shape(await tickets(sandbox))).toEqual([
      ['Call from +14155550100', 2],
      ['Call from +14155550111', 0],
      ['Call from anonymous', 0],
      ['Call from anonymous', 0],
    ])
  })

  it('is one when two calls of a caller are delivered at the same time', async () => {
    const sandbox = await runningSandbox()
    const sink = sinkOn(sandbox, await memoryOnDisk(), perRule)
    const both = await Promise.all([sink.deliver(missed('a'), never), sink.deliver(missed('b'), never)])
    const waiting = both.findIndex(result => result.kind === 'wait')
    if (waiting >= 0) {
      expect(both[waiting]).toMatchObject({ scope: 'job', reason: expect.stringContaining('another call of the same caller') })
      await sink.deliver(missed(waiting === 0 ? 'a' : 'b'), never)
    }
    expect(shape(await tickets(sandbox))).toEqual([['Call from +14155550100', 1]])
  })

  it('is a new one when the last is solved, gone or too long ago', async () => {
    const sandbox = await runningSandbox()
    const memory = await memoryOnDisk()
    const sink = sinkOn(sandbox, memory, perRule)
    const used = async (ticketId: number, at = startedAt) =>
      memory.put('ticket-of:rule:missed:+14155550100', JSON.stringify({ ticketId, at, making: null }))
    const solved = await newTicket(sandbox, 'solved')
    const open = await newTicket(sandbox)
    await used(solved)
    await sink.deliver(missed('a'), never)
    await used(999)
    await sink.deliver(missed('b'), never)
    await used(open, startedAt - 3_600_000)
    await sink.deliver(missed('c'), never)
    await used(open)
    await sink.deliver(missed('d'), never)
    const all = await tickets(sandbox)
    expect(shape(all).map(([, comments]) => comments)).toEqual([0, 1, 0, 0, 0])
  })

  it('is the one that the PBX names, unless that is closed or unknown', async () => {
    const sandbox = await runningSandbox()
    const sink = sinkOn(sandbox, await memoryOnDisk(), perRule)
    const named = await newTicket(sandbox)
    const closed = await newTicket(sandbox, 'closed')
    for (const [call, id] of [
      ['a', named],
      ['b', closed],
      ['c', 4711],
    ] as const) {
      const directives = { 'ticket-id': String(id) }
      const from = party(`+1415555010${id % 10}`)
      expect(await sink.deliver(missed(call, { directives, from }), never)).toMatchObject({ kind: 'delivered' })
    }
    expect(shape(await tickets(sandbox)).map(([, comments]) => comments)).toEqual([1, 0, 0, 0])
  })

  it('is the one that somebody made by hand meanwhile', async () => {
    const sandbox = await runningSandbox()
    const sink = sinkOn(sandbox, await memoryOnDisk(), rulesOf(aRule('missed')))
    await sink.deliver(made('a', 1, 'call.started'), never)
    const body = JSON.stringify({ ticket: { subject: 'By hand', description: 'd' } })
    const headers = { 'content-type': 'application/json' }
    await sandbox.call('/phone_calls/1/create_ticket', { method: 'POST', headers, body })
    const end = madeEvent('a', 2, 'call.ended', { outcome: missedOutcome })
    expect(await sink.deliver(of(end), never)).toEqual({ kind: 'delivered', remoteId: '1' })
    expect(shape(await tickets(sandbox))).toEqual([['By hand', 1]])
  })

  it('made of a voicemail has its audio; the next voicemail is a comment with a link to its own', async () => {
    const sandbox = await runningSandbox()
    const sink = sinkOn(sandbox, await memoryOnDisk(), standard())
    expect(await sink.deliver(await voicemail('vm-1'), never)).toMatchObject({ kind: 'delivered' })
    expect(await sink.deliver(await voicemail('vm-2'), never)).toMatchObject({ kind: 'delivered' })
    const [ticket, ...others] = await tickets(sandbox)
    expect(ticket).toMatchObject({ subject: 'Voicemail from +14155550100', priority: 'high', attachments: [{}] })
    expect(ticket?.comments[0]?.body).toContain('/phone_voicemails/2/audio')
    expect(others).toEqual([])
  })
})

describe('a ticket that is refused', () => {
  it('rejects with what to do; after the rule is mended a redrive sends the ticket alone', async () => {
    const sandbox = await runningSandbox()
    const proxy = await CuttingProxy.to(sandbox.url)
    const settings = { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"agents":[35436]}' }
    expect((await fetch(`${sandbox.url}/_sandbox/settings`, settings)).ok).toBe(true)
    const memory = await memoryOnDisk()
    const way = { ...sandbox, url: proxy.url }
    const reuse = { withinMs: 60_000, of: 'caller' } as const
    const refused = await sinkOn(way, memory, rulesOf(aRule('bad', { display: 99, reuse }))).deliver(missed('a'), never)
    expect(refused).toMatchObject({ kind: 'reject' })
    expect(refused.kind === 'reject' && refused.reason).toMatch(
      /^delivered, but not its ticket: its ticket was refused \(422\): .*display_to_agent.*correct tickets.rules \(rule bad\) and redrive$/,
    )
    proxy.seen.length = 0
    // Nobody waits for the ticket that was refused.
    const mended = rulesOf(aRule('good', { display: 35436, reuse }))
    expect(await sinkOn(way, memory, mended).deliver(missed('b'), never)).toMatchObject({ kind: 'delivered' })
    proxy.seen.length = 0
    expect(await sinkOn(way, memory, mended).deliver(missed('a'), never)).toEqual({ kind: 'delivered', remoteId: '1' })
    expect(proxy.seen).toEqual(['GET /api/v2/channels/voice/tickets/1', 'POST /api/v2/channels/voice/tickets/1/comments'])
    expect(await sandbox.state()).toMatchObject({ phone_call_events: 2, repeats: 0 })
  })

  it.each<[number, object, string, string]>([
    [404, { error: 'InvalidEndpoint', description: 'x' }, 'reject', 'no ticket endpoint at'],
    [404, { error: 'Call not found' }, 'retry', 'does not know what it just took'],
    [410, { error: 'Voicemail not available' }, 'reject', 'refused (410)'],
    [401, { error: 'Unauthorized' }, 'wait', 'set zendesk.token'],
    [429, {}, 'wait', 'slow down'],
    [500, {}, 'retry', 'answered 500'],
    [201, { nothing: true }, 'retry', 'not with a ticket'],
  ])('%i %j is %s', async (status, body, kind, reason) => {
    const { url } = await scriptedServer((response, request) => {
      const isEvent = request.url?.endsWith('/phone_call_events') ?? false
      const answer = isEvent ? { phone_call_event: { id: 'e', phone_call_id: 7 } } : body
      response.writeHead(isEvent ? 201 : status, { 'content-type': 'application/json' }).end(JSON.stringify(answer))
    })
    const sink = sinkOn({ url, token: 'secret-token' }, await memoryOnDisk(), rulesOf(aRule('a')))
    const result = await sink.deliver(missed('a'), never)
    expect(result.kind).toBe(kind)
    expect(JSON.stringify(result)).toContain('delivered, but not its ticket: ')
    expect(JSON.stringify(result)).toContain(reason)
  })
})

describe('a crash between any two requests', () => {
  /** A call that is answered, two that are missed, and a voicemail: all of one caller. */
  async function scenario(name: string, number: string): Promise<readonly Delivery[]> {
    const from = party(number)
    return [
      made(`${name}-a`, 1, 'call.started', { from }),
      made(`${name}-a`, 2, 'call.answered', { from }),
      made(`${name}-a`, 3, 'call.ended', { from, outcome: talkedOutcome }),
      missed(`${name}-b`, { from }),
      missed(`${name}-c`, { from }),
      await voicemail(`${name}-v`, number),
    ]
  }

  it('leaves each event, ticket and comment there once', async () => {
    const sandbox = await runningSandbox()
    const proxy = await CuttingProxy.to(sandbox.url)
    const memory = await memoryOnDisk()
    const way = { ...sandbox, url: proxy.url }
    let runs = 0
    const deliverAll = async (cuts: readonly { readonly at: number; readonly when: 'before' | 'after' }[]) => {
      runs += 1
      const number = `+1415555${String(runs).padStart(4, '0')}`
      const pending = [...cuts]
      void proxy.arm(pending.shift() ?? null)
      for (const delivery of await scenario(`r${runs}`, number)) {
        for (let tries = 1; ; tries += 1) {
          // Nothing is left of the one before but its memory.
          const result = await sinkOn(way, memory, standard()).deliver(delivery, never)
          if (result.kind === 'delivered') break
          expect(result.kind, JSON.stringify(result)).toBe('retry')
          expect(tries).toBeLessThan(5)
          await pause(0)
          proxy.mend()
          void proxy.arm(pending.shift() ?? null)
        }
      }
      return shape((await tickets(sandbox)).filter(({ subject }) => subject.endsWith(number))).map(([, comments]) => comments)
    }

    expect(await deliverAll([])).toEqual([1, 2])
    const requests = proxy.seen.length
    expect(requests).toBe(13)
    for (let at = 1; at <= requests; at += 1) {
      for (const when of ['before', 'after'] as const) expect(await deliverAll([{ at, when }]), `${when} ${at}`).toEqual([1, 2])
    }
    const cut = fc.record({ at: fc.integer({ min: 1, max: 6 }), when: fc.constantFrom('before' as const, 'after' as const) })
    const twice = fc.asyncProperty(fc.array(cut, { minLength: 2, maxLength: 3 }), async cuts => {
      expect(await deliverAll(cuts)).toEqual([1, 2])
    })
    await fc.assert(twice, { numRuns: 10 })
    expect(await sandbox.state()).toMatchObject({ phone_call_events: runs * 5, phone_voicemails: runs, gaps: 0 })
  }, 60_000)
})
