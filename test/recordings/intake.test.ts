import { copyFile, cp, mkdir, readdir, readFile, rename, stat, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import type { CallSnapshot } from '../../src/events/event.ts'
import type { AudioItem } from '../../src/events/recording.ts'
import { Transcoder } from '../../src/recordings/encoding/transcoder.ts'
import { eventually } from './eventually.ts'
import { callId, Stage, systemFfmpeg } from './stage.ts'
import { tone, wav } from './wav.ts'

const fixtures = fileURLToPath(new URL('../fixtures/audio/', import.meta.url))
const answered = '1795329426.4_1-3723@127.0.0.1.wav'
const wav49 = '1795329441.8_1-3852@127.0.0.1.WAV'
const unanswered = '1795329535.28_1-6600@127.0.0.1.wav'

let stage: Stage
beforeEach(async () => {
  stage = await Stage.make()
})
afterEach(async () => {
  await stage.remove()
})

const fixture = (name: string) => copyFile(join(fixtures, name), join(stage.monitor, name))
const exists = (path: string) =>
  stat(path).then(
    () => true,
    () => false,
  )

async function only(state: AudioItem['state']): Promise<AudioItem> {
  return eventually(() => {
    const [item, second] = stage.ledger.in(state)
    expect(item).toBeDefined()
    expect(second).toBeUndefined()
    if (item === undefined) throw new Error('none')
    return item
  })
}

function aliveCall(id: string, from: string, to: string, startedAt: number): CallSnapshot {
  const party = (value: string) => ({ kind: 'extension', value, display: null }) as const
  const times = { startedAt, answeredAt: startedAt, endedAt: startedAt + 5_000, durationMs: 5_000, waitMs: 0, holdMs: 0 }
  return {
    id: callId(id),
    from: party(from),
    to: party(to),
    direction: 'internal',
    outcome: null,
    ...times,
    agents: [],
    tags: [],
    legs: [],
  }
}

describe('a recording', () => {
  test('the captured files are queued for the calls that their names tell', async () => {
    stage.ledger.calls.set('sip:1-3723@127.0.0.1', callId('call_a'))
    stage.ledger.calls.set('unique:1795329441.8', callId('call_b'))
    await fixture(answered)
    await fixture(wav49)
    await fixture(unanswered)
    await stage.start()
    await eventually(() => expect(stage.ledger.jobs).toHaveLength(2))
    const byName = new Map(stage.ledger.jobs.map(item => [item.sourcePath.split('/').at(-1), item]))
    expect(byName.get(answered)).toMatchObject({
      state: 'queued',
      callId: 'call_a',
      matchedBy: 'call-id',
      source: { durationMs: 8000 },
    })
    expect(byName.get(wav49)).toMatchObject({
      state: 'queued',
      callId: 'call_b',
      matchedBy: 'unique',
      source: { durationMs: 6000 },
    })
    for (const item of stage.ledger.jobs) {
      expect(item.encoded?.path).toBe(stage.spool.mp3Path(item.id))
      expect((await stat(item.encoded?.path ?? '')).size).toBe(item.encoded?.size)
      expect(item.id).toMatch(/^rec_[a-z2-7]{26}$/)
    }
    expect(await only('quarantined')).toMatchObject({ reason: 'empty: header only, no audio (the call was not answered)' })
    expect(stage.queued).toBe(2)
    expect(stage.intake.counters).toMatchObject({ taken: 3, quarantined: 1, queued: 2 })
  })

  test('one that comes before its call waits, and goes on as soon as the call is known', async () => {
    stage.options = { tickMs: 600_000 }
    await fixture(answered)
    await stage.start()
    await only('waiting')
    await eventually(() => expect(stage.intake.status()).toMatchObject({ waiting: 1, working: 0 }))
    stage.knowCall('call_a', 'sip:1-3723@127.0.0.1', 'unique:1795329426.4')
    expect(await only('queued')).toMatchObject({ callId: 'call_a' })
  })

  test('one without a known id is tied by parties and time, and marked so', async () => {
    await stage.start()
    const path = join(stage.monitor, 'x.wav')
    const now = Date.now()
    stage.ledger.alive.push(
      aliveCall('call_old', '1001', '1002', now - 600_000),
      aliveCall('call_a', '1001', '1002', now - 3_000),
    )
    await writeFile(path, wav({ data: tone(2) }))
    const { size, mtimeMs } = await stat(path)
    const file = { path, size, mtimeMs: Math.floor(mtimeMs) }
    const hints = { sipCallId: null, unique: null, from: '1001', to: '1002', startedAt: null }
    await stage.intake.take({ kind: 'recording', file, audioPath: path, baseName: 'x.wav', hints })
    expect(await only('queued')).toMatchObject({ callId: 'call_a', matchedBy: 'parties-and-time' })
  })

  test('one whose call never comes is quarantined after the wait, and can be redriven once it is known', async () => {
    await fixture(answered)
    await stage.start()
    await only('waiting')
    stage.skew += 15 * 60_000 + 1
    const item = await only('quarantined')
    expect(item.reason).toMatch(/no call for it after 900 s: no call is known as sip:1-3723@127.0.0.1/)
    stage.knowCall('call_a', 'sip:1-3723@127.0.0.1')
    await stage.intake.redrive(item.id)
    expect(await only('queued')).toMatchObject({ id: item.id, callId: 'call_a', reason: null })
    await stage.intake.redrive(item.id) // which is quarantined no more
    expect(stage.ledger.in('queued')).toHaveLength(1)
  })

  test('one whose call never comes is uploaded without a call where that is configured', async () => {
    stage.options = { unmatched: 'upload' }
    await fixture(answered)
    await stage.start()
    await only('waiting')
    stage.skew += 15 * 60_000 + 1
    expect(await only('queued')).toMatchObject({ callId: null, matchedBy: 'unmatched-upload' })
  })

  test('what another process redrives is found in the ledger', async () => {
    await fixture(unanswered)
    await writeFile(join(stage.monitor, '1_a.wav'), wav({ data: tone(3), dataSize: 96_000 }))
    await stage.start()
    stage.skew += 601_000
    await eventually(() => expect(stage.ledger.in('quarantined')).toHaveLength(2))
    const truncated = stage.ledger.in('quarantined').find(item => item.sourcePath.endsWith('1_a.wav'))
    if (truncated === undefined) throw new Error('not quarantined')
    expect(truncated.reason).toBe('truncated: 48000 of the 96000 bytes of audio that its header promises are there')
    stage.ledger.calls.set('sip:a', callId('call_a'))
    await stage.ledger.update({ ...truncated, state: 'waiting', reason: null })
    expect(await only('queued')).toMatchObject({ id: truncated.id, encoded: { durationMs: 3000 } })
  })
})

describe('what is no recording', () => {
  test.each([
    ['1_zip.wav', Buffer.from('PK\x03\x04 and then some more', 'latin1'), /ZIP archive/],
    ['1_mp3.wav', Buffer.from('ID3\x03\x00\x00\x00\x00\x00\x00xxxx', 'latin1'), /MP3 file/],
  ])('%s is quarantined with its reason, and stays where it is when it is dropped', async (name, bytes, reason) => {
    await writeFile(join(stage.monitor, name), bytes)
    await stage.start()
    const item = await only('quarantined')
    expect(item.reason).toMatch(reason)
    await stage.drop(item.id, 'not needed')
    await stage.stop()
    await stage.start() // which tidies up
    expect(await only('dropped')).toMatchObject({ reason: 'not needed' })
    expect(await exists(join(stage.monitor, name))).toBe(true)
  })
})

describe('trouble', () => {
  test('without an ffmpeg recordings wait, and go on when there is one', async () => {
    const real = stage.findFfmpeg
    stage.findFfmpeg = async () => ({ kind: 'missing', reason: 'no ffmpeg: install one' })
    stage.ledger.calls.set('sip:1-3723@127.0.0.1', callId('call_a'))
    await fixture(answered)
    await stage.start()
    await eventually(() => expect(stage.intake.counters.retried).toBeGreaterThan(1))
    expect(stage.intake.status()).toMatchObject({
      lastError: { reason: 'no ffmpeg: install one' },
      transcoder: { missing: 'no ffmpeg: install one' },
    })
    expect(await only('waiting')).toMatchObject({ reason: null })
    stage.findFfmpeg = real
    await only('queued')
  })

  test('a ledger that fails loses nothing', async () => {
    stage.ledger.calls.set('sip:1-3723@127.0.0.1', callId('call_a'))
    await stage.start()
    stage.ledger.fault = Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' })
    await fixture(answered)
    await eventually(() => expect(stage.log.lines.some(line => line.level === 'error')).toBe(true))
    expect(stage.ledger.items.size).toBe(0)
    stage.ledger.fault = null
    await only('queued')
  })

  test('a source that changes before it is encoded gives one recording, of what it then holds', async () => {
    await writeFile(join(stage.monitor, '1_a.wav'), wav({ data: tone(1) }))
    await stage.start()
    await only('waiting')
    await writeFile(join(stage.monitor, '1_a.wav'), wav({ data: tone(2) }))
    await eventually(() => expect(stage.ledger.in('waiting')).toHaveLength(2))
    stage.knowCall('call_a', 'sip:a')
    await eventually(() => expect(stage.ledger.jobs).toHaveLength(1))
    expect(stage.ledger.jobs[0]).toMatchObject({ source: { durationMs: 2000 } })
    stage.skew += 601_000
    expect(await only('quarantined')).toMatchObject({ reason: expect.stringContaining('not what was taken in any more') })
  })

  test('a source that is being rewritten is not judged by what it holds meanwhile', async () => {
    await writeFile(join(stage.monitor, '1_a.wav'), wav({ data: tone(1) }))
    await stage.start()
    const item = await only('waiting')
    await writeFile(join(stage.monitor, '1_a.wav'), wav({ data: Buffer.alloc(0), riffSize: 0 }))
    stage.knowCall('call_a', 'sip:a')
    await eventually(() => expect(stage.intake.status()).toMatchObject({ waiting: 1, working: 0 }))
    expect(await stage.ledger.get(item.id)).toMatchObject({ state: 'waiting' })
    await writeFile(join(stage.monitor, '1_a.wav'), wav({ data: tone(1) }))
    expect(await only('queued')).toMatchObject({ id: item.id })
  })

  test('a recording that is moved while it waits is found where it is', async () => {
    await fixture(answered)
    await stage.start()
    await only('waiting')
    await mkdir(join(stage.monitor, '2026'))
    await rename(join(stage.monitor, answered), join(stage.monitor, '2026', answered))
    await eventually(() => expect(stage.intake.counters.known).toBe(1))
    stage.knowCall('call_a', 'sip:1-3723@127.0.0.1')
    expect(await only('queued')).toMatchObject({ sourcePath: join(stage.monitor, '2026', answered) })
  })
})

test('many at work at once are no leak to Node, which would write its warning between the lines of the log', async () => {
  const warnings: string[] = []
  const onWarning = ({ name }: Error): void => void warnings.push(name)
  process.on('warning', onWarning)
  onTestFinished(() => void process.off('warning', onWarning))
  const settings = { kbits: 32, channels: 'source', sampleRate: 'source' } as const
  const transcoder = new Transcoder({ settings, workers: 6, findFfmpeg: systemFfmpeg, log: stage.log })
  stage.options = { transcoder, unmatched: 'upload', matchWaitMs: 0 }
  for (let n = 0; n < 14; n++) await writeFile(join(stage.monitor, `${n}.0_${n}@pbx.wav`), wav({ data: tone(1, 8000, 1, n) }))
  await stage.start()
  await eventually(() => expect(stage.ledger.in('queued')).toHaveLength(14))
  expect(warnings).toEqual([])
})

describe('a restart', () => {
  test('goes on with what waited, doubles nothing, and finds what came meanwhile', async () => {
    await fixture(answered)
    await stage.start()
    await only('waiting')
    await stage.stop()
    await fixture(wav49)
    await stage.start()
    await eventually(() => expect(stage.ledger.in('waiting')).toHaveLength(2))
    stage.knowCall('call_a', 'sip:1-3723@127.0.0.1')
    stage.knowCall('call_b', 'sip:1-3852@127.0.0.1')
    await eventually(() => expect(stage.ledger.jobs).toHaveLength(2))
    await stage.stop()
    await stage.start()
    await eventually(() => expect(stage.intake.status().waiting).toBe(0))
    expect(stage.ledger.items.size).toBe(2)
    expect(stage.ledger.jobs).toHaveLength(2)
  })

  test('clears the spool of what a crash left: half-written files, unacknowledged uploads, delivered MP3s', async () => {
    stage.options = { afterUpload: { kind: 'delete' } }
    stage.ledger.calls.set('sip:1-3723@127.0.0.1', callId('call_a'))
    await fixture(answered)
    await stage.start()
    const item = await only('queued')
    await stage.stop()
    await stage.ledger.update({ ...item, state: 'delivered' })
    const orphan = `rec_${'a'.repeat(26)}`
    await mkdir(join(stage.spool.incomingFolder, orphan))
    await writeFile(join(stage.spool.incomingFolder, 'x.tmp'), 'x')
    await writeFile(join(stage.spool.audioFolder, `${orphan}.mp3.tmp`), 'x')
    await stage.start()
    expect(await readdir(stage.spool.audioFolder)).toEqual([])
    expect(await readdir(stage.spool.incomingFolder)).toEqual([])
    expect(await exists(join(stage.monitor, answered))).toBe(false)
  })
})

describe('after the upload', () => {
  const deliverOne = async (): Promise<AudioItem> => {
    stage.ledger.calls.set('sip:1-3723@127.0.0.1', callId('call_a'))
    await mkdir(join(stage.monitor, 'day'))
    await copyFile(join(fixtures, answered), join(stage.monitor, 'day', answered))
    await stage.start()
    return only('queued')
  }

  test('a source is kept by default, and the MP3 is gone', async () => {
    const item = await deliverOne()
    await stage.deliver(item.id)
    expect(await exists(item.sourcePath)).toBe(true)
    expect(await readdir(stage.spool.audioFolder)).toEqual([])
  })

  test('a source is moved with its folders, and overwrites nothing', async () => {
    const target = join(stage.folder, 'done')
    stage.options = { afterUpload: { kind: 'move', folder: target } }
    await mkdir(join(target, 'day'), { recursive: true })
    await writeFile(join(target, 'day', answered), 'another')
    const item = await deliverOne()
    await stage.deliver(item.id)
    expect(await exists(item.sourcePath)).toBe(false)
    expect(await readFile(join(target, 'day', answered), 'utf8')).toBe('another')
    const moved = join(target, 'day', answered.replace('.wav', '-1.wav'))
    expect((await readFile(moved)).equals(await readFile(join(fixtures, answered)))).toBe(true)
  })

  test('a source that changed since is not deleted', async () => {
    stage.options = { afterUpload: { kind: 'delete' } }
    const item = await deliverOne()
    await stage.intake.stop()
    await writeFile(item.sourcePath, 'something else')
    await stage.deliver(item.id)
    expect(await readFile(item.sourcePath, 'utf8')).toBe('something else')
    expect(stage.log.lines.some(({ fields }) => fields.reason === 'it changed since it was delivered')).toBe(true)
  })

  test('a source in a folder that became a link to elsewhere is not deleted', async () => {
    stage.options = { afterUpload: { kind: 'delete' } }
    const item = await deliverOne()
    const elsewhere = join(stage.folder, 'elsewhere')
    await rename(join(stage.monitor, 'day'), elsewhere)
    await symlink(elsewhere, join(stage.monitor, 'day'))
    await stage.deliver(item.id)
    expect(await exists(join(elsewhere, answered))).toBe(true)
  })
})

describe('a voicemail', () => {
  const inbox = () => join(stage.voicemail, 'default/1002/INBOX')
  const leave = () => cp(join(fixtures, 'voicemail'), stage.voicemail, { recursive: true })

  test('is queued once, in its best format, with its mailbox and caller, and needs no call', async () => {
    await leave()
    await stage.start()
    expect(await only('queued')).toMatchObject({
      kind: 'voicemail',
      mailbox: '1002',
      from: { value: '1001', display: 'Alice' },
      to: { value: '1002' },
      receivedAt: 1_795_329_488_000,
      sourcePath: join(inbox(), 'msg0000.wav'),
      encoded: { durationMs: 14_220 },
    })
    expect(stage.ledger.items.size).toBe(1)
    const [id] = stage.ledger.items.keys()
    expect(id).toMatch(/^vm_[a-z2-7]{26}$/)
  })

  test('that is moved and renumbered is the same voicemail', async () => {
    await leave()
    await stage.start()
    await only('queued')
    const old = join(stage.voicemail, 'default/1002/Old')
    await mkdir(old)
    for (const extension of ['wav', 'WAV', 'txt'])
      await rename(join(inbox(), `msg0000.${extension}`), join(old, `msg0003.${extension}`))
    await eventually(() => expect(stage.intake.counters.known).toBeGreaterThan(0))
    expect(stage.ledger.items.size).toBe(1)
    expect(stage.ledger.jobs).toHaveLength(1)
  })

  test('that is moved while it waits is encoded from where it is', async () => {
    const real = stage.findFfmpeg
    stage.findFfmpeg = async () => ({ kind: 'missing', reason: 'none yet' })
    await leave()
    await stage.start()
    await only('waiting')
    const old = join(stage.voicemail, 'default/1002/Old')
    await rename(inbox(), old)
    await eventually(() => expect(stage.ledger.in('waiting')[0]?.sourcePath).toBe(join(old, 'msg0000.wav')))
    stage.findFfmpeg = real
    await only('queued')
  })

  test('waits for the last line of its text and for its audio; greetings and tmp are no messages', async () => {
    await mkdir(join(stage.voicemail, 'default/1002/tmp'), { recursive: true })
    await mkdir(inbox())
    const text = await readFile(join(fixtures, 'voicemail/default/1002/INBOX/msg0000.txt'), 'utf8')
    await writeFile(join(stage.voicemail, 'default/1002/unavail.wav'), wav())
    await writeFile(join(stage.voicemail, 'default/1002/tmp/msg0000.txt'), text)
    await writeFile(join(stage.voicemail, 'default/1002/tmp/msg0000.wav'), wav())
    await writeFile(join(inbox(), 'msg0000.txt'), text.slice(0, text.indexOf('duration')))
    await stage.start()
    const started = Date.now()
    await eventually(() => expect(Date.now() - started).toBeGreaterThan(400))
    expect(stage.ledger.items.size).toBe(0)
    await writeFile(join(inbox(), 'msg0000.wav'), wav({ data: tone(2) }))
    await writeFile(join(inbox(), 'msg0000.txt'), text)
    expect(await only('queued')).toMatchObject({ mailbox: '1002', encoded: { durationMs: 2000 } })
    expect(stage.ledger.items.size).toBe(1)
  })

  test('is never moved or deleted', async () => {
    stage.options = { afterUpload: { kind: 'delete' } }
    await leave()
    await stage.start()
    const item = await only('queued')
    await stage.deliver(item.id)
    expect(await exists(item.sourcePath)).toBe(true)
  })
})
