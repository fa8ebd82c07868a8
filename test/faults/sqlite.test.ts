import { expect, test } from 'vitest'
import { attemptFaults } from './fault-names.ts'
import { runSeeds } from './run.ts'
import { tellFindings } from './tell-findings.ts'

test('whatever fails, and however often: what was acknowledged upstream is delivered once and in order, from SQLite', {
  timeout: 600_000,
}, async () => {
  const { figures, findings } = await runSeeds({ store: 'sqlite', first: 0, seeds: 120 })
  expect(tellFindings(findings, 'sqlite')).toBe('')
  // That it was put to the test at all.
  expect(Object.keys(figures.faults).toSorted()).toEqual([...attemptFaults, '422'].toSorted())
  expect(figures.kills).toBeGreaterThanOrEqual(9)
  expect(figures.clockJumps).toBeGreaterThan(120)
  expect(figures.events).toBeGreaterThan(3_000)
  expect(figures.mostMemoryMiB).toBeLessThan(500)
})
