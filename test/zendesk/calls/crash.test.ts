import fc from 'fast-check'
import { expect, test } from 'vitest'
import { madeMp3 } from '../made-mp3.ts'
import { json } from '../running-sandbox.ts'
import { type DocumentedBridge, documentedBridge, through, ticketsOf } from './documented-bridge.ts'
import { type ScenarioKind, scenario, scenarioKinds } from './made-scenarios.ts'

/** What a person expects to find: voice comments by call, files, and texts. */
const expected: Record<ScenarioKind, { calls: number; voice: number; files: number; players: number }> = {
  answered: { calls: 1, voice: 3, files: 1, players: 1 },
  transferred: { calls: 1, voice: 4, files: 1, players: 1 },
  missed: { calls: 1, voice: 1, files: 0, players: 0 },
  voicemail: { calls: 1, voice: 1, files: 1, players: 1 },
  repeat: { calls: 2, voice: 2, files: 0, players: 0 },
}

async function outcome(bridge: DocumentedBridge, number: string) {
  const { users = [] } = await bridge.get(`/users/search?external_id=${encodeURIComponent(`pbx:${number}`)}`)
  const tickets = await ticketsOf(bridge, (users[0] as { id: number } | undefined)?.id)
  const comments = tickets.flatMap(({ comments }) => comments)
  const voice = comments.filter(({ type }) => type === 'TpeVoiceComment')
  return {
    tickets: tickets.length,
    calls: new Set(voice.map(({ data }) => data?.call_id)).size,
    voice: voice.length,
    files: comments.flatMap(({ attachments }) => attachments).length,
    players: comments.filter(({ data }) => typeof data?.recording_url === 'string' && data.recording_url !== '').length,
  }
}

const none = {
  users_with_one_phone: [],
  calls_with_one_external_id: [],
  tickets_with_one_external_id: [],
  attachments_with_one_name: [],
}

test('a delivery that is cut at any request, before or after its effect, ends with one of everything', async () => {
  const bridge = await documentedBridge()
  const audio = await madeMp3(bridge.folder, 'a.mp3')
  let n = 0
  const cutArbitrary = fc.record({
    kind: fc.constantFrom(...scenarioKinds),
    at: fc.integer({ min: 1, max: 14 }),
    when: fc.constantFrom('before' as const, 'after' as const),
  })
  await fc.assert(
    fc.asyncProperty(cutArbitrary, async ({ kind, at, when }) => {
      n += 1
      const { caller, deliveries } = scenario(kind, n, audio)
      void bridge.proxy.arm({ at, when })
      let sink = bridge.sink()
      for (const delivery of deliveries) {
        const first = await sink.deliver(delivery, AbortSignal.timeout(10_000))
        if (first.kind === 'delivered') continue
        bridge.proxy.mend()
        sink = bridge.sink()
        await through(sink, delivery)
      }
      bridge.proxy.mend()
      expect(await outcome(bridge, caller.value)).toEqual({ tickets: 1, ...expected[kind] })
      const state = await bridge.sandbox.state()
      expect(state.duplicates).toEqual(none)
    }),
    { numRuns: 60 },
  )
  expect(await json(await fetch(`${bridge.sandbox.url}/_sandbox/settings`))).toBeDefined()
}, 120_000)
