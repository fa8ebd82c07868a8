import { appendFile, chmod, mkdir, mkdtemp, open, rename, rm, symlink, unlink, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { RecordingId } from '../../src/events/recording.ts'
import type { Candidate, TakeResult } from '../../src/recordings/candidate.ts'
import { FolderWatcher, type FolderWatcherOptions } from '../../src/recordings/folders/folder-watcher.ts'
import { recordingFolder } from '../../src/recordings/folders/recording-folder.ts'
import type { SourceFile } from '../../src/recordings/ledger.ts'
import { eventually } from './eventually.ts'
import { keptLog } from './kept-log.ts'
import { tone, wav } from './wav.ts'

let folder: string
let stops: (() => Promise<void>)[]
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'watcher-'))
  stops = []
})
afterEach(async () => {
  for (const stop of stops) await stop()
  await rm(folder, { recursive: true, force: true })
})

/** Takes what it is given, as the intake would. */
class Taken {
  readonly files: Candidate[] = []
  readonly known = new Set<string>()
  answer: (candidate: Candidate) => TakeResult = () => ({ kind: 'taken', id: 'rec_1' as RecordingId, state: 'waiting' })

  async take(candidate: Candidate): Promise<TakeResult> {
    this.files.push(candidate)
    const answer = this.answer(candidate)
    if (answer.kind === 'taken') this.known.add(JSON.stringify(candidate.file))
    return answer
  }

  get names(): readonly string[] {
    return this.files.map(({ baseName }) => baseName).sort()
  }
}

function watch(taken: Taken, options: Partial<FolderWatcherOptions> = {}) {
  const log = keptLog()
  const watcher = new FolderWatcher({
    folder,
    reader: recordingFolder(/\.wav$/i, taken),
    isKnownFile: async (file: SourceFile) => taken.known.has(JSON.stringify(file)),
    settleMs: 100,
    unfinishedAfterMs: 600_000,
    polling: false,
    clock: Date.now,
    log,
    ...options,
  })
  stops.push(() => watcher.stop())
  watcher.start()
  return { watcher, log }
}

const scanned = (watcher: FolderWatcher) => eventually(() => expect(watcher.status().lastRescanAt).not.toBeNull())

describe('what is found', () => {
  test('files that were there before, new ones, those in new folders, and those moved in with a folder', async () => {
    await mkdir(join(folder, '2026/11'), { recursive: true })
    await writeFile(join(folder, '2026/11/old.wav'), wav())
    const taken = new Taken()
    const { watcher } = watch(taken)
    await scanned(watcher)
    await writeFile(join(folder, 'new.wav'), wav())
    await mkdir(join(folder, '2026/12'))
    await writeFile(join(folder, '2026/12/deep.wav'), wav())
    const outside = await mkdtemp(join(tmpdir(), 'moved-'))
    await writeFile(join(outside, 'moved.wav'), wav())
    await rename(outside, join(folder, 'moved'))
    await eventually(() => expect(taken.names).toEqual(['deep.wav', 'moved.wav', 'new.wav', 'old.wav']))
  })

  test('a rescan finds what no event told of', async () => {
    const taken = new Taken()
    const { watcher } = watch(taken, { polling: true, pollEveryMs: 100 })
    await scanned(watcher)
    await mkdir(join(folder, 'share'))
    await writeFile(join(folder, 'share/a.wav'), wav())
    await eventually(() => expect(taken.names).toEqual(['a.wav']))
  })

  test('a burst of 2,000 files, each once', async () => {
    const bytes = wav({ data: tone(0.01) })
    const taken = new Taken()
    const { watcher } = watch(taken)
    await scanned(watcher)
    const names = Array.from({ length: 2_000 }, (_, n) => `${n}.wav`)
    for (let n = 0; n < names.length; n += 100) {
      await Promise.all(names.slice(n, n + 100).map(name => writeFile(join(folder, name), bytes)))
    }
    await eventually(() => expect(taken.files.length).toBeGreaterThanOrEqual(2_000))
    expect(new Set(taken.names).size).toBe(2_000)
    expect(taken.files).toHaveLength(2_000)
    expect(watcher.status()).toMatchObject({ handedOver: 2_000, unsettled: 0, failed: 0 })
  })

  test('a new watcher leaves what is known alone', async () => {
    await writeFile(join(folder, 'a.wav'), wav())
    const taken = new Taken()
    const first = watch(taken)
    await eventually(() => expect(taken.names).toEqual(['a.wav']))
    await first.watcher.stop()
    await writeFile(join(folder, 'b.wav'), wav())
    watch(taken)
    await eventually(() => expect(taken.names).toEqual(['a.wav', 'b.wav']))
  })
})

describe('what is left alone', () => {
  test('links, hidden and temporary files, and names that do not match, which are counted and told of once', async () => {
    await writeFile(join(folder, '.hidden.wav'), wav())
    await writeFile(join(folder, 'a.wav.part'), wav())
    await mkdir(join(folder, '.tmp'))
    await writeFile(join(folder, '.tmp/b.wav'), wav())
    await writeFile(join(folder, 'notes.txt'), 'x')
    await writeFile(join(folder, 'more.txt'), 'x')
    await symlink('/etc/hostname', join(folder, 'link.wav'))
    await symlink('/etc', join(folder, 'etc'))
    await writeFile(join(folder, 'good.wav'), wav())
    const taken = new Taken()
    const { watcher, log } = watch(taken, { rescanEveryMs: 100 })
    await eventually(() => expect(taken.names).toEqual(['good.wav']))
    const rescans = watcher.status().lastRescanAt ?? 0
    await eventually(() => expect(watcher.status().lastRescanAt ?? 0).toBeGreaterThan(rescans + 100))
    expect(watcher.status().ignored).toBe(2)
    expect(log.lines.filter(line => line.message === 'files that do not match are ignored')).toHaveLength(1)
    expect(taken.names).toEqual(['good.wav'])
  })

  test('files that are older than they may be', async () => {
    await writeFile(join(folder, 'old.wav'), wav())
    await utimes(join(folder, 'old.wav'), 1_000_000_000, 1_000_000_000)
    await writeFile(join(folder, 'new.wav'), wav())
    const taken = new Taken()
    const { watcher } = watch(taken, { maxAgeMs: 86_400_000 })
    await eventually(() => expect(taken.names).toEqual(['new.wav']))
    await eventually(() => expect(watcher.status().tooOld).toBe(1))
  })
})

describe('when a file is finished', () => {
  test('an open file that grows is taken when its header is closed, and whole', async () => {
    const data = tone(2)
    const taken = new Taken()
    const { watcher } = watch(taken)
    await scanned(watcher)
    const path = join(folder, 'growing.wav')
    await writeFile(path, wav({ data: data.subarray(0, 8000), dataSize: 0, riffSize: 0 }))
    await eventually(() => expect(watcher.status().unsettled).toBe(1))
    await appendFile(path, data.subarray(8000))
    const seen = Date.now()
    // Longer than settle: only the header keeps it.
    await eventually(() => expect(Date.now() - seen).toBeGreaterThan(400))
    expect(taken.files).toEqual([])
    const handle = await open(path, 'r+')
    await handle.write(wav({ data }).subarray(0, 44), 0, 44, 0)
    await handle.close()
    await eventually(() => expect(taken.files).toHaveLength(1))
    expect(taken.files[0]?.file.size).toBe(44 + data.length)
  })

  test('one that was left open by a crash is taken after a while', async () => {
    await writeFile(join(folder, 'crashed.wav'), wav({ dataSize: 0, riffSize: 0 }))
    const taken = new Taken()
    watch(taken, { unfinishedAfterMs: 300 })
    await eventually(() => expect(taken.names).toEqual(['crashed.wav']))
  })

  test('one that changed while it was taken is taken again', async () => {
    await writeFile(join(folder, 'a.wav'), wav())
    const taken = new Taken()
    const ok = taken.answer
    taken.answer = candidate => {
      taken.answer = ok
      return candidate.baseName === 'a.wav' ? { kind: 'unsettled', reason: 'it changed' } : ok(candidate)
    }
    watch(taken)
    await eventually(() => expect(taken.names).toEqual(['a.wav', 'a.wav']))
  })

  test('one that could not be taken is tried again by a rescan', async () => {
    await writeFile(join(folder, 'a.wav'), wav())
    const taken = new Taken()
    const ok = taken.answer
    taken.answer = () => ({ kind: 'failed', reason: 'the disk is full' })
    const { watcher } = watch(taken, { rescanEveryMs: 100 })
    await eventually(() => expect(watcher.status().failed).toBeGreaterThan(0))
    taken.answer = ok
    await eventually(() => expect(watcher.status().handedOver).toBe(1))
  })
})

describe('a folder in trouble', () => {
  test('one that is not there is a problem until it is', async () => {
    const missing = join(folder, 'later')
    const taken = new Taken()
    const { watcher, log } = watch(taken, { folder: missing, rescanEveryMs: 100 })
    await eventually(() => expect(watcher.status().problem).toMatch(/ENOENT/))
    await mkdir(missing)
    await writeFile(join(missing, 'a.wav'), wav())
    await eventually(() => expect(taken.names).toEqual(['a.wav']))
    await eventually(() => expect(watcher.status().problem).toBeNull())
    expect(log.lines.filter(line => line.level === 'error')).toHaveLength(1)
  })

  test('one that is removed and made again is watched again', async () => {
    const inner = join(folder, 'day')
    await mkdir(inner)
    const taken = new Taken()
    const { watcher } = watch(taken)
    await scanned(watcher)
    await rm(inner, { recursive: true })
    await mkdir(inner)
    await writeFile(join(inner, 'a.wav'), wav())
    await eventually(() => expect(taken.names).toEqual(['a.wav']))
    await unlink(join(inner, 'a.wav'))
    await writeFile(join(inner, 'b.wav'), wav())
    await eventually(() => expect(taken.names).toEqual(['a.wav', 'b.wav']))
  })

  test.skipIf(process.getuid?.() === 0)('one that may not be read is told of once, and the others go on', async () => {
    await mkdir(join(folder, 'locked'))
    await chmod(join(folder, 'locked'), 0)
    await writeFile(join(folder, 'a.wav'), wav())
    const taken = new Taken()
    const { watcher, log } = watch(taken, { rescanEveryMs: 100 })
    await eventually(() => expect(taken.names).toEqual(['a.wav']))
    await eventually(() => expect(watcher.status().problem).toMatch(/may not read/))
    expect(log.lines.filter(line => line.level === 'error')).toHaveLength(1)
    await chmod(join(folder, 'locked'), 0o700)
  })

  test('starting and stopping twice is the same as once', async () => {
    const { watcher } = watch(new Taken())
    watcher.start()
    await watcher.stop()
    await watcher.stop()
    expect(watcher.status().unsettled).toBe(0)
  })
})
