import { expect, test } from 'vitest'
import { agentDirectory } from '../../../src/events/agents.ts'
import { callIdOf } from '../../../src/events/ids.ts'
import { numberPlan } from '../../../src/events/numbers.ts'
import type { HistoricCall } from '../../../src/migration/historic-call.ts'
import { importedCall, type Site } from '../../../src/migration/import/imported-call.ts'
import { historicCall } from './history.ts'

const site: Site = {
  name: 'hq',
  numbers: numberPlan({ country: 'US', internal: [/^1\d{3}$/] }),
  agents: agentDirectory([
    { id: 7, extension: '1001', name: 'Alice' },
    { id: 8, extension: '1002', name: 'Bea' },
  ]),
}
const now = Date.UTC(2026, 10, 22)
const imported = (more: Partial<HistoricCall> = {}, at = site) => {
  const call = importedCall(historicCall(more), at, now)
  if ('reason' in call) throw new Error(call.reason)
  return call
}

test('a call is one event, with everything that a live call’s last event says', () => {
  const { change } = imported()
  expect(change.ended).toBe(true)
  expect(change.events).toHaveLength(1)
  expect(change.events[0]).toMatchObject({
    type: 'call.ended',
    sequence: 1,
    site: 'hq',
    id: `${change.call.id}.ended.1`,
    call: {
      from: { kind: 'e164', value: '+14155550100', display: 'Bob' },
      to: { kind: 'extension', value: '1001' },
      direction: 'inbound',
      waitMs: 4_000,
      durationMs: 60_000,
      agents: [{ id: 7, name: 'Alice' }],
      legs: [],
    },
  })
})

test('the ids come from what the records call it, so any file gives the same', () => {
  expect(imported().change.events[0]?.id).toBe(
    imported({ from: { user: '5', display: null, anonymous: false } }).change.events[0]?.id,
  )
  expect(imported().change.call.id).not.toBe(imported({}, { ...site, name: 'branch' }).change.call.id)
})

test('a call whose SIP Call-ID is known has the id that the bridge in the trunk gave it', () => {
  const sipCallIds = ['caller@carrier', 'phone@pbx']
  expect(imported({ sipCallIds }).change.call.id).toBe(callIdOf('caller@carrier'))
  const outbound = {
    sipCallIds,
    from: { user: '1001', display: null, anonymous: false },
    to: { user: '+14155550100', display: null, anonymous: false },
  }
  expect(imported(outbound).change.call.id).toBe(callIdOf('phone@pbx'))
  expect(imported(outbound).snapshot.legs).toMatchObject([{ sipCallId: 'phone@pbx' }])
})

test('the agent is who answered, wherever the caller had called', () => {
  const to = { user: '+14155550199', display: null, anonymous: false }
  expect(imported({ to, answeredBy: '1002' }).snapshot.agents).toEqual([{ id: 8, extension: '1002', name: 'Bea' }])
  expect(imported({ to, answeredBy: 'trunk' }).snapshot.agents).toEqual([])
})

test.each([
  [{ endedAt: historicCall().startedAt - 1000 }, 'the call ends before it begins'],
  [{ answeredAt: historicCall().startedAt - 1000 }, 'the call is answered outside of its own time'],
  [{ endedAt: historicCall().startedAt + 8 * 86_400_000 }, 'the call is longer than a week'],
  [{ startedAt: now + 2 * 86_400_000, answeredAt: null, endedAt: now + 3 * 86_400_000 }, 'the call is in the future'],
  [
    { from: { user: '', display: null, anonymous: true }, to: { user: '', display: null, anonymous: false } },
    'the record names no party',
  ],
])('a call that cannot have been is refused with what to do: %#', (more, reason) => {
  expect(importedCall(historicCall(more), site, now)).toMatchObject({ reason, fix: expect.stringMatching(/.{10}/) })
})
