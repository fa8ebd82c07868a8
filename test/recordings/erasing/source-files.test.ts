import { createHash } from 'node:crypto'
import { chmod, copyFile, mkdir, mkdtemp, readdir, rename, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { AudioItem } from '../../../src/events/recording.ts'
import { sourceFile } from '../../../src/recordings/audio/byte-source.ts'
import { eraseSources, type SourceErasingOptions } from '../../../src/recordings/erasing/source-files.ts'
import { recordingId } from '../../../src/recordings/intake/identity.ts'
import { aRecording, aVoicemail } from '../../uploads/fixtures.ts'

let root: string
let moved: string
const keep = (): SourceErasingOptions => ({ roots: [root], afterUpload: { kind: 'keep' } })
const signal = new AbortController().signal

beforeEach(async () => {
  const folder = await mkdtemp(join(tmpdir(), 'tpe-erasing-'))
  root = join(folder, 'monitor')
  moved = join(folder, 'done')
  await mkdir(root)
  await mkdir(moved)
})

afterEach(async () => {
  await rm(dirname(root), { recursive: true, force: true })
})

const write = async (path: string, content = path): Promise<string> => {
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, content)
  return path
}
const seen = async (path: string) => sourceFile(path, await stat(path))
const found = async <Item extends AudioItem>(item: Item, path: string): Promise<Item> => {
  const { size, mtimeMs } = await seen(path)
  return { ...item, sourcePath: path, sourceSize: size, sourceMtimeMs: mtimeMs }
}
const left = async (folder: string) => (await readdir(folder, { recursive: true })).sort()
const idOf = (name: string, content: string) => recordingId(name, createHash('sha256').update(content).digest('hex'))

test('a recording goes with the recorder’s sidecar, and nothing else does', async () => {
  const path = await write(join(root, 'a.wav'))
  for (const name of ['a.json', 'a.wav.json', 'ab.wav', 'ab.json']) await write(join(root, name))
  expect(await eraseSources(await found(aRecording('r1', null), path), [], keep(), signal)).toEqual({
    kind: 'erased',
    deleted: 3,
  })
  expect(await left(root)).toEqual(['ab.json', 'ab.wav'])
})

test('a file that is gone already is erased', async () => {
  const path = await write(join(root, 'a.wav'))
  const item = await found(aRecording('r1', null), path)
  await rm(path)
  expect(await eraseSources(item, [], keep(), signal)).toEqual({ kind: 'erased', deleted: 0 })
})

test('another recording that has taken the name stays', async () => {
  const path = await write(join(root, 'a.wav'), 'one')
  const item = await found(aRecording('r1', null), path)
  await writeFile(path, 'two')
  await utimes(path, 1, 1)
  expect(await eraseSources(item, [], keep(), signal)).toEqual({ kind: 'erased', deleted: 0 })
  expect(await left(root)).toEqual(['a.wav'])
})

test('a recording that was only touched is known by its content', async () => {
  const path = await write(join(root, 'a.wav'), 'one')
  const item = await found(aRecording(idOf('a.wav', 'one'), null), path)
  await utimes(path, 1, 1)
  expect(await eraseSources(item, [], keep(), signal)).toEqual({ kind: 'erased', deleted: 1 })
})

test('a recording is erased wherever it was found, and where it was moved after its upload', async () => {
  const path = await write(join(root, 'day/a.wav'), 'one')
  const item = await found(aRecording(idOf('a.wav', 'one'), null), path)
  const copy = await write(join(root, 'copy/a.wav'), 'one')
  const files = [await seen(copy)]
  await mkdir(join(moved, 'day'))
  await copyFile(path, join(moved, 'day/a.wav'))
  await rm(path)
  const options: SourceErasingOptions = { roots: [root], afterUpload: { kind: 'move', folder: moved } }
  expect(await eraseSources(item, files, options, signal)).toEqual({ kind: 'erased', deleted: 2 })
  expect(await left(moved)).toEqual(['day'])
})

test('an Asterisk voicemail goes with its text and in all its formats', async () => {
  const inbox = join(root, 'default/1001/INBOX')
  for (const name of ['msg0000.txt', 'msg0000.wav', 'msg0000.gsm', 'msg0001.txt', 'msg0001.wav']) await write(join(inbox, name))
  const item = await found(aVoicemail('v1'), join(inbox, 'msg0000.wav'))
  const files = [await seen(join(inbox, 'msg0000.txt'))]
  expect(await eraseSources(item, files, keep(), signal)).toEqual({ kind: 'erased', deleted: 3 })
  expect(await left(inbox)).toEqual(['msg0001.txt', 'msg0001.wav'])
})

test('a voicemail that was heard is erased in the folder where it is now; the message that has its old number stays', async () => {
  const at = (name: string) => join(root, 'default/1001', name)
  for (const name of ['INBOX/msg0000.txt', 'INBOX/msg0000.wav']) await write(at(name), 'first')
  const item = await found(aVoicemail('v1'), at('INBOX/msg0000.wav'))
  const before = await seen(at('INBOX/msg0000.txt'))
  await mkdir(at('Old'))
  for (const name of ['msg0000.txt', 'msg0000.wav']) await rename(at(`INBOX/${name}`), at(`Old/${name}`))
  const now = await seen(at('Old/msg0000.txt'))
  for (const name of ['INBOX/msg0000.txt', 'INBOX/msg0000.wav']) await write(at(name), 'another')
  expect(await eraseSources(item, [before, now], keep(), signal)).toEqual({ kind: 'erased', deleted: 2 })
  expect(await left(root)).toEqual(expect.arrayContaining(['default/1001/INBOX/msg0000.txt', 'default/1001/INBOX/msg0000.wav']))
  expect(await left(at('Old'))).toEqual([])
})

test('nothing outside the watched folders is touched', async () => {
  const path = await write(join(moved, 'a.wav'))
  const item = await found(aRecording('r1', null), path)
  const answer = await eraseSources(item, [], keep(), signal)
  expect(answer).toMatchObject({ kind: 'left', reason: expect.stringContaining('delete it by hand, then redrive') })
  expect(await left(moved)).toEqual(['a.wav'])
})

test('nothing behind a link that leads out of a watched folder is touched', async () => {
  await write(join(moved, 'a.wav'))
  await symlink(moved, join(root, 'day'))
  const item = await found(aRecording('r1', null), join(root, 'day/a.wav'))
  expect(await eraseSources(item, [], keep(), signal)).toMatchObject({
    kind: 'left',
    reason: expect.stringContaining('behind a link'),
  })
  expect(await left(moved)).toEqual(['a.wav'])
})

test.skipIf(process.getuid?.() === 0)('a folder that may not be written says so, and the rest is erased', async () => {
  const path = await write(join(root, 'closed/a.wav'))
  const open = await write(join(root, 'a.wav'))
  await chmod(join(root, 'closed'), 0o555)
  const answer = await eraseSources(await found(aRecording('r1', null), path), [await seen(open)], keep(), signal)
  expect(answer).toMatchObject({ kind: 'left', reason: expect.stringContaining('EACCES') })
  expect(await left(root)).toEqual(['closed', 'closed/a.wav'])
})
