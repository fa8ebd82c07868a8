import { createHash, randomUUID } from 'node:crypto'
import { chmod, mkdir, readdir, readFile, readlink, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { ArchiveError } from '../../src/archive/archive.ts'
import { addressOf, archiveKey } from '../../src/archive/key.ts'
import { LocalArchive } from '../../src/archive/local-archive.ts'
import { call, encodedAs, folder, recording, startedAt, unhurried } from './audio.ts'

async function site(changes: { readonly publicUrl?: string } = {}) {
  const spool = await folder()
  const archive = new LocalArchive({
    folder: join(spool, 'calls'),
    publicUrl: changes.publicUrl ?? null,
    site: 'hq',
    newName: randomUUID,
    clock: Date.now,
  })
  return { folder: join(spool, 'calls'), archive, spool, encoded: (content: string) => encodedAs(content, spool) }
}

describe('a folder as archive', () => {
  test('keeps audio under its site, its day in UTC and its id, readable for the group', async () => {
    const { folder, archive, encoded } = await site({ publicUrl: 'https://calls.example.com/pbx/' })
    const stored = await archive.store(recording('rec_a'), await encoded('voice'), null, unhurried)
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
    expect((await archive.store(recording('rec_a'), await encoded('voice'), null, unhurried)).url).toBeNull()
  })

  test('leaves what is there already untouched, and replaces what is not whole', async () => {
    const { folder, archive, encoded } = await site()
    const audio = await encoded('voice')
    const path = join(folder, (await archive.store(recording('rec_a'), audio, null, unhurried)).key)
    const before = await stat(path)
    await archive.store(recording('rec_a'), audio, null, unhurried)
    expect((await stat(path)).ino).toBe(before.ino)
    await writeFile(path, 'VOICE') // the same size, other bytes
    await archive.store(recording('rec_a'), audio, null, unhurried)
    expect(await readFile(path, 'utf8')).toBe('voice')
  })

  test('keeps nothing when the file is not what was encoded', async () => {
    const { folder, archive, encoded } = await site()
    const audio = { ...(await encoded('voice')), sha256: '0'.repeat(64) }
    await expect(archive.store(recording('rec_a'), audio, null, unhurried)).rejects.toThrow(ArchiveError)
    await expect(readdir(folder)).rejects.toThrow('ENOENT')
  })

  test('says which file is missing from the spool', async () => {
    const { archive, encoded } = await site()
    const audio = await encoded('voice')
    await rm(audio.path)
    await expect(archive.store(recording('rec_a'), audio, null, unhurried)).rejects.toThrow(
      /\.mp3, which was to be archived.* restore it and redrive/,
    )
  })

  test('says what to do when the folder cannot be written', async () => {
    const { folder, archive, encoded } = await site()
    await writeFile(folder, 'a file where the folder should be')
    await expect(archive.start()).rejects.toThrow(/cannot be written \((ENOTDIR|EEXIST)\): create archive\.folder/)
    await expect(archive.store(recording('rec_a'), await encoded('voice'), null, unhurried)).rejects.toThrow(ArchiveError)
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

  test('looks once a day for what a crash left, until it is stopped', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
    onTestFinished(() => void vi.useRealTimers())
    let now = Date.now()
    const spool = await folder()
    const archive = new LocalArchive({ folder: spool, publicUrl: null, site: 'hq', newName: randomUUID, clock: () => now })
    await archive.start()
    await writeFile(join(spool, '.incoming/left.part'), '')
    now += 2 * 86_400_000
    vi.advanceTimersByTime(86_400_000)
    await vi.waitFor(async () => expect(await readdir(join(spool, '.incoming'))).toEqual([]))
    archive.stop()
    expect(vi.getTimerCount()).toBe(0)
  })

  test('opens nothing that it cannot write, and takes a folder that is gone for one that may come back', async () => {
    const { folder, archive, encoded, spool } = await site()
    const audio = await encoded('voice')
    const { key } = await archive.store(recording('rec_a'), audio, null, unhurried)
    const nowhere = { ...audio, path: join(spool, 'gone', 'back') }
    await expect(archive.fetch(key, nowhere, unhurried)).rejects.toMatchObject({ blame: { kind: 'retry' } })
    const options = { folder, publicUrl: null, site: 'hq', clock: Date.now }
    const full = new LocalArchive({ ...options, newName: () => 'gone/name' })
    await expect(full.store(recording('rec_b'), audio, null, unhurried)).rejects.toThrow(ArchiveError)
    await archive.fetch(key, { ...audio, path: join(spool, 'back') }, unhurried)
    const links = await Promise.all((await readdir('/proc/self/fd')).map(fd => readlink(`/proc/self/fd/${fd}`).catch(() => '')))
    expect(links.filter(path => path.startsWith(spool))).toEqual([])
  })

  test('keeps a record beside the audio when the call is known, and leaves it when it is not', async () => {
    const { folder, archive, encoded } = await site()
    const audio = await encoded('voice')
    await archive.store(recording('rec_a'), audio, { call }, unhurried)
    await archive.store(recording('rec_a'), audio, null, unhurried)
    expect(await readdir(join(folder, 'hq/2026/11/22'))).toEqual(['rec_a.mp3', 'rec_a.vcon.json'])
    const record: unknown = JSON.parse(await readFile(join(folder, 'hq/2026/11/22/rec_a.vcon.json'), 'utf8'))
    expect(record).toMatchObject({ vcon: '0.4.0', dialog: [{ filename: 'rec_a.mp3' }] })
  })

  test('gives back what it keeps, and leaves no file when that is something else', async () => {
    const { folder, archive, encoded, spool } = await site()
    const audio = await encoded('voice')
    const { key } = await archive.store(recording('rec_a'), audio, null, unhurried)
    await archive.fetch(key, { ...audio, path: join(spool, 'back') }, unhurried)
    expect(await readFile(join(spool, 'back'), 'utf8')).toBe('voice')
    const before = await readdir(spool)
    await writeFile(join(folder, key), 'VOICE')
    const other = { ...audio, path: join(spool, 'other') }
    await expect(archive.fetch(key, other, unhurried)).rejects.toMatchObject({ blame: { kind: 'reject' } })
    await expect(archive.fetch('hq/2026/11/22/none.mp3', other, unhurried)).rejects.toMatchObject({ blame: { kind: 'reject' } })
    expect(await readdir(spool)).toEqual(before)
  })

  test('deletes audio with its record, once, and nothing that is held', async () => {
    const { folder, archive, encoded } = await site()
    const { key } = await archive.store(recording('rec_a'), await encoded('voice'), { call }, unhurried)
    await writeFile(join(folder, `${key}.hold`), '')
    expect(await archive.delete(key, unhurried)).toBe('held')
    await rm(join(folder, `${key}.hold`))
    expect(await archive.delete(key, unhurried)).toBe('deleted')
    expect(await archive.delete(key, unhurried)).toBe('absent')
    expect(await readdir(join(folder, 'hq/2026/11/22'))).toEqual([])
    await expect(archive.delete('../2026/11/22/a.mp3', unhurried)).rejects.toThrow(TypeError)
  })

  test('lists the audio of its site, oldest first, up to a day', async () => {
    const { folder, archive, encoded } = await site()
    const audio = await encoded('voice')
    for (const [id, day] of Object.entries({ a: 20, b: 3, c: 21, d: 22 })) {
      await archive.store(recording(id, { startedAt: Date.UTC(2026, 10, day, 12) }), audio, { call }, unhurried)
    }
    await mkdir(join(folder, 'hq2/2026/01/01'), { recursive: true })
    await writeFile(join(folder, 'hq2/2026/01/01/x.mp3'), '')
    await writeFile(join(folder, 'hq/notes.txt'), '')
    const listed: string[] = []
    for await (const { key } of archive.list(Date.UTC(2026, 10, 22), unhurried)) listed.push(key)
    expect(listed).toEqual(['hq/2026/11/03/b.mp3', 'hq/2026/11/20/a.mp3', 'hq/2026/11/21/c.mp3'])
  })

  test('stops when it is told to', async () => {
    const { archive, encoded } = await site()
    const aborted = AbortSignal.abort(new Error('stopping'))
    await expect(archive.store(recording('rec_a'), await encoded('voice'), null, aborted)).rejects.not.toThrow(ArchiveError)
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
