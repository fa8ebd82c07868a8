import { randomUUID } from 'node:crypto'
import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { LocalArchive } from '../../src/archive/local-archive.ts'
import { Retention, type RetentionOptions } from '../../src/archive/retention.ts'
import { S3Archive } from '../../src/archive/s3/s3-archive.ts'
import { call, encodedAs, folder, recording, unhurried } from './audio.ts'
import { s3Server } from './s3-server.ts'
import { keys } from './s3-store.ts'

const dayMs = 86_400_000
const today = Date.UTC(2026, 10, 22)
/** Noon, so many days ago. */
const ago = (days: number): number => today - days * dayMs + dayMs / 2

/** Both archives, with audio of 1 to 9 days ago: `d1` to `d9`; and how to put a hold, and to see what is left. */
const archives = {
  'a folder': async () => {
    const spool = await folder()
    const root = join(spool, 'calls')
    const archive = new LocalArchive({ folder: root, publicUrl: null, site: 'hq', newName: randomUUID, clock: Date.now })
    await fill(archive, spool)
    return {
      archive,
      hold: (key: string) => writeFile(join(root, `${key}.hold`), ''),
      left: async () =>
        (await readdir(root, { recursive: true })).filter(name => name.includes('.vcon') || name.endsWith('.mp3')),
    }
  },
  'a bucket': async () => {
    const { store, endpoint, region, bucket } = await s3Server()
    const account = { bucket, prefix: '', region, endpoint, credentials: keys, pathStyle: true, checksums: 'sha256' } as const
    const archive = new S3Archive({
      account: { ...account, storageClass: null, sse: null, kmsKeyId: null },
      site: 'hq',
      publicUrl: null,
      newName: randomUUID,
      clock: Date.now,
    })
    onTestFinished(() => archive.stop())
    await fill(archive, await folder())
    return {
      archive,
      hold: async (key: string) => void store.objects.set(`${key}.hold`, { bytes: Buffer.alloc(0), headers: {}, sha256: null }),
      left: async () => [...store.objects.keys()].filter(name => !name.endsWith('.hold')),
      store,
    }
  },
}

async function fill(archive: LocalArchive | S3Archive, spool: string): Promise<void> {
  const audio = await encodedAs('voice', spool)
  for (let days = 1; days <= 9; days += 1) {
    await archive.store(recording(`d${days}`, { startedAt: ago(days) }), audio, { call }, unhurried)
  }
}

const names = (keysLeft: readonly string[]): readonly string[] =>
  keysLeft
    .filter(key => key.endsWith('.mp3'))
    .map(key => key.slice(-6, -4))
    .sort()

function retention(archive: LocalArchive | S3Archive, changes: Partial<RetentionOptions> = {}) {
  const told: string[] = []
  const log = { info: vi.fn(), warn: vi.fn(), error: vi.fn() }
  const sweeper = new Retention({
    archive,
    retentionMs: 5 * dayMs,
    everyMs: 5,
    atMost: 100,
    clock: () => today,
    keeping: async () => null,
    onDeleting: async ({ key }) => void told.push(key.slice(-6, -4)),
    log,
    ...changes,
  })
  onTestFinished(() => sweeper.stop())
  return { sweeper, told, log }
}

describe.each(Object.keys(archives) as (keyof typeof archives)[])('the retention of %s', kind => {
  test('deletes what is old enough with its record, keeps the rest, and tells of each', async () => {
    const { archive, left } = await archives[kind]()
    const { sweeper, told } = retention(archive)
    const sweep = await sweeper.sweep(unhurried)
    expect(sweep).toMatchObject({ held: 0, failures: [], complete: true })
    expect(told).toEqual(['d9', 'd8', 'd7', 'd6'])
    expect(names(await left())).toEqual(['d1', 'd2', 'd3', 'd4', 'd5'])
    expect(await left()).toHaveLength(10)
    expect((await sweeper.sweep(unhurried)).deleted).toEqual([])
  })

  test('keeps what is held, for as long as it is', async () => {
    const { archive, hold, left } = await archives[kind]()
    const { sweeper, told } = retention(archive)
    const [byHand, byUs] = [8, 7].map(days => archive.keyOf(recording(`d${days}`, { startedAt: ago(days) })))
    if (byHand === undefined || byUs === undefined) throw new Error('there are no keys')
    await hold(byHand)
    await archive.hold(byUs, 'a lawsuit', unhurried)
    await archive.hold(byUs, 'a lawsuit', unhurried)
    expect(await sweeper.sweep(unhurried)).toMatchObject({ held: 2, complete: true })
    expect(names(await left())).toEqual(['d1', 'd2', 'd3', 'd4', 'd5', 'd7', 'd8'])
    expect(told).toEqual(['d9', 'd6'])
    expect(await archive.delete(byUs, unhurried)).toBe('held')
    await archive.release(byUs, unhurried)
    await archive.release(byUs, unhurried)
    expect(await archive.isHeld(byUs, unhurried)).toBe(false)
    expect((await sweeper.sweep(unhurried)).deleted).toEqual([byUs])
  })

  test('keeps what somebody has still to be sent, and says of each deletion before it is made', async () => {
    const { archive, left } = await archives[kind]()
    const before: (readonly string[])[] = []
    const { sweeper } = retention(archive, {
      keeping: async ({ key }) => (key.includes('d7') ? 'needed' : null),
      onDeleting: async () => void before.push(names(await left())),
    })
    expect(await sweeper.sweep(unhurried)).toMatchObject({ needed: 1, held: 0, complete: true })
    expect(names(await left())).toContain('d7')
    expect(before[0]).toContain('d9')
  })

  test('deletes nothing that cannot be said', async () => {
    const { archive, left } = await archives[kind]()
    const { sweeper } = retention(archive, { onDeleting: () => Promise.reject(new Error('disk full')) })
    await expect(sweeper.sweep(unhurried)).rejects.toThrow('disk full')
    expect(names(await left())).toHaveLength(9)
  })

  test('goes on where a bounded sweep ended', async () => {
    const { archive, left } = await archives[kind]()
    const { sweeper } = retention(archive, { atMost: 3 })
    expect(await sweeper.sweep(unhurried)).toMatchObject({ complete: false })
    expect(names(await left())).toContain('d6')
    expect((await sweeper.sweep(unhurried)).deleted).toHaveLength(1)
  })

  test('runs by itself, again and again, until it is stopped', async () => {
    const { archive, left } = await archives[kind]()
    let now = today
    const { sweeper } = retention(archive, { clock: () => now })
    sweeper.start()
    sweeper.start()
    await vi.waitFor(async () => expect(names(await left())).toHaveLength(5))
    now += dayMs
    await vi.waitFor(async () => expect(names(await left())).toHaveLength(4))
    await sweeper.stop()
    await sweeper.stop()
  })
})

test('audio that the store refuses to delete is reported, and holds up nothing else', async () => {
  const { archive, store, left } = await archives['a bucket']()
  store.fault = ({ operation, key }) =>
    operation === 'Delete' && key.includes('d8.mp3') ? { status: 403, code: 'AccessDenied' } : null
  const { sweeper } = retention(archive)
  const { deleted, failures, complete } = await sweeper.sweep(unhurried)
  expect({ deleted: deleted.length, complete }).toEqual({ deleted: 3, complete: false })
  expect(failures).toEqual([expect.stringContaining('d8.mp3 (403 AccessDenied')])
  expect(names(await left())).toContain('d8')
})

test('a store that cannot be listed is tried again later', async () => {
  const { archive, store, left } = await archives['a bucket']()
  store.fault = () => ({ status: 500, code: 'InternalError' })
  const { sweeper, log } = retention(archive)
  sweeper.start()
  await vi.waitFor(() => expect(log.warn).toHaveBeenCalledWith(expect.anything(), 'the archive cannot be swept now'))
  store.fault = () => null
  await vi.waitFor(async () => expect(names(await left())).toHaveLength(5))
  expect(log.error).not.toHaveBeenCalled()
})
