import { expect, test } from 'vitest'
import { agentDirectory } from '../../../src/events/agents.ts'
import { numberPlan } from '../../../src/events/numbers.ts'
import type { HistoricCall } from '../../../src/migration/historic-call.ts'
import { CallIndex } from '../../../src/migration/import/call-index.ts'
import { importedCall } from '../../../src/migration/import/imported-call.ts'
import { historicCall } from './history.ts'

const site = { name: 'hq', numbers: numberPlan({ country: 'US', internal: [/^1\d{3}$/] }), agents: agentDirectory([]) }
const snapshot = (more: Partial<HistoricCall> = {}) => {
  const call = importedCall(historicCall(more), site, Date.UTC(2026, 10, 22))
  if ('reason' in call) throw new Error(call.reason)
  return call.snapshot
}
const base = snapshot()
const at = (ms: number): Partial<HistoricCall> => ({
  startedAt: base.startedAt + ms,
  answeredAt: null,
  endedAt: base.startedAt + ms,
})

test.each([
  ['at the same second', at(0), true],
  ['two seconds later', at(2_000), true],
  ['two seconds earlier', at(-2_000), true],
  ['four seconds later', at(4_000), false],
  ['of another caller', { from: { user: '+14155550101', display: null, anonymous: false } }, false],
  ['to another phone', { to: { user: '1002', display: null, anonymous: false } }, false],
])('a record %s as the bridge’s call is that call: %o', (_, more, same) => {
  const index = new CallIndex()
  index.add({ ...base, startedAt: base.startedAt + 437 })
  expect(index.find(snapshot(more))).toBe(same ? base.id : null)
})

test('of two calls between the same parties the nearer one is meant', () => {
  const index = new CallIndex()
  index.add({ ...base, startedAt: base.startedAt - 1_500 })
  const near = snapshot({ id: 'near' })
  index.add({ ...near, startedAt: near.startedAt + 200 })
  expect(index.find(base)).toBe(near.id)
})
