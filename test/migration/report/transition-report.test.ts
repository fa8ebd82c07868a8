import { expect, test } from 'vitest'
import { agentDirectory } from '../../../src/events/agents.ts'
import { numberPlan } from '../../../src/events/numbers.ts'
import type { HistoricCall } from '../../../src/migration/historic-call.ts'
import { importedCall } from '../../../src/migration/import/imported-call.ts'
import { TransitionTally } from '../../../src/migration/report/transition-report.ts'
import { historicCall } from '../import/history.ts'

const site = { name: 'hq', numbers: numberPlan({ country: 'US', internal: [/^1\d{3}$/] }), agents: agentDirectory([]) }
const call = (more: Partial<HistoricCall> = {}) => {
  const made = importedCall(historicCall(more), site, Date.UTC(2026, 10, 22))
  if ('reason' in made) throw new Error(made.reason)
  return made.snapshot
}
const record = { isInBridge: true, hasRecording: false, where: 'Master.csv:1' }

test('each group has the figures of both sides, and the total those of all groups', () => {
  const tally = new TransitionTally(each => new Date(each.startedAt).toISOString().slice(0, 10))
  const nextDay = {
    startedAt: historicCall().startedAt + 86_400_000,
    answeredAt: null,
    endedAt: historicCall().endedAt + 86_400_000,
  }
  tally.addRecord(call(), { ...record, hasRecording: true })
  tally.addRecord(call({ id: '2', answeredAt: historicCall().startedAt + 8_000 }), record)
  tally.addRecord(call({ id: '3', ...nextDay }), { ...record, isInBridge: false })
  tally.addBridge(call(), { isInRecords: true, hasRecording: true })
  const { rows, total } = tally.report()
  expect(rows.map(row => row.group)).toEqual(['2026-01-05', '2026-01-06'])
  expect(rows[0]?.records).toEqual({ calls: 2, answered: 2, answerRate: 1, averageWaitMs: 6_000, withRecording: 1 })
  expect(rows[0]?.bridge).toEqual({ calls: 1, answered: 1, answerRate: 1, averageWaitMs: 4_000, withRecording: 1 })
  expect(rows[1]?.records).toEqual({ calls: 1, answered: 0, answerRate: 0, averageWaitMs: null, withRecording: 0 })
  expect(rows[1]?.bridge.answerRate).toBeNull()
  expect(total.records).toEqual({ calls: 3, answered: 2, answerRate: 2 / 3, averageWaitMs: 6_000, withRecording: 1 })
})

test('what only one side has is listed up to a bound and counted beyond it', () => {
  const tally = new TransitionTally(() => 'hq')
  for (let n = 0; n < 120; n++)
    tally.addRecord(call({ id: String(n) }), { ...record, isInBridge: false, where: `Master.csv:${n}` })
  tally.addBridge(call({ id: 'x' }), { isInRecords: false, hasRecording: false })
  const report = tally.report()
  expect(report.onlyInRecordsCount).toBe(120)
  expect(report.onlyInRecords).toHaveLength(50)
  expect(report.onlyInRecords[0]).toMatchObject({ from: '+14155550100', where: 'Master.csv:0' })
  expect(report.onlyInBridge).toHaveLength(1)
})

test('calls between extensions are no difference: they never reach the trunk', () => {
  const tally = new TransitionTally(() => 'hq')
  tally.addRecord(call({ from: { user: '1002', display: null, anonymous: false } }), { ...record, isInBridge: false })
  expect(tally.report()).toMatchObject({ internal: 1, onlyInRecordsCount: 0, rows: [] })
})
