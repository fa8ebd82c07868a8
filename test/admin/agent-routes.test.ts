import { expect, test } from 'vitest'
import { startAdmin } from './started-admin.ts'

test('GET /v1/agents shows phones, statuses and extensions of nobody', async () => {
  const at = Date.UTC(2026, 10, 22, 9, 30)
  const { url } = await startAdmin({
    agents: {
      list: () => [
        {
          id: 35436,
          name: 'Alice',
          extensions: ['1001', '1991'],
          phone: 'on_call',
          since: at,
          zendesk: 'on_call',
          returnsTo: 'unavailable',
          problem: null,
        },
      ],
      unmapped: [{ extension: '1234', calls: 2, lastSeenAt: at }],
    },
  })
  const answer = await fetch(`${url}/v1/agents`)
  expect(await answer.json()).toEqual({
    agents: [
      {
        id: 35436,
        name: 'Alice',
        extensions: ['1001', '1991'],
        phone: 'on_call',
        since: '2026-11-22T09:30:00.000Z',
        zendesk: 'on_call',
        returns_to: 'unavailable',
        problem: null,
      },
    ],
    unmapped: [{ extension: '1234', calls: 2, last_seen_at: '2026-11-22T09:30:00.000Z' }],
  })
})

test('without agents the lists are empty', async () => {
  const { url } = await startAdmin()
  expect(await (await fetch(`${url}/v1/agents`)).json()).toEqual({ agents: [], unmapped: [] })
})
