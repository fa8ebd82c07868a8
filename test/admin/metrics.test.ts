import { expect, test } from 'vitest'
import { startAdmin } from './started-admin.ts'

test('metrics show what the parts count now, families of one name merged, and the process itself', async () => {
  let calls = 3
  const { url } = await startAdmin({
    metrics: {
      read: async () => [
        { name: 'tpe_bridge_calls_total', help: 'Calls', type: 'counter', samples: [{ labels: {}, value: calls }] },
        { name: 'tpe_bridge_jobs', help: 'Jobs', type: 'gauge', samples: [{ labels: { state: 'dead' }, value: 2 }] },
        {
          name: 'tpe_bridge_jobs',
          help: 'Jobs',
          type: 'gauge',
          samples: [{ labels: { lane: 'media', state: 'pending' }, value: 0 }],
        },
      ],
    },
  })
  await fetch(`${url}/metrics`)
  calls = 4
  const answer = await fetch(`${url}/metrics`)
  const text = await answer.text()
  expect(answer.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8')
  expect(text).toContain('# TYPE tpe_bridge_calls_total counter\ntpe_bridge_calls_total 4\n')
  expect(text).toContain('tpe_bridge_jobs{state="dead"} 2\n')
  expect(text).toContain('tpe_bridge_jobs{lane="media",state="pending"} 0\n')
  expect(text.match(/# TYPE tpe_bridge_jobs gauge/g)).toHaveLength(1)
  expect(text).toContain('process_resident_memory_bytes')
  expect(text.endsWith('\n')).toBe(true)
})

test('a refused request is counted by its reason', async () => {
  const { url } = await startAdmin({ token: 'secret' })
  await fetch(`${url}/v1/calls`)
  const answer = await fetch(`${url}/metrics`, { headers: { authorization: 'Bearer secret' } })
  expect(await answer.text()).toContain('tpe_bridge_admin_requests_refused_total{reason="token"} 1')
})
