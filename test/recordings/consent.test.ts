/** What becomes of recordings that may not be kept: nothing of them goes anywhere, and it is written down why. */
import { access, copyFile, cp, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type ConsentPolicy, type ConsentRules, consentPolicies } from '../../src/events/consent.ts'
import type { CallParty, CallSnapshot } from '../../src/events/event.ts'
import type { AudioItem, RecordingHints, RecordingItem } from '../../src/events/recording.ts'
import { sourceFile } from '../../src/recordings/audio/byte-source.ts'
import { Transcoder } from '../../src/recordings/encoding/transcoder.ts'
import { noHints } from '../../src/recordings/folders/file-name.ts'
import { advance } from '../../src/recordings/intake/advance.ts'
import { eventually } from './eventually.ts'
import { callId, Stage } from './stage.ts'
import { tone, wav } from './wav.ts'

const fixtures = fileURLToPath(new URL('../fixtures/audio/', import.meta.url))
const answered = '1795329426.4_1-3723@127.0.0.1.wav'
const key = 'sip:1-3723@127.0.0.1'

let stage: Stage
beforeEach(async () => {
  stage = await Stage.make()
})
afterEach(async () => {
  await stage.remove()
})

const party = (value: string): CallParty => ({ kind: value.startsWith('+') ? 'e164' : 'extension', value, display: null })
const everyone = (policy: ConsentPolicy): ConsentRules => ({ default: policy, rules: [] })
const said = (choice: boolean) => ({ said: choice, at: 5_000 })

function aCall(changes: Partial<CallSnapshot> = {}): CallSnapshot {
  return {
    id: callId('call_a'),
    from: party('+4930901820'),
    to: party('1001'),
    direction: 'inbound',
    outcome: null,
    startedAt: 1_000,
    answeredAt: 2_000,
    endedAt: 10_000,
    durationMs: 8_000,
    waitMs: 1_000,
    holdMs: 0,
    agents: [],
    tags: [],
    legs: [],
    ...changes,
  }
}

/** The call is stored as it is here, and the intake hears of it. */
function tell(call: CallSnapshot): void {
  stage.ledger.alive.splice(0, stage.ledger.alive.length, call)
  stage.knowCall(call.id, key)
}

const rules = (policies: ConsentRules, sidecars = false) => {
  stage.options = { ...stage.options, keeping: { rules: policies, sidecarFolders: sidecars ? [stage.monitor] : [] } }
}
const record = () => copyFile(join(fixtures, answered), join(stage.monitor, answered))
/** A recording from elsewhere, of which only its hints are known. */
async function take(name: string, hints: Partial<RecordingHints>, seed = 0) {
  const path = join(stage.folder, name)
  await writeFile(path, wav({ data: tone(1, 8000, 1, seed) }))
  const file = sourceFile(path, await stat(path))
  return stage.intake.take({ kind: 'recording', file, audioPath: path, baseName: name, hints: { ...noHints, ...hints } })
}
const only = (state: AudioItem['state']): Promise<RecordingItem> =>
  eventually(() => {
    const [item, second] = stage.ledger.in(state)
    expect(second).toBeUndefined()
    if (item?.kind !== 'recording') throw new Error(`no recording is ${state}`)
    return item
  })
const idle = () => eventually(() => expect(stage.intake.status()).toMatchObject({ waiting: 1, working: 0 }))

describe('a recording that asks for consent', () => {
  test('without a yes is dropped with its reason, nothing of it is encoded, and its source stays', async () => {
    rules(everyone('opt_in'))
    await record()
    await stage.start()
    tell(aCall())
    const item = await only('dropped')
    expect(item).toMatchObject({
      callId: 'call_a',
      encoded: null,
      reason: 'no consent: nobody said that the caller agreed; recordings.consent.default says opt_in',
      consent: { policy: 'opt_in', by: 'default', said: null },
    })
    expect(stage.ledger.refused).toEqual([item])
    expect(stage.ledger.jobs).toEqual([])
    expect(await readdir(stage.spool.audioFolder)).toEqual([])
    await access(join(stage.monitor, answered))
    expect(stage.intake.counters).toMatchObject({ refused: { opt_in: 1, opt_out: 0, never: 0 } })
    expect(stage.log.lines.filter(({ message }) => message === 'recording refused: no consent')).toHaveLength(1)
  })

  test('with a yes goes out, and says so', async () => {
    rules(everyone('opt_in'))
    await record()
    await stage.start()
    tell(aCall({ consent: said(true) }))
    expect(await only('queued')).toMatchObject({ consent: { policy: 'opt_in', by: 'default', said: true } })
    expect(stage.ledger.refused).toEqual([])
  })

  test('waits for the end of its call, because the caller may still choose, and think better of it', async () => {
    rules(everyone('opt_in'))
    stage.options = { ...stage.options, tickMs: 600_000 }
    await record()
    await stage.start()
    tell(aCall({ endedAt: null }))
    await idle()
    tell(aCall({ endedAt: null, consent: said(true) }))
    await idle()
    expect(await only('waiting')).toMatchObject({ encoded: null })
    tell(aCall({ consent: said(false) }))
    expect(await only('dropped')).toMatchObject({ reason: expect.stringContaining('the PBX said no') })
  })

  test('hears the last word of the PBX, which comes behind the end of the call', async () => {
    rules(everyone('opt_in'))
    await record()
    await stage.start()
    const endedAt = Date.now()
    tell(aCall({ endedAt }))
    await idle()
    tell(aCall({ endedAt, consent: { said: true, at: endedAt + 1 } }))
    stage.skew += 3_000
    expect(await only('queued')).toMatchObject({ consent: { said: true } })
  })

  test('of a call that never ends is decided after a day, by what is known', async () => {
    rules(everyone('opt_out'))
    await record()
    await stage.start()
    tell(aCall({ endedAt: null }))
    await idle()
    expect(stage.ledger.jobs).toEqual([])
    stage.skew += 24 * 3_600_000
    expect(await only('queued')).toMatchObject({ consent: { said: null } })
  })

  test('where everybody is recorded waits for nothing', async () => {
    rules(everyone('always'))
    await record()
    await stage.start()
    tell(aCall({ endedAt: null, consent: said(false) }))
    expect(await only('queued')).toMatchObject({ consent: { policy: 'always', by: 'default', said: false } })
  })

  test('waits for the end of its call, because another may join it, for whom there is a stricter rule', async () => {
    rules({ default: 'always', rules: [{ number: null, line: /^1007$/, policy: 'never' }] })
    await record()
    await stage.start()
    tell(aCall({ endedAt: null }))
    await idle()
    const times = { startedAt: 1_000, answeredAt: 5_000, endedAt: 10_000, sipCode: 200, q850: null }
    const joined = { sipCallId: 'x', from: party('+4930901820'), to: party('1007'), direction: 'inbound', ...times } as const
    tell(aCall({ legs: [joined] }))
    expect(await only('dropped')).toMatchObject({ consent: { policy: 'never', by: 'rules[0]' } })
  })

  test('goes by the numbers in its name where no call is known', async () => {
    rules({ default: 'always', rules: [{ number: /^\+49/, line: null, policy: 'never' }] })
    stage.options = { ...stage.options, unmatched: 'upload', normalise: ({ user }) => party(user) }
    await stage.start()
    for (const [name, from] of [
      ['a.wav', '+4930901820'],
      ['b.wav', '+14155550100'],
      ['c.wav', null],
    ] as const) {
      expect(await take(name, { from, to: '1001' }, name.charCodeAt(0))).toMatchObject({ kind: 'taken' })
    }
    stage.skew += 15 * 60_000
    await eventually(() => expect(stage.ledger.items.size - stage.ledger.in('waiting').length).toBe(3))
    const stateOf = (name: string) => [...stage.ledger.items.values()].find(item => item.sourcePath.endsWith(name))?.state
    // Of c.wav the caller is not known: it may be anybody, so the strictest rule counts.
    expect([stateOf('a.wav'), stateOf('b.wav'), stateOf('c.wav')]).toEqual(['dropped', 'queued', 'dropped'])
  })

  test('that was dropped is not taken in again, is not redriven, and stays dropped by other rules', async () => {
    rules(everyone('never'))
    await record()
    await stage.start()
    tell(aCall())
    const { id } = await only('dropped')
    await stage.intake.redrive(id)
    await only('dropped')
    await stage.stop()
    rules(everyone('always'))
    stage.ledger.files.clear() // as a copy under the same name in another folder
    await stage.start()
    await eventually(() => expect(stage.intake.counters.known).toBe(1))
    await only('dropped')
    expect(stage.ledger.jobs).toEqual([])
  })

  test('keeps what was decided when it has to be encoded again after the rules were changed', async () => {
    rules(everyone('opt_in'))
    await record()
    await stage.start()
    tell(aCall({ consent: said(true) }))
    const item = await only('queued')
    await stage.stop()
    await rm(stage.spool.mp3Path(item.id))
    await stage.ledger.update({ ...item, state: 'waiting' })
    rules(everyone('never'))
    await stage.start()
    expect(await only('queued')).toMatchObject({ consent: { policy: 'opt_in', by: 'default', said: true } })
  })
})

describe('a recorder’s sidecar', () => {
  const sidecar = answered.replace(/wav$/, 'json')
  const choose = (text: string) => writeFile(join(stage.monitor, sidecar), text)

  test('that says no outweighs the PBX’s yes', async () => {
    rules(everyone('opt_out'), true)
    await choose('{"consent": false}')
    await record()
    await stage.start()
    tell(aCall({ consent: said(true) }))
    expect(await only('dropped')).toMatchObject({
      reason: expect.stringContaining('its sidecar said no'),
      consent: { said: false },
    })
  })

  test('is waited for, also until it is written to its end', async () => {
    rules(everyone('opt_in'), true)
    await record()
    await stage.start()
    tell(aCall())
    await idle()
    await choose('{"consent": tr')
    stage.skew += 60_000
    await idle()
    await choose('{"consent": true}')
    stage.skew += 60_000
    expect(await only('queued')).toMatchObject({ consent: { said: true } })
  })

  test('that never comes says nothing', async () => {
    rules(everyone('opt_out'), true)
    await record()
    await stage.start()
    tell(aCall())
    await idle()
    expect(stage.ledger.jobs).toEqual([])
    stage.skew += 15 * 60_000
    expect(await only('queued')).toMatchObject({ consent: { policy: 'opt_out', said: null } })
  })

  test('that cannot be understood leaves the decision to a person, who mends it and redrives', async () => {
    rules(everyone('opt_out'), true)
    await choose('consent: yes')
    await record()
    await stage.start()
    tell(aCall())
    await idle()
    stage.skew += 15 * 60_000
    const { id } = await eventually(() => {
      const [item] = stage.ledger.in('quarantined')
      if (item === undefined) throw new Error('not quarantined')
      expect(item.reason).toBe('its sidecar cannot be read: it is no JSON')
      return item
    })
    await choose('{"consent": "yes"}')
    await stage.intake.redrive(id)
    expect(await only('queued')).toMatchObject({ consent: { said: true } })
  })

  test('is not looked for where the configuration names none', async () => {
    rules(everyone('opt_in'))
    await choose('{"consent": true}')
    await record()
    await stage.start()
    tell(aCall())
    await only('dropped')
  })
})

describe('an upload over HTTP', () => {
  async function* pieces(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
    yield bytes
  }
  const fields = { fileName: 'a.wav', callId: '1-3723@127.0.0.1', unique: null, from: null, to: null, startedAt: null }
  const upload = (consent: string | null) =>
    stage.http.accept(pieces(wav({ data: tone(1) })), { ...fields, consent }, new AbortController().signal)

  test('that may not be kept leaves no copy, now or when it is sent again', async () => {
    rules(everyone('opt_out'))
    await stage.start()
    tell(aCall())
    await upload('no')
    expect(await only('dropped')).toMatchObject({ reason: expect.stringContaining('its name or form said no') })
    await eventually(async () => expect(await readdir(stage.spool.incomingFolder)).toEqual([]))
    expect(await upload('yes')).toMatchObject({ kind: 'known' })
    expect(await readdir(stage.spool.incomingFolder)).toEqual([])
    expect(stage.ledger.jobs).toEqual([])
  })

  test('with a yes in its form is kept', async () => {
    rules(everyone('opt_in'))
    await stage.start()
    tell(aCall())
    await upload('yes')
    expect(await only('queued')).toMatchObject({ consent: { said: true } })
  })
})

test('a voicemail is no recording of a call: who leaves one consents', async () => {
  rules(everyone('never'))
  await cp(join(fixtures, 'voicemail'), stage.voicemail, { recursive: true })
  await stage.start()
  await eventually(() => expect(stage.ledger.in('queued')).toMatchObject([{ kind: 'voicemail' }]))
})

test('whatever is said by whomever, what may not be kept never reaches the transcoder, and what may does', async () => {
  await stage.start()
  const taken = await take('x.wav', { sipCallId: 'x' })
  await stage.stop()
  if (taken.kind !== 'taken') throw new Error(taken.kind)
  const item = await stage.ledger.get(taken.id)
  if (item?.kind !== 'recording') throw new Error('no recording')
  stage.ledger.calls.set('sip:x', callId('call_a'))
  const settings = { kbits: 32, channels: 'source', sampleRate: 'source' } as const
  // Without an ffmpeg whoever gets to the transcoder is told to come again.
  const transcoder = new Transcoder({
    settings,
    workers: 1,
    findFfmpeg: async () => ({ kind: 'missing', reason: 'none' }),
    log: stage.log,
  })
  const choice = fc.constantFrom(true, false, null)
  const policy = fc.constantFrom<ConsentPolicy>(...consentPolicies)
  await fc.assert(
    fc.asyncProperty(policy, choice, choice, choice, async (asked, pbx, name, recorder) => {
      stage.ledger.alive.splice(0, stage.ledger.alive.length, aCall(pbx === null ? {} : { consent: said(pbx) }))
      await writeFile(join(stage.folder, 'x.json'), JSON.stringify({ consent: recorder }))
      const heard = [pbx, name, recorder]
      const kept =
        asked === 'always' ||
        (asked === 'opt_out' && !heard.includes(false)) ||
        (asked === 'opt_in' && heard.includes(true) && !heard.includes(false))
      const step = await advance(
        { ...item, hints: { ...item.hints, consent: name } },
        { id: item.id, since: Date.now(), attempts: 0 },
        {
          ledger: stage.ledger,
          transcoder,
          spool: stage.spool,
          match: () => ({ reason: 'none' }),
          normalise: ({ user }) => party(user),
          keeping: { rules: everyone(asked), sidecarFolders: [stage.folder] },
          matchWaitMs: 60_000,
          unmatched: 'quarantine',
          guessAfterMs: 0,
          clock: Date.now,
        },
        () => {},
        new AbortController().signal,
      )
      expect(step.kind).toBe(kept ? 'retry' : 'refused')
      if (step.kind === 'refused') expect(step.item).toMatchObject({ state: 'dropped', encoded: null })
    }),
    { numRuns: 150 },
  )
})
