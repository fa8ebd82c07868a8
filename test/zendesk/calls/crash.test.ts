import fc from 'fast-check'
import { expect, test } from 'vitest'
import { madeMp3 } from '../made-mp3.ts'
import { type DocumentedBridge, documentedBridge, noTickets, type SinkChanges, through, ticketsOf } from './documented-bridge.ts'
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

/** Each way to use the dialect, and what differs: without call records there are no voice comments, without rules only audio shows. */
const ways = {
  'with call records': {},
  'without the Partner Edition': { settings: { licence: 'none' } },
  'without rules': { tickets: noTickets },
} as const satisfies Record<string, SinkChanges>

type Way = keyof typeof ways

function expectedIn(way: Way, kind: ScenarioKind) {
  const all = { tickets: 1, ...expected[kind] }
  if (way === 'with call records') return all
  if (way === 'without the Partner Edition') return { ...all, calls: 0, voice: 0 }
  const heard = all.files > 0
  // A voicemail’s ticket is not its call’s: nothing asked for one for that.
  const recorded = heard && kind !== 'voicemail'
  return { ...all, tickets: heard ? 1 : 0, calls: recorded ? 1 : 0, voice: recorded ? 1 : 0 }
}

test.for<[Way, number]>([
  ['with call records', 14],
  ['without the Partner Edition', 6],
  ['without rules', 6],
])(
  'deliveries (%s) that are cut at any requests, before or after their effect, end with one of everything',
  { timeout: 60_000 },
  async ([way, numRuns]) => {
    const bridge = await documentedBridge()
    const audio = await madeMp3(bridge.folder, 'a.mp3')
    let n = 0
    const cut = fc.record({ at: fc.integer({ min: 1, max: 14 }), when: fc.constantFrom('before' as const, 'after' as const) })
    // The first cut is anywhere; those that follow strike while what it left behind is looked for.
    const scenarios = fc.record({ kind: fc.constantFrom(...scenarioKinds), cuts: fc.array(cut, { minLength: 1, maxLength: 3 }) })
    await fc.assert(
      fc.asyncProperty(scenarios, async ({ kind, cuts }) => {
        n += 1
        // What an earlier run left behind must not make this one fail, too: fast-check would shrink to nonsense.
        const { duplicates } = await bridge.sandbox.state()
        const { caller, deliveries } = scenario(kind, n, audio)
        const left = [...cuts]
        void bridge.proxy.arm(left.shift() ?? null)
        let sink = bridge.sink(ways[way])
        for (const delivery of deliveries) {
          while ((await sink.deliver(delivery, AbortSignal.timeout(10_000))).kind !== 'delivered') {
            void bridge.proxy.arm(left.shift() ?? null)
            sink = bridge.sink(ways[way])
          }
        }
        void bridge.proxy.arm(null)
        expect(await outcome(bridge, caller.value)).toEqual(expectedIn(way, kind))
        // A record that is on no ticket cannot be found again, so there may be two (look-up.ts says why).
        const without = way === 'without rules' ? { calls_with_one_external_id: expect.anything() } : {}
        expect((await bridge.sandbox.state()).duplicates).toEqual({ ...Object(duplicates), ...without })
      }),
      { numRuns },
    )
  },
)

test('a recording that is delivered while its call ends takes nothing from what is noted of the call', async () => {
  const bridge = await documentedBridge()
  const audio = await madeMp3(bridge.folder, 'a.mp3')
  const sink = bridge.sink()
  const callers = await Promise.all(
    [1, 2, 3, 4].map(async n => {
      const { caller, deliveries } = scenario('answered', n, audio)
      const last = deliveries.splice(-2)
      for (const delivery of deliveries) await through(sink, delivery)
      await Promise.all(last.map(delivery => through(sink, delivery)))
      // Whatever was forgotten would be done again.
      for (const delivery of last) await through(bridge.sink(), delivery)
      return caller
    }),
  )
  for (const caller of callers) expect(await outcome(bridge, caller.value)).toEqual({ tickets: 1, ...expected.answered })
})

test.for(scenarioKinds)('deliveries of a call (%s) that come again after they were through change nothing', async kind => {
  const bridge = await documentedBridge()
  const audio = await madeMp3(bridge.folder, 'a.mp3')
  const { caller, deliveries } = scenario(kind, 1, audio)
  for (const delivery of deliveries) await through(bridge.sink(), delivery)
  for (const delivery of deliveries) await through(bridge.sink(), delivery)
  expect(await outcome(bridge, caller.value)).toEqual({ tickets: 1, ...expected[kind] })
})
