import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rename, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { AudioItem } from '../../src/events/recording.ts'
import { type SourceLedger, SourceRetention } from '../../src/recordings/intake/source-retention.ts'
import type { SourceFile } from '../../src/recordings/ledger.ts'
import { recording, voicemail } from '../archive/audio.ts'
import { keptLog } from './kept-log.ts'

const dayMs = 86_400_000
const today = Date.UTC(2026, 10, 22)

/** What the store promises (test/uploads/store/sinks-contract.ts), of files that are all delivered. */
class KnownSources implements SourceLedger {
  readonly files: { readonly file: SourceFile; readonly item: AudioItem }[] = []
  fault: Error | null = null

  async delivered({ before, after, limit }: Parameters<SourceLedger['delivered']>[0]) {
    if (this.fault !== null) throw this.fault
    const sorted = this.files.toSorted((a, b) => a.file.mtimeMs - b.file.mtimeMs || (a.file.path < b.file.path ? -1 : 1))
    const from = after === null ? 0 : sorted.findIndex(({ file }) => file.path === after.path) + 1
    return sorted
      .slice(from)
      .filter(({ file }) => file.mtimeMs < before)
      .slice(0, limit)
  }

  held: string | null = null
  async mayGo(id: string): Promise<boolean> {
    return id !== this.held
  }

  async forget({ path }: SourceFile): Promise<void> {
    this.files.splice(
      this.files.findIndex(({ file }) => file.path === path),
      1,
    )
  }
}

let folder: string
let monitor: string
let ledger: KnownSources
const told: string[] = []
let log: ReturnType<typeof keptLog>
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tpe-retention-'))
  monitor = join(folder, 'monitor')
  await mkdir(monitor)
  ledger = new KnownSources()
  told.splice(0)
  log = keptLog()
})
afterEach(async () => {
  await rm(folder, { recursive: true, force: true })
})

async function known(name: string, days: number, item: AudioItem = recording(name), root = monitor): Promise<string> {
  const path = join(root, `${name}.wav`)
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, name)
  const at = new Date(today - days * dayMs)
  await utimes(path, at, at)
  const { size, mtimeMs } = await stat(path)
  ledger.files.push({ file: { path, size, mtimeMs }, item: { ...item, state: 'delivered' } })
  return path
}

const retention = (changes: { readonly everyMs?: number; readonly onDeleting?: () => Promise<void> } = {}): SourceRetention =>
  new SourceRetention({
    ledger,
    roots: [monitor],
    retentionMs: 30 * dayMs,
    everyMs: 5,
    clock: () => today,
    onDeleting: async ({ path }) => {
      expect(existsSync(path)).toBe(true)
      told.push(path)
    },
    log,
    ...changes,
  })

test('deletes what is old enough, keeps what is not, and says of each before it does', async () => {
  const old = await Promise.all([40, 31].map(days => known(`d${days}`, days)))
  const young = await known('d29', 29)
  expect(await retention().sweep()).toBe(2)
  expect(old.map(existsSync)).toEqual([false, false])
  expect(existsSync(young)).toBe(true)
  expect(told).toEqual(old)
  expect(ledger.files).toHaveLength(1)
  expect(await retention().sweep()).toBe(0)
})

test('one that came to be held since the page was read stays, and nothing is said of it', async () => {
  const path = await known('d40', 40)
  ledger.held = ledger.files[0]?.item.id ?? null
  expect(await retention().sweep()).toBe(0)
  expect(existsSync(path)).toBe(true)
  expect(told).toEqual([])
})

test('deletes no voicemail, nothing outside of the watched folders, and nothing behind a link', async () => {
  const message = await known('vm', 40, voicemail('vm'))
  const elsewhere = await known('elsewhere', 40, recording('elsewhere'), join(folder, 'other'))
  const linked = await known('linked', 40, recording('linked'), join(folder, 'real'))
  await symlink(join(folder, 'real'), join(monitor, 'link'))
  const [last] = ledger.files.splice(-1)
  if (last !== undefined) ledger.files.push({ ...last, file: { ...last.file, path: join(monitor, 'link/linked.wav') } })
  expect(await retention().sweep()).toBe(0)
  expect([message, elsewhere, linked].map(existsSync)).toEqual([true, true, true])
})

test('a file that changed, or went by itself, is another one or none: it is forgotten without a word', async () => {
  const changed = await known('changed', 40)
  await writeFile(changed, 'somebody wrote here')
  const gone = await known('gone', 40)
  await rename(gone, `${gone}.bak`)
  expect(await retention().sweep()).toBe(0)
  expect(existsSync(changed)).toBe(true)
  expect(told).toEqual([])
  expect(ledger.files).toEqual([])
})

test('goes through any number of files, and past those that stay', async () => {
  for (let n = 0; n < 450; n += 1) await known(`f${n}`, 40, n % 3 === 0 ? voicemail(`f${n}`) : recording(`f${n}`))
  expect(await retention().sweep()).toBe(300)
  expect(ledger.files).toHaveLength(150)
})

test('deletes nothing that cannot be said', async () => {
  const path = await known('a', 40)
  const sweeper = retention({ onDeleting: () => Promise.reject(new Error('disk full')) })
  await expect(sweeper.sweep()).rejects.toThrow('disk full')
  expect(existsSync(path)).toBe(true)
})

test('sweeps by itself until it is stopped, whatever the ledger does', async () => {
  ledger.fault = new Error('database is locked')
  const path = await known('a', 40)
  const sweeper = retention()
  sweeper.start()
  sweeper.start()
  await vi.waitFor(() => expect(JSON.stringify(log)).toContain('database is locked'))
  ledger.fault = null
  await vi.waitFor(() => expect(existsSync(path)).toBe(false))
  await sweeper.stop()
  await sweeper.stop()
})
