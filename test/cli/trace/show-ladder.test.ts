/** `tpe-bridge calls show ID --ladder`: the same picture of a call that is stored. */
import { readFile } from 'node:fs/promises'
import { expect, onTestFinished, test } from 'vitest'
import { replay, type TracedCall } from '../../../src/cli/trace/replay.ts'
import { patienceOf } from '../../../src/events/followed-calls.ts'
import { readCapture } from '../../../src/sip/hep/capture-file.ts'
import { SqliteStore } from '../../../src/uploads/store/sqlite-store.ts'
import { office } from '../../events/office.ts'
import { aChange } from '../../uploads/fixtures.ts'
import { temporaryFolder } from '../../zendesk/running-sandbox.ts'
import { command, fixture } from './lab.ts'

/** What the model makes of a capture. */
async function followed(name: string): Promise<TracedCall> {
  const read = readCapture(await readFile(fixture(name)))
  if (!read.ok) throw new Error(read.reason)
  const { calls } = replay(read.capture.items, {
    hosts: { pbx: [{ address: '127.0.0.1', port: 5070 }], carrier: [] },
    ties: { unique: [], callId: [] },
    context: office,
    patience: patienceOf({ unansweredAfterMs: 300_000, orphanAfterMs: 14_400_000 }),
  })
  const [call] = calls
  if (call === undefined) throw new Error('the capture holds no call')
  return call
}

async function store() {
  const dataDir = await temporaryFolder()
  const opened = await SqliteStore.open({ dataDir, role: 'bridge', now: Date.now, log: { error() {} } })
  onTestFinished(() => opened.close())
  return { opened, show: (...argv: readonly string[]) => command(['calls', 'show', ...argv], { data_dir: dataDir }) }
}

test('shows the SIP calls of a stored call over time, why they are one, and its events', async () => {
  const { opened, show } = await store()
  const { call, events } = await followed('07-hold')
  await opened.calls.append([{ call, events, keys: call.keys, ended: true }])
  const { code, stdout } = await show(call.id, '--ladder')
  expect(code).toBe(0)
  expect(stdout.slice(stdout.indexOf('     SIP CALL'))).toMatchInlineSnapshot(`
    "     SIP CALL     STATE                  PART OF IT BY                      CALL-ID
      a  1001 → 1002  connected (completed)  the caller’s                       1-6672@127.0.0.1
      b  1001 → 1002  connected (completed)  guess: the same caller and callee  61ceb333-2499-40dd-89d4-b8f79492f88e

                                   a 1001 → 1002             b 1001 → 1002
        +0.000                     ┬ begins
        +0.000   call.started      │
        +0.004   call.ringing      │
        +0.004                     │                         ┬ begins
        +0.508                     │                         ┼ answers
        +0.510                     ┼ answers                 │
        +0.510   call.answered     │                         │
        +3.517   call.held         │                         │
        +6.525   call.resumed      │                         │
        +8.533                     ┴ completed               │
        +8.535                                               ┴ completed
        +8.535   call.ended
    "
  `)
})

test('shows a call with more SIP calls than fit beside each other line by line, within 100 columns', async () => {
  const { opened, show } = await store()
  const change = aChange('busy', [1])
  const [first] = change.call.sipCalls
  if (first === undefined) throw new Error('the fixture has a SIP call')
  const sipCalls = Array.from({ length: 6 }, (_, i) => ({
    ...first,
    sipCallId: `leg-${i}@pbx`,
    startedAt: first.startedAt + i * 10,
  }))
  await opened.calls.append([{ ...change, call: { ...change.call, sipCalls } }])
  const { stdout } = await show('busy', '--ladder')
  expect(stdout).toContain('\n    +0.050 f begins\n')
})
