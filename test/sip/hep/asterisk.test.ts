/** What a real PBX mirrored, through the whole model: each capture is the one call that a person would describe. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { agentDirectory } from '../../../src/events/agents.ts'
import type { CallEvent } from '../../../src/events/event.ts'
import { numberPlan } from '../../../src/events/numbers.ts'
import { CallTracker } from '../../../src/events/tracker.ts'
import { readCapture } from '../../../src/sip/hep/capture-file.ts'
import { betweenHosts } from '../../../src/sip/hep/ends.ts'
import { CallObserver } from '../../../src/sip/observer/call-observer.ts'
import { ScriptedJournal } from '../../events/journal.ts'
import { alice, bob } from '../../events/office.ts'

const silent = { debug() {}, info() {}, warn() {}, error() {} }
const hosts = {
  pbx: [{ address: '127.0.0.1', port: 5070 }],
  carrier: [{ address: '127.0.0.1', port: 5060 }],
}

async function replayed(name: string): Promise<readonly CallEvent[]> {
  const journal = new ScriptedJournal()
  const tracker = new CallTracker({
    journal,
    site: 'hq',
    numbers: numberPlan({ country: 'DE', internal: [/^1\d{3}$/] }),
    agents: agentDirectory([alice, bob]),
    clock: Date,
    log: silent,
    onStored: () => {},
    writer: { gatherMs: 0 },
  })
  await tracker.start()
  const observer = new CallObserver({
    source: 'hep',
    ties: { unique: ['X-Asterisk-Linkedid'], callId: ['X-Orig-Call-ID'] },
    overhears: true,
    onSignal: signal => tracker.accept(signal),
  })
  const read = readCapture(await readFile(join('test/fixtures/asterisk-hep', `${name}.lp`)))
  if (!read.ok) throw new Error(read.reason)
  for (const item of read.capture.items) if (item.kind === 'sip') observer.see(betweenHosts(item.seen, hosts))
  await tracker.stop()
  return journal.events
}

const stories: readonly [string, string, object][] = [
  [
    '00-plain-call',
    'started ringing answered ended',
    {
      from: { value: '1001' },
      to: { value: '1002' },
      direction: 'internal',
      agents: [alice, bob],
      holdMs: 0,
      waitMs: expect.closeTo(1_510, -1),
      durationMs: expect.closeTo(5_008, -1),
      outcome: { status: 'connected', reason: 'completed' },
    },
  ],
  [
    '01-answered',
    'started ringing answered ended',
    { direction: 'internal', agents: [alice, bob], outcome: { status: 'connected', reason: 'completed' } },
  ],
  [
    '02-wav49',
    'started ringing answered ended',
    { direction: 'internal', to: { value: '1002' }, outcome: { status: 'connected', reason: 'completed' } },
  ],
  [
    '03-rx-tx',
    'started ringing answered ended',
    { direction: 'internal', outcome: { status: 'connected', reason: 'completed' } },
  ],
  [
    '04-voicemail-noanswer',
    'started ringing ended',
    {
      from: { value: '1001' },
      to: { value: '1002' },
      answeredAt: null,
      durationMs: 0,
      outcome: { status: 'missed', reason: 'voicemail' },
    },
  ],
  [
    '06-abandoned',
    'started ringing ended',
    { answeredAt: null, outcome: { status: 'abandoned', reason: 'caller-hung-up', sipCode: 487 } },
  ],
  [
    '07-hold',
    'started ringing answered held resumed ended',
    { holdMs: expect.closeTo(3_008, -1), outcome: { status: 'connected', reason: 'completed' } },
  ],
  [
    '10-trunk-b2bua-out',
    'started ringing answered ended',
    {
      from: { value: '1001' },
      to: { value: '+493012345' },
      direction: 'outbound',
      agents: [alice],
      outcome: { status: 'connected', reason: 'completed' },
    },
  ],
]

describe('a call of an Asterisk, mirrored by HEP', () => {
  test.each(stories)('%s is one call: %s', async (name, types, story) => {
    const events = await replayed(name)
    expect(new Set(events.map(({ callId }) => callId)).size).toBe(1)
    expect(events.map(({ type }) => type.slice('call.'.length)).join(' ')).toBe(types)
    expect(events.at(-1)?.call).toMatchObject(story)
    expect(new Set(events.at(-1)?.call.legs.map(({ sipCallId }) => sipCallId)).size).toBe(2)
  })
})
