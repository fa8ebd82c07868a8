import { expect, test } from 'vitest'
import { operatedStore } from './operated-store.ts'

const reason = '422 Subject is too long'

test('all that fit a filter are redriven, and each is in the audit log under the operator’s name', async () => {
  const { command, look } = await operatedStore({ dead: 3, reason })
  expect(await command(['uploads', 'redrive', '--reason-contains', 'subject', '--since', '1h'])).toEqual({
    code: 0,
    stdout: '3 redriven\n',
    stderr: '',
  })
  expect(await look(store => store.views.jobCounts())).toMatchObject({ pending: 4, dead: 0 })
  const lines = await look(store => store.audit.list({ limit: 9 }))
  expect(lines.map(({ actor, action }) => `${actor} ${action}`)).toEqual(Array(3).fill('test@here upload.redriven'))
})

test('--dry-run says how many fit, and changes nothing', async () => {
  const { command, look } = await operatedStore({ dead: 3, reason })
  expect(await command(['uploads', 'drop', '--state', 'dead', '--reason', 'test', '--dry-run'])).toMatchObject({
    code: 0,
    stdout: '3 would be dropped\n',
  })
  expect(await look(store => store.views.jobCounts())).toMatchObject({ dead: 3, dropped: 0 })
})

test('a drop by filter keeps its reason', async () => {
  const { command, look } = await operatedStore({ dead: 2, reason })
  expect(await command(['uploads', 'drop', '--call', 'c1', '--reason', 'a test call', '--json'])).toMatchObject({
    code: 0,
    stdout: '{"done":1,"refused":{},"interrupted":false}\n',
  })
  expect(await look(store => store.desk.getUpload('c1.1'))).toMatchObject({ state: 'dropped', reason: 'a test call' })
  expect(await look(store => store.desk.getUpload('c0.1'))).toMatchObject({ state: 'dead' })
})

test.each([
  [['redrive'], 'name ids, or say which are meant'],
  [['redrive', 'c0.1', '--state', 'dead'], 'not both'],
  [['redrive', 'c0.1', '--dry-run'], 'not both'],
  [['redrive', '--state', 'delivered'], 'Allowed choices are dead, quarantined, dropped, pending'],
  [['redrive', '--since', 'yesterday'], 'write how long ago (30m, 6h, 2d) or a date'],
  [['drop', '--state', 'dead'], "required option '--reason <text>' not specified"],
])('uploads %j is wrong usage', async (argv, told) => {
  const { command, look } = await operatedStore({ dead: 1, reason })
  const { code, stderr } = await command(['uploads', ...argv])
  expect(code).toBe(2)
  expect(stderr).toContain(told)
  expect(await look(store => store.views.jobCounts())).toMatchObject({ dead: 1 })
})

test('an interruption ends it between two steps, and says how far it came', async () => {
  const { command, look } = await operatedStore({ dead: 600, reason })
  const ran = await command(['uploads', 'redrive', '--state', 'dead'], { interrupted: AbortSignal.abort('SIGINT') })
  expect(ran).toMatchObject({ code: 130, stdout: '250 redriven, then it was interrupted; run it again to go on\n' })
  expect(await look(store => store.views.jobCounts())).toMatchObject({ dead: 350 })
  expect(await command(['uploads', 'redrive', '--state', 'dead'])).toMatchObject({ code: 0, stdout: '350 redriven\n' })
})

test('a terminal gets a bar, which is gone before the result', async () => {
  const { command } = await operatedStore({ dead: 3, reason })
  const { stdout } = await command(['uploads', 'redrive', '--state', 'dead'], { isTerminal: true })
  expect(stdout).toContain('[##############################] 100 %  3 of 3')
  expect(stdout.endsWith('\r\u001b[2K3 redriven\n')).toBe(true)
})

test('what is redriven towards a paused sink is said to wait', async () => {
  const { command } = await operatedStore({ dead: 1, reason })
  await command(['sinks', 'pause', 'zendesk', '--reason', 'maintenance'])
  const { code, stderr } = await command(['uploads', 'redrive', '--state', 'dead'])
  expect(code).toBe(0)
  expect(stderr).toBe('zendesk is paused (test@here: maintenance): what goes there waits for `tpe-bridge sinks resume zendesk`\n')
})

test('the list takes the same filters', async () => {
  const { command } = await operatedStore({ dead: 2, reason })
  const { stdout } = await command(['uploads', 'list', '--reason-contains', 'too long', '--json', '--limit', '1'])
  expect(JSON.parse(stdout)).toMatchObject([{ id: 'c1.1', sink: 'zendesk', state: 'dead', reason }])
  expect((await command(['uploads', 'list', '--sink', 'archive'])).stdout).toBe('no uploads\n')
})
