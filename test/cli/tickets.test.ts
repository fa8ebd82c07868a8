import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { run } from '../../src/cli/program.ts'
import { SqliteStore } from '../../src/uploads/store/sqlite-store.ts'
import { aChange } from '../uploads/fixtures.ts'
import { madeEvent, madeRecording, madeVoicemail } from '../zendesk/made-events.ts'
import { temporaryFolder } from '../zendesk/running-sandbox.ts'

const outcome = { status: 'missed', reason: 'busy', sipCode: 486, q850: null } as const
const audio = { path: '/a.mp3', size: 1, sha256: '', durationMs: 14_000, channels: 1, sampleRate: 8000 }
const file = { path: '/a.wav', size: 1, mtimeMs: 1 }

/** A store with one call, a voicemail and a recording, and a way to test them. */
async function stored(yaml: string) {
  const dataDir = await temporaryFolder()
  const config = join(dataDir, 'bridge.yaml')
  await writeFile(config, `data_dir: ${dataDir}\n${yaml}`)
  const store = await SqliteStore.open({ dataDir, role: 'bridge', now: Date.now, log: { error() {} } })
  const events = [madeEvent('call_a', 1), madeEvent('call_a', 2, 'call.ended', { outcome, directives: { 'display-to': 'x' } })]
  await store.calls.append([{ ...aChange('call_a', [], { ended: true }), events }])
  await store.items.add(madeVoicemail('vm_a', audio), file)
  await store.items.add(madeRecording('rec_a', audio, 'call_a'), { ...file, path: '/b.wav' })
  await store.close()
  return async (...argv: readonly string[]) => {
    const texts: string[] = []
    const write = (text: string) => void texts.push(text)
    const code = await run(['tickets', 'test', ...argv, '-c', config], {
      env: {},
      version: '0',
      actor: 'test@here',
      stdout: { write, isTerminal: false },
      stderr: { write },
      interrupted: new AbortController().signal,
    })
    return { code, text: texts.join('') }
  }
}

const rules = `tickets:
  rules:
    - { name: vip, on: [missed], when: { from: "+49*" }, ignore: true }
    - name: busy
      on: [missed, voicemail]
      create: { subject: "Missed {{caller_name}}", description: "at {{started}}", tags: [phone] }
      reuse: { within: 60m }
      assign: agent
`

it('shows which rule fires for each event, why, and what it would send', async () => {
  const test = await stored(rules)
  const { code, text } = await test('call_a')
  expect(code).toBe(0)
  expect(text).toBe(`call.started (call_a.started.1)
    no rule is asked: call.started is no moment for tickets
  no ticket

call.ended (call_a.ended.2)
    header X-Zendesk-display-to: ignored, it is neither a Zendesk user id nor the word agent
    rule vip: on missed ✓, from ^\\+49.*$ ✗ (+14155550100)
    rule busy: on missed|voicemail ✓
  rule busy fires
    ticket:       the call’s own, or the caller’s last one if used within 60 min; otherwise a new one
    subject:      Missed Carla Customer
    description:  at 2026-11-22 09:30 (UTC)
    tags:         phone
    comment:      at 2026-11-22 09:30 (UTC)
    assignee:     35436
`)
})

it('tests a voicemail by its own id, as JSON when asked', async () => {
  const test = await stored(rules)
  const { code, text } = await test('vm_a', '--json')
  expect(code).toBe(0)
  expect(JSON.parse(text)).toMatchObject({ id: 'vm_a', tested: [{ moment: 'voicemail', decision: { wish: { rule: 'busy' } } }] })
})

it('says what to do about an id that it cannot test', async () => {
  const test = await stored('')
  expect(await test('call_b')).toEqual({
    code: 1,
    text: 'no call or voicemail call_b: see `tpe-bridge calls list` and `tpe-bridge uploads list`\n',
  })
  expect((await test('rec_a')).text).toBe('rec_a is a recording: no rule is asked about it; test its call, call_a\n')
  expect((await test('call_a')).text).toContain('  no ticket\n')
})
