import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import type { ItemState } from '../../../src/events/recording.ts'
import { sourceFile } from '../../../src/recordings/audio/byte-source.ts'
import { clearFinished } from '../../../src/recordings/intake/clearing.ts'
import { Spool } from '../../../src/recordings/intake/spool.ts'
import { aRecording } from '../../uploads/fixtures.ts'
import { MemoryLedger } from '../memory-ledger.ts'

async function make(name: string, state: ItemState, uploaded: boolean) {
  const root = await mkdtemp(join(tmpdir(), 'tpe-held-'))
  onTestFinished(() => rm(root, { recursive: true, force: true }))
  const spool = new Spool(join(root, 'spool'))
  await spool.prepare()
  const made = aRecording(name, null, state)
  const path = uploaded ? spool.incomingPath(made.id, 'a.wav') : join(root, 'a.wav')
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, 'RIFF')
  const { size, mtimeMs } = sourceFile(path, await stat(path))
  await writeFile(spool.mp3Path(made.id), 'mp3')
  const item = { ...made, sourcePath: path, sourceSize: size, sourceMtimeMs: mtimeMs }
  const log = { debug() {}, info() {}, warn() {}, error() {} }
  const ledger = new MemoryLedger()
  return {
    item,
    path,
    mp3: spool.mp3Path(made.id),
    options: { ledger, spool, afterUpload: { kind: 'delete' }, roots: [root], log } as const,
  }
}

test.each([
  ['delivered', 'a folder’s', false],
  ['delivered', 'an uploaded', true],
  ['dropped', 'an uploaded', true],
] as const)(
  'nothing of a %s, %s recording is removed while it is held, and all of it afterwards',
  async (state, _from, uploaded) => {
    const { item, path, mp3, options } = await make('rec_a', state, uploaded)
    expect(await clearFinished({ ...item, hold: 'case 7' }, options)).toBe('not-yet')
    expect([existsSync(path), existsSync(mp3)]).toEqual([true, true])
    expect(await clearFinished({ ...item, hold: null }, options)).toBe('cleared')
    expect([existsSync(path), existsSync(mp3)]).toEqual([false, false])
  },
)
