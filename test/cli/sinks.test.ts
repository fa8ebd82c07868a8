import { expect, test } from 'vitest'
import { operatedStore } from './operated-store.ts'

const reason = '422 Subject is too long'

test('a sink is paused and resumed, and the list says who and why', async () => {
  const { command, look } = await operatedStore({ dead: 2, reason })
  const pause = ['sinks', 'pause', 'zendesk', '--reason', 'maintenance until ten']
  expect(await command(pause)).toEqual({ code: 0, stdout: 'zendesk is paused\n', stderr: '' })
  expect((await command(pause)).stdout).toMatch(/^zendesk was paused already, since .+ by test@here: maintenance until ten\n$/)
  const { stdout } = await command(['sinks'])
  const [titles, zendesk, archive] = stdout.split('\n').map(line => line.split(/ {2,}/))
  expect(titles).toEqual(['SINK', 'STATE', 'PENDING', 'RUNNING', 'DEAD', 'SINCE (UTC)', 'BY', 'REASON'])
  expect(zendesk).toEqual(['zendesk', 'paused', '1', '0', '2', expect.any(String), 'test@here', 'maintenance until ten'])
  expect(archive).toEqual(['archive', 'open', '0', '0', '0', '-', '-'])
  expect((await command(['sinks', 'resume', 'zendesk'])).stdout).toBe('zendesk is resumed\n')
  expect((await command(['sinks', 'resume', 'zendesk'])).stdout).toBe('zendesk was not paused\n')
  const lines = await look(store => store.audit.list({ limit: 9 }))
  expect(lines.map(({ action }) => action)).toEqual(['sink.resumed', 'sink.paused'])
})

test('the list for machines', async () => {
  const { command } = await operatedStore({ dead: 1, reason })
  expect(JSON.parse((await command(['sinks', 'list', '--json'])).stdout)).toEqual([
    { sink: 'zendesk', paused: null, pending: 1, running: 0, dead: 1 },
    { sink: 'archive', paused: null, pending: 0, running: 0, dead: 0 },
    { sink: 'erasure', paused: null, pending: 0, running: 0, dead: 0 },
  ])
})

test.each([[['pause', 'zendesk']], [['pause', 'zendest', '--reason', 'x']], [['resume']]])(
  'sinks %j is wrong usage',
  async argv => {
    const { command } = await operatedStore({ dead: 0, reason })
    expect((await command(['sinks', ...argv])).code).toBe(2)
  },
)
