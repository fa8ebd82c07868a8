import { createHash, randomUUID } from 'node:crypto'
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, onTestFinished, test } from 'vitest'
import { ArchiveError } from '../../src/archive/archive.ts'
import { addressOf, archiveKey } from '../../src/archive/key.ts'
import { LocalArchive } from '../../src/archive/local-archive.ts'
import type { EncodedAudio, RecordingId, RecordingItem } from '../../src/events/recording.ts'

const startedAt = Date.UTC(2026, 10, 22, 23, 59, 59, 999)
const unhurried = new AbortController().signal

async function site(changes: { readonly publicUrl?: string } = {}) {
  const folder = await mkdtemp(join(tmpdir(), 'tpe-archive-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const archive = new LocalArchive({
    folder: join(folder, 'calls'),
    publicUrl: changes.publicUrl ?? null,
    site: 'hq',
    newName: randomUUID,
    clock: Date.now,
  })
  const encoded = async (content: string): Promise<EncodedAudio> => {
    const path = join(folder, 'spool.mp3')
    await writeFile(path, content)
    const sha256 = createHash('sha256').update(content).digest('hex')
    return { path, size: content.length, sha256, durationMs: 1000, channels: 1, sampleRate: 8000 }
  }
  return { folder: join(folder, 'calls'), archive, encoded }
}

function recording(id: string): RecordingItem {
  return {
    kind: 'recording',
    id: id as RecordingId,
    state: 'queued',
    reason: null,
    sourcePath: '/var/spool/asterisk/monitor/a.wav',
    sourceSize: 1,
    sourceMtimeMs: startedAt,
    foundAt: startedAt,
    startedAt,
    source: null,
    encoded: null,
    callId: null,
    hints: { sipCallId: null, unique: null, from: null, to: null, startedAt: null },
    matchedBy: null,
  }
}

describe('a folder as archive', () => {
  test('keeps audio under its site, its day in UTC and its id, readable for the group', async () => {
    const { folder, archive, encoded } = await site({ publicUrl: 'https://calls.example.com/pbx/' })
    const stored = await archive.store(recording('rec_a'), await encoded('voice'), unhurried)
    expect(stored).toEqual({
      key: 'hq/2026/11/22/rec_a.mp3',
      url: 'https://calls.example.com/pbx/hq/2026/11/22/rec_a.mp3',
    })
    const path = join(folder, stored.key)
    expect(await readFile(path, 'utf8')).toBe('voice')
    expect((await stat(path)).mode & 0o777).toBe(0o640)
    expect(await readdir(join(folder, '.incoming'))).toEqual([])
  })

  test('has no address without public_url', async () => {
    const { archive, encoded } = await site()
    expect((await archive.store(recording('rec_a'), await encoded('voice'), unhurried)).url).toBeNull()
  })

  test('leaves what is there already untouched, and replaces what is not whole', async () => {
    const { folder, archive, encoded } = await site()
    const audio = await encoded('voice')
    const path = join(folder, (await archive.store(recording('rec_a'), audio, unhurried)).key)
    const before = await stat(path)
    await archive.store(recording('rec_a'), audio, unhurried)
    expect((await stat(path)).ino).toBe(before.ino)
    await writeFile(path, 'VOICE') // the same size, other bytes
    await archive.store(recording('rec_a'), audio, unhurried)
    expect(await readFile(path, 'utf8')).toBe('voice')
  })

  test('keeps nothing when the file is not what was encoded', async () => {
    const { folder, archive, encoded } = await site()
    const audio = { ...(await encoded('voice')), sha256: '0'.repeat(64) }
    await expect(archive.store(recording('rec_a'), audio, unhurried)).rejects.toThrow(ArchiveError)
    expect(await readdir(join(folder, '.incoming'))).toEqual([])
    expect(await readdir(join(folder, 'hq/2026/11/22'))).toEqual([])
  })

  test('says which file is missing from the spool', async () => {
    const { archive, encoded } = await site()
    const audio = await encoded('voice')
    await rm(audio.path)
    await expect(archive.store(recording('rec_a'), audio, unhurried)).rejects.toThrow(/spool\.mp3, which was to be archived/)
  })

  test('says what to do when the folder cannot be written', async () => {
    const { folder, archive, encoded } = await site()
    await writeFile(folder, 'a file where the folder should be')
    await expect(archive.start()).rejects.toThrow(/cannot be written \((ENOTDIR|EEXIST)\): create archive\.folder/)
    await expect(archive.store(recording('rec_a'), await encoded('voice'), unhurried)).rejects.toThrow(ArchiveError)
  })

  test('removes what a crash left a day ago, and nothing younger', async () => {
    const { folder, archive } = await site()
    await mkdir(join(folder, '.incoming'), { recursive: true })
    await writeFile(join(folder, '.incoming/old.part'), '')
    await writeFile(join(folder, '.incoming/young.part'), '')
    await chmod(join(folder, '.incoming/old.part'), 0o600)
    const yesterday = Date.now() / 1000 - 90_000
    await utimes(join(folder, '.incoming/old.part'), yesterday, yesterday)
    await archive.start()
    expect(await readdir(join(folder, '.incoming'))).toEqual(['young.part'])
  })

  test('stops when it is told to', async () => {
    const { archive, encoded } = await site()
    const aborted = AbortSignal.abort(new Error('stopping'))
    await expect(archive.store(recording('rec_a'), await encoded('voice'), aborted)).rejects.not.toThrow(ArchiveError)
  })
})

describe('the keys of the archive', () => {
  test('never lead out of it, whatever the id and the site are', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (where, id) => {
        const name = '[A-Za-z0-9_~-][A-Za-z0-9_.~-]{0,220}'
        return new RegExp(`^${name}/2026/11/22/${name}\\.mp3$`).test(archiveKey(where, id, startedAt))
      }),
    )
  })

  test('differ where the ids differ', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (one, other) => {
        fc.pre(one !== other)
        expect(archiveKey('hq', one, 0)).not.toBe(archiveKey('hq', other, 0))
      }),
    )
  })

  test.each([
    ['../../etc/passwd', 'hq/1970/01/01/~2e.~2f..~2fetc~2fpasswd.mp3'],
    ['', `hq/1970/01/01/~sha256-${createHash('sha256').digest('hex')}.mp3`],
    ['a'.repeat(201), `hq/1970/01/01/~sha256-${createHash('sha256').update('a'.repeat(201)).digest('hex')}.mp3`],
  ])('write %s so that it is one harmless name', (id, key) => {
    expect(archiveKey('hq', id, 0)).toBe(key)
  })

  test('have an address in which nothing is lost', () => {
    expect(addressOf('hq/2026/11/22/~2ea b.mp3', 'http://calls.example/x/')).toBe(
      'http://calls.example/x/hq/2026/11/22/~2ea%20b.mp3',
    )
  })
})
