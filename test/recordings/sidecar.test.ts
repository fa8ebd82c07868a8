import { execFileSync } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { readSidecar, sidecarIn, sidecarPaths } from '../../src/recordings/folders/sidecar.ts'

test.each([
  ['{"consent": true}', true],
  ['{"consent": "yes", "agent": "1001"}', true],
  ['{"consent": 1}', true],
  ['{"consent": false}', false],
  ['{"consent": "NO"}', false],
  ['{"consent": "unsure"}', false],
  ['{"consent": null}', null],
  ['{"consent": ""}', null],
  ['{}', null],
])('%s says %s', (text, said) => {
  expect(sidecarIn(text)).toEqual({ kind: 'read', said })
})

test.each(['', '{"consent": tr', '[]', 'true', '"yes"', '{"consent": {"given": true}}', '{"consent": ["yes"]}'])(
  '%j cannot be understood, and is not taken for silence',
  text => {
    expect(sidecarIn(text)).toMatchObject({ kind: 'unreadable' })
  },
)

test('any text is read or gives a reason that quotes nothing of it, and only a consent that is there says something', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.json()), text => {
      const sidecar = sidecarIn(text)
      if (sidecar.kind === 'unreadable') expect(sidecar.reason).toMatch(/^it is no (JSON|object)/)
      else if (sidecar.kind === 'read' && sidecar.said !== null) expect(JSON.parse(text)).toHaveProperty('consent')
    }),
  )
})

describe('the file beside a recording', () => {
  let folder: string
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sidecar-'))
  })
  afterEach(async () => {
    await rm(folder, { recursive: true, force: true })
  })

  const recording = () => join(folder, 'a.b.wav')

  test('is named like it, with another ending or one more', async () => {
    expect(sidecarPaths('/r/2026.11/a.b.wav')).toEqual(['/r/2026.11/a.b.json', '/r/2026.11/a.b.wav.json'])
    expect(sidecarPaths('/r/2026.11/a')).toEqual(['/r/2026.11/a.json', '/r/2026.11/a.json'])
    expect(await readSidecar(recording())).toEqual({ kind: 'missing' })
    await writeFile(join(folder, 'a.b.wav.json'), '{"consent": "yes"}')
    expect(await readSidecar(recording())).toEqual({ kind: 'read', said: true })
    await writeFile(join(folder, 'a.b.json'), '{"consent": "no"}')
    expect(await readSidecar(recording())).toEqual({ kind: 'read', said: false })
  })

  test('that is huge, a folder or a pipe is not read, and holds nothing up', async () => {
    const path = join(folder, 'a.b.json')
    await writeFile(path, `{"consent": true, "x": "${'x'.repeat(64 * 1024)}"}`)
    expect(await readSidecar(recording())).toEqual({ kind: 'unreadable', reason: 'it has more than 65536 bytes' })
    await rm(path)
    await mkdir(path)
    expect(await readSidecar(recording())).toEqual({ kind: 'unreadable', reason: 'it is no regular file' })
    await rm(path, { recursive: true })
    execFileSync('mkfifo', [path])
    expect(await readSidecar(recording())).toEqual({ kind: 'unreadable', reason: 'it is no regular file' })
  })
})
