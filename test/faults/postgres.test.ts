import { expect, test } from 'vitest'
import { attemptFaults } from './fault-names.ts'
import { runSeeds } from './run.ts'
import { tellFindings } from './tell-findings.ts'

test('whatever fails, and however often: what was acknowledged upstream is delivered once and in order, from a PostgreSQL that bridges share', {
  timeout: 600_000,
}, async () => {
  const { figures, findings } = await runSeeds({ store: 'postgres', first: 120, seeds: 80 })
  expect(tellFindings(findings, 'postgres')).toBe('')
  // That it was put to the test at all.
  expect(Object.keys(figures.faults).toSorted()).toEqual([...attemptFaults, '422'].toSorted())
  expect(figures.kills).toBeGreaterThanOrEqual(6)
  expect(figures.databaseCrashes).toBeGreaterThanOrEqual(1)
  expect(figures.clockJumps).toBeGreaterThan(80)
  expect(figures.events).toBeGreaterThan(1_200)
  expect(figures.mostMemoryMiB).toBeLessThan(500)
})
