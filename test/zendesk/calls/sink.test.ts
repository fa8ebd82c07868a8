import { describe, expect, test } from 'vitest'
import type { CallParty } from '../../../src/events/event.ts'
import { ticketRules } from '../../../src/zendesk/tickets/ticket-rules.ts'
import { warningHeader } from '../../../src/zendesk/wire/documented/words.ts'
import { madeEvent, madeRecording, madeVoicemail, startedAt } from '../made-events.ts'
import { madeMp3 } from '../made-mp3.ts'
import { json } from '../running-sandbox.ts'
import { scriptedServer } from '../scripted-server.ts'
import { aRule, rulesOf } from '../tickets/made-rules.ts'
import {
  asEvent,
  asRecording,
  asVoicemail,
  type DocumentedBridge,
  documentedBridge,
  noTickets,
  through,
  ticketsOf,
} from './documented-bridge.ts'
import { alice, answeredCall, bob, callerNo, missedCall, transferredCall } from './made-scenarios.ts'

const alicesPhone: CallParty = { kind: 'extension', value: '1001', display: 'Alice' }
const anonymous: CallParty = { kind: 'anonymous', value: 'anonymous', display: null }

async function userOf(bridge: DocumentedBridge, n: number): Promise<unknown> {
  const { users = [] } = await bridge.get(`/users/search?external_id=${encodeURIComponent(`pbx:${callerNo(n).value}`)}`)
  return (users[0] as { id: number } | undefined)?.id
}

/** Addresses name the host that was asked; through the proxy that is another one. */
const pathOf = (url: unknown): string => String(url).replace(/^https?:\/\/[^/]+/, '')

const displays = async ({ sandbox }: DocumentedBridge) =>
  (await json(await fetch(`${sandbox.url}/_sandbox/displays`))).displays as Record<string, unknown>[]

describe('an answered call', () => {
  test('is one record, and a ticket of the caller’s with everything that the rule asked', async () => {
    const bridge = await documentedBridge()
    const sink = bridge.sink()
    for (const event of answeredCall('call_a', callerNo(1))) await through(sink, asEvent(event))
    const [seen, ...others] = await ticketsOf(bridge, await userOf(bridge, 1))
    expect(others).toEqual([])
    expect(seen?.ticket).toMatchObject({
      external_id: 'call_a',
      subject: 'First call from +14152000001',
      assignee_id: alice.id,
      tags: expect.arrayContaining(['phone', 'first_time_caller']),
    })
    expect(seen?.comments.map(({ type, public: shown }) => [type, shown])).toEqual([
      ['TpeVoiceComment', false],
      ['TpeVoiceComment', false],
    ])
    const { call } = await bridge.get(`/calls/${seen?.comments[0]?.data?.call_id}`)
    expect(call).toMatchObject({
      external_id: 'call_a',
      agent_id: alice.id,
      completion_status: 'completed',
      talk_time: 56,
      ticket_id: seen?.ticket.id,
    })
  })

  test('pops up: the profile when one phone rings, the ticket when it is answered', async () => {
    const bridge = await documentedBridge()
    const sink = bridge.sink()
    for (const event of answeredCall('call_a', callerNo(1))) await through(sink, asEvent(event))
    const userId = await userOf(bridge, 1)
    expect(await displays(bridge)).toMatchObject([
      { agent_id: alice.id, user_id: userId },
      { agent_id: alice.id, ticket_id: 1 },
    ])
  })

  test('pops up nowhere while several phones ring, nor for an agent that Zendesk does not know', async () => {
    const bridge = await documentedBridge()
    await bridge.account({ agents: [alice.id] })
    const sink = bridge.sink({ tickets: noTickets })
    const [, ringing] = answeredCall('call_a', callerNo(1), [alice, bob])
    const [, stranger] = answeredCall('call_b', callerNo(2), [bob])
    if (ringing === undefined || stranger === undefined) throw new Error('no ringing')
    await through(sink, asEvent(ringing))
    await through(sink, asEvent(stranger))
    expect(await displays(bridge)).toEqual([])
  })

  test('that is transferred changes its agent and pops up at the new one', async () => {
    const bridge = await documentedBridge()
    const sink = bridge.sink()
    for (const event of transferredCall('call_a', callerNo(1))) await through(sink, asEvent(event))
    expect(await displays(bridge)).toContainEqual(expect.objectContaining({ agent_id: bob.id, ticket_id: 1 }))
    expect((await bridge.get('/calls/1')).call).toMatchObject({ agent_id: bob.id, completion_status: 'completed' })
  })

  test('without a rule is a record and nothing that anybody sees', async () => {
    const bridge = await documentedBridge()
    const sink = bridge.sink({ tickets: noTickets })
    for (const event of answeredCall('call_a', callerNo(1))) await through(sink, asEvent(event))
    expect(await bridge.sandbox.state()).toMatchObject({ documented_calls: 1, tickets: 0 })
    expect((await bridge.get('/calls/1')).call).toMatchObject({ completion_status: 'completed', ticket_id: null })
  })

  test('is not taken back by an event that comes late', async () => {
    const bridge = await documentedBridge()
    const sink = bridge.sink()
    const [, , answered, ended] = answeredCall('call_a', callerNo(1))
    if (answered === undefined || ended === undefined) throw new Error('no events')
    await through(sink, asEvent(ended))
    await through(sink, asEvent(answered))
    expect((await bridge.get('/calls/1')).call).toMatchObject({ completion_status: 'completed', duration: 65 })
    // The rule for answered calls still gets its ticket.
    expect(await ticketsOf(bridge, await userOf(bridge, 1))).toHaveLength(1)
  })

  test('that the house made belongs to whom it called', async () => {
    const bridge = await documentedBridge()
    const sink = bridge.sink()
    const outbound = { direction: 'outbound', from: alicesPhone, to: callerNo(1) } as const
    for (const event of answeredCall('call_a', callerNo(1))) {
      await through(sink, asEvent({ ...event, call: { ...event.call, ...outbound } }))
    }
    expect((await bridge.get('/calls/1')).call).toMatchObject({
      direction: 'outbound',
      from_line: '1001',
      to_line: '+14152000001',
      end_user_id: await userOf(bridge, 1),
      ticket_id: null,
    })
  })

  test('that is held and resumed is told at its end, not meanwhile', async () => {
    const bridge = await documentedBridge()
    for (const type of ['call.started', 'call.held', 'call.resumed', 'call.merged'] as const) {
      expect(await bridge.sink().deliver(asEvent(madeEvent('call_a', 1, type)), AbortSignal.timeout(5_000))).toEqual({
        kind: 'delivered',
        remoteId: null,
        unasked: true,
      })
    }
    expect(bridge.proxy.seen).toEqual([])
  })

  test('within the house is told only where a rule asks for it', async () => {
    const bridge = await documentedBridge()
    const from: CallParty = { kind: 'extension', value: '1002', display: 'Bob' }
    const event = madeEvent('call_a', 3, 'call.answered', { from, direction: 'internal', answeredAt: startedAt })
    await through(bridge.sink(), asEvent(event))
    expect(bridge.proxy.seen).toEqual([])
  })
})

describe('callers who hide their number', () => {
  test('leave a record and no ticket', async () => {
    const bridge = await documentedBridge()
    for (const event of missedCall('call_a', anonymous)) await through(bridge.sink(), asEvent(event))
    expect(await bridge.sandbox.state()).toMatchObject({ documented_calls: 1, tickets: 0, users: 0 })
  })

  test('get tickets where the configuration says so, and one each however often the answer is lost', async () => {
    const bridge = await documentedBridge()
    const [, ended] = missedCall('call_a', anonymous)
    if (ended === undefined) throw new Error('no end')
    const tickets = ticketRules(
      { preset: 'standard', hours: { timezone: 'UTC', week: [], holidays: [] }, rules: [], anonymous: 'ticket' },
      'none',
    )
    void bridge.proxy.arm({ at: 1, when: 'after' })
    expect((await bridge.sink({ tickets }).deliver(asEvent(ended), AbortSignal.timeout(5_000))).kind).toBe('retry')
    bridge.proxy.mend()
    await through(bridge.sink({ tickets }), asEvent(ended))
    expect(await bridge.sandbox.state()).toMatchObject({ documented_calls: 1, tickets: 1, users: 0 })
  })
})

describe('missed calls of one caller', () => {
  test('that come at once are on one ticket', async () => {
    const bridge = await documentedBridge()
    const sink = bridge.sink()
    const ends = ['a', 'b', 'c'].flatMap(name => missedCall(`call_${name}`, callerNo(1)).slice(1))
    await Promise.all(ends.map(event => through(sink, asEvent(event))))
    const [seen, ...others] = await ticketsOf(bridge, await userOf(bridge, 1))
    expect(others).toEqual([])
    expect(seen?.comments.filter(({ type }) => type === 'TpeVoiceComment')).toHaveLength(3)
  })

  test('go onto a new ticket once the old one is solved', async () => {
    const bridge = await documentedBridge()
    const sink = bridge.sink()
    for (const event of missedCall('call_a', callerNo(1))) await through(sink, asEvent(event))
    await fetch(`${bridge.sandbox.url}/api/v2/tickets/1`, {
      method: 'PUT',
      headers: { authorization: `Bearer ${bridge.sandbox.token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ ticket: { status: 'solved' } }),
    })
    for (const event of missedCall('call_b', callerNo(1))) await through(sink, asEvent(event))
    expect(await ticketsOf(bridge, await userOf(bridge, 1))).toHaveLength(2)
  })
})

describe('a ticket that the PBX names', () => {
  const named = (callId: string, ticketId: string) => {
    const [, , answered] = answeredCall(callId, callerNo(1))
    if (answered === undefined) throw new Error('no answer')
    return { ...answered, call: { ...answered.call, directives: { 'ticket-id': ticketId } } }
  }

  test('takes the call, with what was said of it', async () => {
    const bridge = await documentedBridge()
    const sink = bridge.sink()
    for (const event of missedCall('call_a', callerNo(2))) await through(sink, asEvent(event))
    await through(sink, asEvent(named('call_b', '1')))
    expect((await bridge.get('/calls/2')).call).toMatchObject({ external_id: 'call_b', ticket_id: 1 })
    expect(await bridge.sandbox.state()).toMatchObject({ tickets: 1 })
  })

  test('and that does not exist gives way to a new one', async () => {
    const bridge = await documentedBridge()
    await through(bridge.sink(), asEvent(named('call_b', '4711')))
    expect(await ticketsOf(bridge, await userOf(bridge, 1))).toHaveLength(1)
  })
})

describe('a recording', () => {
  test('is attached under its own name, linked in the record, playable on the ticket, with what was said', async () => {
    const bridge = await documentedBridge()
    const audio = await madeMp3(bridge.folder, 'a.mp3')
    const sink = bridge.sink()
    for (const event of answeredCall('call_a', callerNo(1))) await through(sink, asEvent(event))
    const transcript = { kind: 'text', text: 'hello, this is Carla', language: 'en', sentiment: null, keywords: [] } as const
    await through(sink, asRecording({ ...madeRecording('rec_a', audio, 'call_a'), transcript }, audio))
    const [seen] = await ticketsOf(bridge, await userOf(bridge, 1))
    const attachment = seen?.comments.flatMap(({ attachments }) => attachments)[0]
    expect(attachment?.file_name).toBe('rec_a.mp3')
    const { call } = await bridge.get('/calls/1')
    expect(call).toMatchObject({ transcript: 'hello, this is Carla' })
    expect(pathOf(call?.recording_url)).toBe(pathOf(attachment?.content_url))
    const player = seen?.comments.at(-1)?.data
    expect(player).toMatchObject({ transcript: 'hello, this is Carla', recording_url: call?.recording_url })
    expect(pathOf(player?.recording_url)).toMatch(/\.mp3$/)
    const played = await fetch(attachment?.content_url ?? '')
    expect(Buffer.from(await played.arrayBuffer()).length).toBe(audio.size)
  })

  test.each([
    ['opt_in', true, 'opt_in', 'caller_opted_in'],
    ['always', false, 'always', 'caller_opted_out'],
    ['opt_out', null, 'opt_out', null],
    ['always', null, null, null],
  ] as const)('that was kept by %s, where the caller said %s, says so in the record', async (policy, said, consent, action) => {
    const bridge = await documentedBridge()
    const audio = await madeMp3(bridge.folder, 'a.mp3')
    const sink = bridge.sink()
    for (const event of answeredCall('call_a', callerNo(1))) await through(sink, asEvent(event))
    const item = { ...madeRecording('rec_a', audio, 'call_a'), consent: { policy, by: 'default', said } }
    await through(sink, asRecording(item, audio))
    const { call } = await bridge.get('/calls/1')
    expect(call).toMatchObject({ call_recording_consent: consent, call_recording_consent_action: action })
  })

  test('waits while its call goes on without a ticket', async () => {
    const bridge = await documentedBridge()
    const audio = await madeMp3(bridge.folder, 'a.mp3')
    const item = { ...madeRecording('rec_a', audio, 'call_a'), foundAt: Date.now() }
    expect(await bridge.sink().deliver(asRecording(item, audio), AbortSignal.timeout(5_000))).toMatchObject({
      kind: 'wait',
      scope: 'job',
    })
    expect(bridge.proxy.seen).toEqual([])
  })

  test('of a call without a ticket makes one, by the call’s own record', async () => {
    const bridge = await documentedBridge()
    const audio = await madeMp3(bridge.folder, 'a.mp3')
    const sink = bridge.sink({ tickets: noTickets })
    for (const event of answeredCall('call_a', callerNo(1))) await through(sink, asEvent(event))
    await through(sink, asRecording(madeRecording('rec_a', audio, 'call_a'), audio))
    const [seen] = await ticketsOf(bridge, await userOf(bridge, 1))
    expect(seen?.comments.map(({ type }) => type)).toEqual(['TpeVoiceComment', 'Comment'])
    expect((await bridge.get('/calls/1')).call).toMatchObject({ ticket_id: seen?.ticket.id })
  })

  test('of a call without a ticket is left out where the configuration says so', async () => {
    const bridge = await documentedBridge()
    const audio = await madeMp3(bridge.folder, 'a.mp3')
    const sink = bridge.sink({ tickets: noTickets, settings: { recordingsWithoutTicket: 'skip' } })
    for (const event of answeredCall('call_a', callerNo(1))) await through(sink, asEvent(event))
    expect(await through(sink, asRecording(madeRecording('rec_a', audio, 'call_a'), audio))).toBeNull()
    expect(await bridge.sandbox.state()).toMatchObject({ tickets: 0, attachments: 0, uploads_waiting: 0 })
  })

  test('of a call within the house makes no ticket by itself', async () => {
    const bridge = await documentedBridge()
    const audio = await madeMp3(bridge.folder, 'a.mp3')
    const [, , , ended] = answeredCall('call_a', alicesPhone)
    if (ended === undefined) throw new Error('no end')
    await through(bridge.sink(), asEvent({ ...ended, call: { ...ended.call, direction: 'internal' } }))
    expect(await through(bridge.sink(), asRecording(madeRecording('rec_a', audio, 'call_a'), audio))).toBeNull()
    expect(bridge.proxy.seen).toEqual([])
  })

  test('of no known call gets a ticket of its own, once, also when its answer is lost', async () => {
    const bridge = await documentedBridge()
    const audio = await madeMp3(bridge.folder, 'a.mp3')
    const delivery = asRecording(madeRecording('rec_a', audio, null), audio)
    void bridge.proxy.arm({ at: 2, when: 'after' })
    expect((await bridge.sink().deliver(delivery, AbortSignal.timeout(5_000))).kind).toBe('retry')
    bridge.proxy.mend()
    await through(bridge.sink(), delivery)
    expect(await bridge.sandbox.state()).toMatchObject({ tickets: 1, attachments: 1 })
  })

  test('for a ticket that was closed meanwhile gets another one', async () => {
    const bridge = await documentedBridge()
    const audio = await madeMp3(bridge.folder, 'a.mp3')
    const sink = bridge.sink()
    for (const event of answeredCall('call_a', callerNo(1))) await through(sink, asEvent(event))
    await fetch(`${bridge.sandbox.url}/api/v2/tickets/1`, {
      method: 'PUT',
      headers: { authorization: `Bearer ${bridge.sandbox.token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ ticket: { status: 'closed' } }),
    })
    await through(sink, asRecording(madeRecording('rec_a', audio, 'call_a'), audio))
    const tickets = await ticketsOf(bridge, await userOf(bridge, 1))
    const files = tickets.map(({ comments }) => comments.flatMap(({ attachments }) => attachments).length)
    expect(files.sort()).toEqual([0, 1])
  })

  test('that is too large for Zendesk is linked from the archive, or refused with what to do', async () => {
    const bridge = await documentedBridge()
    const small = await madeMp3(bridge.folder, 'a.mp3')
    // Four hours at 32 kbit/s; only its size is looked at before anything is sent.
    const audio = { ...small, size: 57_600_000, durationMs: 4 * 3_600_000 }
    const sink = bridge.sink({ link: async ({ id }) => `https://archive.example/${id}.mp3` })
    for (const event of answeredCall('call_a', callerNo(1))) await through(sink, asEvent(event))
    await through(sink, asRecording(madeRecording('rec_a', audio, 'call_a'), audio))
    expect((await bridge.get('/calls/1')).call).toMatchObject({ recording_url: 'https://archive.example/rec_a.mp3' })
    const refused = await bridge
      .sink()
      .deliver(asRecording(madeRecording('rec_b', audio, 'call_a'), audio), AbortSignal.timeout(5_000))
    expect(refused).toMatchObject({ kind: 'reject', reason: expect.stringContaining('configure archive') })
  })

  test('whose upload ran out before it was attached goes up again', async () => {
    const bridge = await documentedBridge()
    const audio = await madeMp3(bridge.folder, 'a.mp3')
    const sink = bridge.sink()
    for (const event of answeredCall('call_a', callerNo(1))) await through(sink, asEvent(event))
    const delivery = asRecording(madeRecording('rec_a', audio, 'call_a'), audio)
    void bridge.proxy.arm({ at: 2, when: 'before' })
    expect((await sink.deliver(delivery, AbortSignal.timeout(5_000))).kind).toBe('retry')
    bridge.proxy.mend()
    await bridge.account({ upload_kept_ms: 0 })
    await bridge.account({ upload_kept_ms: 3_600_000 })
    await through(bridge.sink({ clock: () => Date.now() + 3_600_000 }), delivery)
    const [seen] = await ticketsOf(bridge, await userOf(bridge, 1))
    const { call } = await bridge.get('/calls/1')
    const [attachment] = seen?.comments.flatMap(({ attachments }) => attachments) ?? []
    expect(pathOf(call?.recording_url)).toBe(pathOf(attachment?.content_url))
  })
})

test('an upload that Zendesk no longer has is sent again, but not for ever', async () => {
  const bridge = await documentedBridge()
  const audio = await madeMp3(bridge.folder, 'a.mp3')
  const sink = bridge.sink()
  for (const event of answeredCall('call_a', callerNo(1))) await through(sink, asEvent(event))
  const delivery = asRecording(madeRecording('rec_a', audio, 'call_a'), audio)
  await bridge.sandbox.fault('tickets', { kind: 'status', status: 422, body: { error: 'RecordInvalid' } }, { times: 1 })
  await through(sink, delivery)
  expect(await bridge.sandbox.state()).toMatchObject({ attachments: 1 })
  // Every change of a ticket is refused; looking at it is not. The look here makes the next change the second request.
  await bridge.sandbox.fault('tickets', { kind: 'status', status: 422, body: { error: 'RecordInvalid' } }, { times: 9, every: 2 })
  await bridge.get('/tickets/1')
  const stubborn = asRecording(madeRecording('rec_b', audio, 'call_a'), audio)
  await expect(through(sink, stubborn)).rejects.toThrow('422')
})

describe('a call that the PBX wants no ticket for', () => {
  test('gets none, neither by its rules nor for its recording; nor does its message', async () => {
    const bridge = await documentedBridge()
    const sink = bridge.sink()
    const audio = await madeMp3(bridge.folder, 'a.mp3')
    const events = answeredCall('call_n', callerNo(1)).map(event => ({
      ...event,
      call: { ...event.call, directives: { 'no-ticket': 'true' } },
    }))
    for (const event of events) await through(sink, asEvent(event))
    expect(await through(sink, asRecording(madeRecording('rec_n', audio, 'call_n'), audio))).toBeNull()
    const silence = rulesOf(aRule('silence', { on: ['voicemail'], ignore: true, create: null }))
    const item = { ...madeVoicemail('vm_n', audio), from: callerNo(1) }
    expect(await through(bridge.sink({ tickets: silence }), asVoicemail(item, audio))).toBeNull()
    expect((await ticketsOf(bridge, await userOf(bridge, 1))).length).toBe(0)
    expect(await bridge.sandbox.state()).toMatchObject({ tickets: 0 })
  })
})

describe('a voicemail', () => {
  test('that no rule speaks of is a ticket with a player and the file', async () => {
    const bridge = await documentedBridge()
    const audio = await madeMp3(bridge.folder, 'a.mp3')
    const item = { ...madeVoicemail('vm_a', audio), from: callerNo(1) }
    await through(bridge.sink({ tickets: noTickets }), asVoicemail(item, audio))
    const [seen] = await ticketsOf(bridge, await userOf(bridge, 1))
    expect(seen?.ticket).toMatchObject({ subject: 'Voicemail from +14152000001', external_id: 'vm_a' })
    expect(seen?.comments.flatMap(({ attachments }) => attachments)).toMatchObject([{ file_name: 'vm_a.mp3' }])
    expect(seen?.comments.some(({ type }) => type === 'VoiceComment')).toBe(true)
  })

  test('of a call that has a ticket goes there', async () => {
    const bridge = await documentedBridge()
    const audio = await madeMp3(bridge.folder, 'a.mp3')
    const sink = bridge.sink()
    for (const event of missedCall('call_a', callerNo(1), true)) await through(sink, asEvent(event))
    await through(sink, asVoicemail({ ...madeVoicemail('vm_a', audio, 'call_a'), from: callerNo(1) }, audio))
    const tickets = await ticketsOf(bridge, await userOf(bridge, 1))
    expect(tickets).toHaveLength(1)
    expect(tickets[0]?.comments.flatMap(({ attachments }) => attachments)).toHaveLength(1)
  })

  describe('for the caller’s recent ticket', () => {
    const reuse = { of: 'caller', withinMs: 86_400_000 } as const
    const tickets = rulesOf(aRule('missed', { reuse }), aRule('message', { on: ['voicemail'], reuse }))

    /** A caller with a ticket; the message’s file has just been attached to it, and nobody heard of that. */
    async function attachedUnheard() {
      const bridge = await documentedBridge()
      const audio = await madeMp3(bridge.folder, 'a.mp3')
      const leave = async (n: number) => {
        for (const event of missedCall(`call_${n}`, callerNo(n))) await through(bridge.sink({ tickets }), asEvent(event))
        return asVoicemail({ ...madeVoicemail(`vm_${n}`, audio), from: callerNo(n) }, audio)
      }
      const rehearsal = await leave(1)
      void bridge.proxy.arm(null)
      await through(bridge.sink({ tickets }), rehearsal)
      const attaching = bridge.proxy.seen.findIndex(request => request.startsWith('PUT ')) + 1
      const delivery = await leave(2)
      void bridge.proxy.arm({ at: attaching, when: 'after' })
      expect(await bridge.sink({ tickets }).deliver(delivery, AbortSignal.timeout(5_000))).toMatchObject({ kind: 'retry' })
      bridge.proxy.mend()
      const become = (status: string) =>
        fetch(`${bridge.sandbox.url}/api/v2/tickets/2`, {
          method: 'PUT',
          headers: { authorization: `Bearer ${bridge.sandbox.token}`, 'content-type': 'application/json' },
          body: JSON.stringify({ ticket: { status } }),
        })
      const files = async () => {
        const seen = await ticketsOf(bridge, await userOf(bridge, 2))
        return seen.map(({ comments }) => comments.flatMap(({ attachments }) => attachments).length).toSorted()
      }
      return { sink: bridge.sink({ tickets }), delivery, become, files }
    }

    test('stays on the one that it was attached to, though it is solved before anybody hears of that', async () => {
      const { sink, delivery, become, files } = await attachedUnheard()
      await become('solved')
      await through(sink, delivery)
      expect(await files()).toEqual([1])
    })

    test('gets one of its own when that is closed before it is through', async () => {
      const { sink, delivery, become, files } = await attachedUnheard()
      await become('closed')
      await through(sink, delivery)
      expect(await files()).toEqual([1, 1])
    })
  })

  test('of a call whose ticket was closed meanwhile gets one of its own', async () => {
    const bridge = await documentedBridge()
    const audio = await madeMp3(bridge.folder, 'a.mp3')
    const sink = bridge.sink()
    for (const event of missedCall('call_a', callerNo(1), true)) await through(sink, asEvent(event))
    await fetch(`${bridge.sandbox.url}/api/v2/tickets/1`, {
      method: 'PUT',
      headers: { authorization: `Bearer ${bridge.sandbox.token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ ticket: { status: 'closed' } }),
    })
    await through(sink, asVoicemail({ ...madeVoicemail('vm_a', audio, 'call_a'), from: callerNo(1) }, audio))
    const tickets = await ticketsOf(bridge, await userOf(bridge, 1))
    expect(tickets.map(({ comments }) => comments.flatMap(({ attachments }) => attachments).length).toSorted()).toEqual([0, 1])
  })
})

describe('an account without the Partner Edition', () => {
  test('gets tickets with a player, and nothing that it may not have', async () => {
    const bridge = await documentedBridge()
    await bridge.account({ partner_edition: false })
    const audio = await madeMp3(bridge.folder, 'a.mp3')
    const sink = bridge.sink({ settings: { licence: 'none' } })
    for (const event of answeredCall('call_a', callerNo(1))) await through(sink, asEvent(event))
    await through(sink, asRecording(madeRecording('rec_a', audio, 'call_a'), audio))
    await through(sink, asVoicemail({ ...madeVoicemail('vm_a', audio), from: callerNo(2) }, audio))
    expect(await bridge.sandbox.state()).toMatchObject({ tickets: 2, documented_calls: 0, attachments: 2 })
    const [seen] = await ticketsOf(bridge, await userOf(bridge, 1))
    expect(seen?.ticket).toMatchObject({ external_id: 'call_a', assignee_id: alice.id })
    expect(seen?.comments.filter(({ type }) => type === 'VoiceComment')).toHaveLength(1)
  })

  test('is told how to say so when it was not', async () => {
    const bridge = await documentedBridge()
    await bridge.account({ partner_edition: false })
    const [, ended] = missedCall('call_a', callerNo(1))
    if (ended === undefined) throw new Error('no end')
    expect(await bridge.sink().deliver(asEvent(ended), AbortSignal.timeout(5_000))).toMatchObject({
      kind: 'wait',
      scope: 'sink',
      reason: expect.stringContaining('zendesk.licence: none'),
    })
  })
})

test('a ticket that was changed too often makes its call wait, and no other', async () => {
  const bridge = await documentedBridge()
  await bridge.account({ updates_per_ticket: 1 })
  const sink = bridge.sink()
  const [, ended] = missedCall('call_a', callerNo(1))
  if (ended === undefined) throw new Error('no end')
  expect(await sink.deliver(asEvent(ended), AbortSignal.timeout(5_000))).toMatchObject({ kind: 'wait', scope: 'job' })
  await bridge.account({ updates_per_ticket: 30 })
  await through(bridge.sink(), asEvent(ended))
  expect(await bridge.sandbox.state()).toMatchObject({ tickets: 1, documented_calls: 1 })
})

test('what a lost answer may still be doing is let finish before it is looked for', async () => {
  const bridge = await documentedBridge()
  let now = Date.now()
  const late = { settleMs: 2_000, clock: () => now }
  const [, ended] = missedCall('call_a', callerNo(1))
  if (ended === undefined) throw new Error('no end')
  // The three before it find and make the user.
  void bridge.proxy.arm({ at: 4, when: 'after' })
  expect((await bridge.sink(late).deliver(asEvent(ended), AbortSignal.timeout(5_000))).kind).toBe('retry')
  void bridge.proxy.arm(null)
  now += 500
  expect(await bridge.sink(late).deliver(asEvent(ended), AbortSignal.timeout(5_000))).toMatchObject({
    kind: 'wait',
    scope: 'job',
    afterMs: 1_500,
  })
  expect(bridge.proxy.seen).toEqual([])
  now += 1_500
  await through(bridge.sink(late), asEvent(ended))
  expect(await bridge.sandbox.state()).toMatchObject({ documented_calls: 1, tickets: 1 })
})

test('Zendesk drops no key of anything that is sent', async () => {
  const bridge = await documentedBridge()
  const dropped: (string | null)[] = []
  const recorder = await scriptedServer((response, request) => {
    const { method, url, headers } = request
    const asked = recorder.seen.at(-1)
    const body = method === 'GET' || asked === undefined ? null : asked.body
    const sent = { authorization: String(headers.authorization), 'content-type': headers['content-type'] ?? 'application/json' }
    fetch(`${bridge.sandbox.url}${url}`, { method: method ?? 'GET', headers: sent, body }).then(async answer => {
      dropped.push(answer.headers.get(warningHeader))
      response.writeHead(answer.status, { 'content-type': 'application/json' }).end(await answer.text())
    })
  })
  const audio = await madeMp3(bridge.folder, 'a.mp3')
  const transcript = { kind: 'text', text: 'hello', language: 'en', sentiment: null, keywords: [] } as const
  for (const licence of ['partner-edition', 'none'] as const) {
    const sink = bridge.sink({ baseUrl: recorder.url, settings: { licence, brandId: 7 } })
    for (const event of transferredCall(`call_${licence}`, callerNo(1))) await through(sink, asEvent(event))
    for (const event of missedCall(`call_missed_${licence}`, callerNo(2))) await through(sink, asEvent(event))
    await through(sink, asRecording({ ...madeRecording(`rec_${licence}`, audio, `call_${licence}`), transcript }, audio))
    await through(sink, asVoicemail({ ...madeVoicemail(`vm_${licence}`, audio), from: callerNo(3), transcript }, audio))
  }
  expect(dropped.length).toBeGreaterThan(30)
  expect(new Set(dropped)).toEqual(new Set([null]))
})

describe('a call that turns out to be part of another', () => {
  const talked = { from: callerNo(1), answeredAt: startedAt + 5_000, waitMs: 5_000, durationMs: 10_000 }
  const merged = { ...talked, mergedInto: madeEvent('call_whole').callId, endedAt: startedAt + 15_000 }

  test('has its record closed, and what was recorded of it waits for nothing more', async () => {
    const bridge = await documentedBridge()
    const sink = bridge.sink()
    for (const event of answeredCall('call_part', callerNo(1)).slice(0, 3)) await through(sink, asEvent(event))
    await through(sink, asEvent(madeEvent('call_part', 4, 'call.merged', merged)))
    const [seen] = await ticketsOf(bridge, await userOf(bridge, 1))
    const { call } = await bridge.get(`/calls/${seen?.comments[0]?.data?.call_id}`)
    expect(call).toMatchObject({ external_id: 'call_part', completion_status: 'completed', duration: 15, talk_time: 10 })
  })

  test('that had no record gets none, and its recording finds that it is over', async () => {
    const bridge = await documentedBridge()
    const sink = bridge.sink({ tickets: noTickets, settings: { recordingsWithoutTicket: 'skip' } })
    const started = madeEvent('call_part', 1, 'call.started', { from: callerNo(1) })
    await through(sink, asEvent(started))
    expect(await through(sink, asEvent(madeEvent('call_part', 2, 'call.merged', merged)))).toBeNull()
    const audio = await madeMp3(bridge.folder, 'a.mp3')
    expect(await through(sink, asRecording(madeRecording('rec_part', audio, 'call_part'), audio))).toBeNull()
  })
})
