import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { RecordingId } from '../../src/events/recording.ts'
import type { SpaceLimits } from '../../src/recordings/intake/space.ts'
import { SpoolSpace } from '../../src/recordings/intake/spool-space.ts'
import { eventually } from './eventually.ts'
import { Stage } from './stage.ts'
import { tone, wav } from './wav.ts'

/** So much is free on no disk. */
const anExabyte = 1e18
const spoolOf = (maxSpoolBytes: number): SpaceLimits => ({ minFreeBytes: 1, maxSpoolBytes })

let stage: Stage
let running: SpoolSpace | null = null
beforeEach(async () => {
  stage = await Stage.make()
})
afterEach(async () => {
  await running?.stop()
  running = null
  await stage.remove()
})

const spaceWithin = async (limits: SpaceLimits): Promise<SpoolSpace> => {
  const { spool, folder, log } = stage
  running = new SpoolSpace({ spool, folder, limits, clock: Date.now, log, pollMs: 20 })
  await running.start()
  return running
}

/** A second of it is an MP3 of 4 kB, and 4 kB more are held for it. */
const seconds = (count: number): Buffer => wav({ data: tone(count) })
const leave = async (name: string, content: Uint8Array): Promise<void> => {
  await writeFile(join(stage.monitor, name), content)
}
const ballast = (): string => join(stage.spool.audioFolder, 'ballast.mp3')
const fillSpool = async (bytes: number): Promise<void> => {
  await mkdir(stage.spool.audioFolder, { recursive: true })
  await writeFile(ballast(), Buffer.alloc(bytes))
}
const upload = (name: string, content: Uint8Array) =>
  stage.http.accept(
    (async function* () {
      for (let at = 0; at < content.length; at += 65_536) yield content.subarray(at, at + 65_536)
    })(),
    { fileName: name, callId: 'abc@pbx', unique: null, from: null, to: null, startedAt: null, consent: null },
    new AbortController().signal,
  )

test('a full spool holds encoding back, the recordings stay where they are, and all goes on once there is room', async () => {
  await fillSpool(50_000)
  stage.space = await spaceWithin(spoolOf(50_000))
  await stage.start()
  stage.knowCall('call_a', 'sip:abc@pbx')
  for (const n of [1, 2, 3]) await leave(`${n}_abc@pbx.wav`, seconds(n))
  await eventually(() => expect(stage.space?.counters.encodingPutOff).toBeGreaterThan(0))
  await eventually(() => expect(stage.intake.counters.taken).toBe(3))
  expect(stage.space.status().shortages.encoding?.reason).toMatch(/spool\.max/)
  expect(stage.ledger.jobs).toEqual([])
  await eventually(() => expect(stage.intake.status()).toMatchObject({ waiting: 3, working: 0 }))
  expect(stage.intake.counters).toMatchObject({ retried: 0, quarantined: 0 })

  await rm(ballast())
  await eventually(() => expect(stage.ledger.jobs).toHaveLength(3))
  expect(stage.space.status().shortages).toEqual({ encoding: null, uploads: null })
  expect(stage.log.lines.map(line => line.message)).toContain('room for audio again')
})

test('however many are encoded at once, the spool never holds more than its maximum, and each delivery lets more in', async () => {
  const most = 30_000
  stage.space = await spaceWithin(spoolOf(most))
  await stage.start()
  stage.knowCall('call_a', 'sip:abc@pbx')
  for (let n = 1; n <= 8; n += 1) await leave(`${n}_abc@pbx.wav`, seconds(1 + n / 100))
  const delivered = new Set<RecordingId>()
  while (delivered.size < 8) {
    await eventually(() => expect(stage.ledger.jobs.length).toBeGreaterThan(delivered.size))
    expect(await stage.spool.bytes()).toBeLessThanOrEqual(most)
    for (const { id } of stage.ledger.jobs.filter(job => !delivered.has(job.id))) {
      await stage.deliver(id)
      delivered.add(id)
    }
  }
  expect(stage.space.counters.encodingPutOff).toBeGreaterThan(0)
})

test('uploads are refused before the spool is so full of them that none could be encoded', async () => {
  await fillSpool(900_000)
  stage.space = await spaceWithin(spoolOf(1_000_000))
  await stage.start()
  stage.knowCall('call_a', 'sip:abc@pbx')
  await expect(upload('a.wav', seconds(1))).resolves.toMatchObject({ kind: 'no-room', reason: /spool\.max/ })
  await leave('1_abc@pbx.wav', seconds(1))
  await eventually(() => expect(stage.ledger.jobs).toHaveLength(1))
})

test('an upload that outgrows the room is given up, and leaves nothing behind', async () => {
  stage.space = await spaceWithin(spoolOf(700_000))
  await stage.start()
  await expect(upload('a.wav', seconds(50))).resolves.toMatchObject({ kind: 'no-room' })
  expect(await stage.spool.bytes()).toBe(0)
  await eventually(() => expect(stage.space?.status()).toMatchObject({ found: { spoolBytes: 0 }, shortages: { uploads: null } }))
  await expect(upload('b.wav', seconds(10))).resolves.toMatchObject({ kind: 'accepted' })
  expect(stage.space.counters.uploadsPutOff).toBe(1)
})

test('a recording that alone is more than the spool may hold keeps no other out, and says so', async () => {
  stage.space = await spaceWithin(spoolOf(20_000))
  await stage.start()
  stage.knowCall('call_a', 'sip:abc@pbx')
  await leave('1_abc@pbx.wav', seconds(20))
  await eventually(() => expect(stage.intake.status().lastError?.reason).toMatch(/raise spool\.max/))
  await leave('2_abc@pbx.wav', seconds(1))
  await eventually(() => expect(stage.ledger.jobs).toHaveLength(1))
})

test('under the floor of free space nothing is written, whatever the spool holds', async () => {
  const space = await spaceWithin({ minFreeBytes: anExabyte, maxSpoolBytes: null })
  expect(space.status().shortages).toMatchObject({ encoding: { cause: 'disk' }, uploads: { cause: 'disk' } })
  const hold = space.hold('encoding')
  await expect(hold.more(1)).resolves.toMatchObject({ cause: 'disk', reason: /make room for .* on that disk/ })
  hold.end(0)
})

test('what is held counts until it ends, and then what was kept of it', async () => {
  const space = await spaceWithin(spoolOf(1000))
  const first = space.hold('encoding')
  const second = space.hold('encoding')
  expect(await first.more(600)).toBeNull()
  expect(await second.more(600)).toMatchObject({ cause: 'spool' })
  first.end(100)
  expect(space.status().found?.spoolBytes).toBe(100)
  await eventually(() => expect(space.shortage('encoding')).toBeNull())
  expect(await second.more(600)).toBeNull()
  second.end(0)
})

test('a disk that cannot be measured gets nothing more until it can', async () => {
  const folder = join(stage.folder, 'disk')
  await mkdir(folder)
  const { spool, log } = stage
  running = new SpoolSpace({ spool, folder, limits: spoolOf(1000), clock: Date.now, log, pollMs: 20 })
  await running.start()
  expect(running.shortage('encoding')).toBeNull()
  await rm(folder, { recursive: true })
  await eventually(() => expect(running?.shortage('encoding')).toMatchObject({ cause: 'unmeasured', reason: /ENOENT/ }))
  const hold = running.hold('uploads')
  expect(await hold.more(1)).toMatchObject({ cause: 'unmeasured' })
  hold.end(0)
  await mkdir(folder)
  await eventually(() => expect(running?.status().shortages).toEqual({ encoding: null, uploads: null }))
})

test('a clock that is set back does not keep an old count', async () => {
  let back = 0
  const { spool, folder, log } = stage
  const clock = (): number => Date.now() - back
  running = new SpoolSpace({ spool, folder, limits: spoolOf(1000), clock, log, pollMs: 20 })
  await fillSpool(1001)
  await running.start()
  expect(running.shortage('encoding')).toMatchObject({ cause: 'spool' })
  back = 86_400_000
  await rm(ballast())
  await eventually(() => expect(running?.shortage('encoding')).toBeNull())
})
