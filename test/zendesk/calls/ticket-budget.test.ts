import { expect, test } from 'vitest'
import { TicketBudget } from '../../../src/zendesk/calls/ticket-budget.ts'

test('a ticket is changed 28 times in ten minutes, and again when the oldest change is ten minutes old', () => {
  const budget = new TicketBudget()
  for (let i = 0; i < 28; i++) expect(budget.spend(17, i * 1_000)).toBe(0)
  expect(budget.spend(17, 30_000)).toBe(570_000)
  expect(budget.spend(18, 30_000)).toBe(0)
  expect(budget.spend(17, 600_000)).toBe(0)
  expect(budget.spend(17, 600_000)).toBe(1_000)
})
