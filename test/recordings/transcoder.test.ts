import { execFileSync, spawnSync } from 'node:child_process'
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { readAudioFile } from '../../src/recordings/audio/audio-file.ts'
import { OpenFile, sourceFile } from '../../src/recordings/audio/byte-source.ts'
import type { EncodeSettings } from '../../src/recordings/encoding/encode-run.ts'
import { bundledFfmpeg, findFfmpeg } from '../../src/recordings/encoding/ffmpeg.ts'
import { durationProblem, type EncodeResult, Transcoder } from '../../src/recordings/encoding/transcoder.ts'
import { eventually } from './eventually.ts'
import { keptLog } from './kept-log.ts'
import { tone, type WavOptions, wav } from './wav.ts'

const fixture = (name: string): string => fileURLToPath(new URL(`../fixtures/audio/${name}`, import.meta.url))
const searchPath = process.env.PATH ?? ''
let system: ReturnType<typeof findFfmpeg> | null = null
const systemFfmpeg = () => {
  system ??= findFfmpeg({ configured: null, searchPath, bundled: bundledFfmpeg })
  return system
}
const settings: EncodeSettings = { kbits: 32, channels: 'source', sampleRate: 'source' }

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'transcoder-'))
})
afterEach(async () => {
  await rm(folder, { recursive: true, force: true })
})

const make = (options: Partial<ConstructorParameters<typeof Transcoder>[0]> = {}): Transcoder =>
  new Transcoder({ settings, workers: 2, findFfmpeg: systemFfmpeg, log: keptLog(), ...options })

async function encode(transcoder: Transcoder, path: string, signal = new AbortController().signal): Promise<EncodeResult> {
  const file = await OpenFile.open(path)
  const audio = await readAudioFile(file, path)
  await file.close()
  if (audio.kind !== 'audio') throw new Error(audio.reason)
  const { format, container, ignoreLength } = audio
  return transcoder.encode(
    { source: file.file, format, container, ignoreLength, target: join(folder, 'spool', 'out.mp3') },
    signal,
  )
}

async function put(name: string, bytes: Uint8Array): Promise<string> {
  const path = join(folder, name)
  await writeFile(path, bytes)
  return path
}

/** Whichever this machine has: the system's, or the one that npm brings. */
const realFfmpeg = await anyFfmpeg()

async function anyFfmpeg(): Promise<string> {
  const search = await findFfmpeg({ configured: null, searchPath, bundled: bundledFfmpeg })
  if (search.kind === 'missing') throw new Error(search.reason)
  return search.ffmpeg.path
}

/** A program in ffmpeg's place: all its answers about itself are right, what it encodes is up to the test. */
async function fakeFfmpeg(name: string, script: string): Promise<string> {
  const path = join(folder, name)
  const answers = `-version) echo "ffmpeg version 9.9 by a test" ;; "-hide_banner -encoders") echo " A....D libmp3lame" ;;`
  await writeFile(path, `#!/bin/sh\ncase "$*" in ${answers} *-i\\ *) ${script} ;; *) exec ${realFfmpeg} "$@" ;; esac\n`)
  await chmod(path, 0o755)
  return path
}

describe('what is encoded', () => {
  test.each([
    ['1795329426.4_1-3723@127.0.0.1.wav', 8000],
    ['1795329441.8_1-3852@127.0.0.1.WAV', 6000],
    ['voicemail/default/1002/INBOX/msg0000.WAV', 14200],
  ])('%s becomes an MP3 of its length', async (name, durationMs) => {
    const result = await encode(make(), fixture(name))
    if (result.kind !== 'encoded') throw new Error(JSON.stringify(result))
    expect(Math.abs(result.audio.durationMs - durationMs)).toBeLessThan(30)
    expect(result.audio).toMatchObject({ channels: 1, sampleRate: 8000, size: (await stat(result.audio.path)).size })
    // ffmpeg's own opinion of it; it decodes to nothing, because npm brings no ffprobe.
    const { stderr } = spawnSync(realFfmpeg, ['-hide_banner', '-i', result.audio.path, '-f', 'null', '-'], { encoding: 'utf8' })
    expect(stderr).toMatch(/Audio: mp3\b/)
    const [, minutes, seconds] = /Duration: 00:(\d\d):([\d.]+)/.exec(stderr) ?? []
    expect(Math.abs((Number(minutes) * 60 + Number(seconds)) * 1000 - durationMs)).toBeLessThan(300)
    const sum = execFileSync('sha256sum', [result.audio.path]).toString().split(' ')[0]
    expect(result.audio.sha256).toBe(sum)
  })

  test('the ffmpeg that npm brings encodes GSM as well', async () => {
    const path = bundledFfmpeg()
    if (path === null) throw new Error('@ffmpeg-installer/ffmpeg is not installed')
    const log = keptLog()
    const transcoder = make({ findFfmpeg: () => findFfmpeg({ configured: null, searchPath: folder, bundled: () => path }), log })
    const result = await encode(transcoder, fixture('1795329441.8_1-3852@127.0.0.1.WAV'))
    expect(result).toMatchObject({ kind: 'encoded', audio: { durationMs: 6000 } })
    expect(transcoder.status().ffmpeg).toMatchObject({ origin: 'bundled', warning: expect.stringContaining('2018') })
    expect(log.lines.filter(line => line.level === 'warn')).toHaveLength(1)
  })

  test('stereo stays stereo, or is mixed to mono when configured', async () => {
    const path = await put('stereo.wav', wav({ channels: 2, data: tone(2, 16_000, 2), rate: 16_000 }))
    expect(await encode(make(), path)).toMatchObject({
      kind: 'encoded',
      audio: { channels: 2, sampleRate: 16_000, durationMs: 2000 },
    })
    const mono = make({ settings: { kbits: 24, channels: 'mono', sampleRate: 16_000 } })
    expect(await encode(mono, path)).toMatchObject({
      kind: 'encoded',
      audio: { channels: 1, sampleRate: 16_000, durationMs: 2000 },
    })
  })

  test.each<[string, WavOptions, number]>([
    ['a stale header', { dataSize: 16_000 }, 4000],
    ['a header that is still open', { dataSize: 0, riffSize: 0 }, 4000],
    ['a header that promises too much', { dataSize: 96_000 }, 4000],
    ['four channels', { channels: 4, data: tone(4, 8000, 4) }, 4000],
    ['24 bits', { bits: 24, data: Buffer.alloc(96_000) }, 4000],
    ['a very short recording', { data: tone(0.05) }, 50],
  ])('%s loses no audio', async (_name, options, durationMs) => {
    const result = await encode(make(), await put('odd.wav', wav({ data: tone(4), ...options })))
    if (result.kind !== 'encoded') throw new Error(JSON.stringify(result))
    expect(Math.abs(result.audio.durationMs - durationMs)).toBeLessThan(5)
  })
})

describe('what goes wrong', () => {
  test('a file that shrinks while it is read is refused, and leaves nothing in the spool', async () => {
    const path = await put('a.wav', wav({ data: tone(4) }))
    const shrinking = await fakeFfmpeg('ffmpeg', `${realFfmpeg} "$@"; truncate -s 1000 ${path}`)
    const transcoder = make({ findFfmpeg: () => findFfmpeg({ configured: shrinking, searchPath, bundled: () => null }) })
    expect(await encode(transcoder, path)).toEqual({ kind: 'changed', reason: 'changed while being read' })
    expect(await readdir(join(folder, 'spool'))).toEqual([])
  })

  test('an ffmpeg that ends well with half of the audio is found out', async () => {
    const path = await put('a.wav', wav({ data: tone(4) }))
    const half = await fakeFfmpeg('ffmpeg', `${realFfmpeg} -t 2 "$@"`)
    const transcoder = make({ findFfmpeg: () => findFfmpeg({ configured: half, searchPath, bundled: () => null }) })
    const result = await encode(transcoder, path)
    expect(result).toEqual({ kind: 'source-fault', reason: expect.stringContaining('it plays 2.0 s of 4.0 s') })
    expect(await readdir(join(folder, 'spool'))).toEqual([])
  })

  test.each([
    ['a full disk', 'echo "av_interleaved_write_frame(): No space left on device" >&2; exit 1', 'machine-fault', /No space left/],
    ['an input it cannot read', 'echo "Invalid data found when processing input" >&2; exit 183', 'source-fault', /Invalid data/],
    ['a crash', 'kill -9 $$', 'unclear', /SIGKILL/],
  ])('%s is told apart by what ffmpeg says', async (_name, script, kind, reason) => {
    const path = await put('a.wav', wav())
    const failing = await fakeFfmpeg('ffmpeg', script)
    const transcoder = make({ findFfmpeg: () => findFfmpeg({ configured: failing, searchPath, bundled: () => null }) })
    expect(await encode(transcoder, path)).toEqual({ kind, reason: expect.stringMatching(reason) })
  })

  test('an ffmpeg that is removed is looked for again', async () => {
    const path = await put('a.wav', wav())
    const here = await fakeFfmpeg('ffmpeg', 'exit 1')
    let configured: string | null = here
    const transcoder = make({ findFfmpeg: () => findFfmpeg({ configured, searchPath, bundled: bundledFfmpeg }) })
    await transcoder.ffmpeg()
    await rm(here)
    expect(await encode(transcoder, path)).toMatchObject({
      kind: 'machine-fault',
      reason: expect.stringContaining('could not be run'),
    })
    configured = null
    expect(await encode(transcoder, path)).toMatchObject({ kind: 'encoded' })
  })

  test('an abort and a time-out kill ffmpeg', async () => {
    const path = await put('a.wav', wav())
    const pidFile = join(folder, 'pid')
    const sleeping = await fakeFfmpeg('ffmpeg', `echo $$ > ${pidFile}; exec sleep 60`)
    const search = () => findFfmpeg({ configured: sleeping, searchPath, bundled: () => null })
    const isAlive = (pid: number): boolean => {
      try {
        return process.kill(pid, 0)
      } catch {
        return false
      }
    }
    const pid = async (): Promise<number> => Number(await readFile(pidFile, 'utf8'))
    const abort = new AbortController()
    const aborted = encode(make({ findFfmpeg: search }), path, abort.signal)
    await eventually(async () => expect(await pid()).toBeGreaterThan(0))
    abort.abort()
    expect(await aborted).toEqual({ kind: 'aborted' })
    expect(isAlive(await pid())).toBe(false)

    const slow = make({ findFfmpeg: search, timeoutFloorMs: 300, timeoutShare: 0 })
    expect(await encode(slow, path)).toEqual({ kind: 'unclear', reason: expect.stringContaining('did not finish') })
    expect(isAlive(await pid())).toBe(false)
  })

  test('no more ffmpegs run than there are workers', async () => {
    const path = await put('a.wav', wav())
    const running = join(folder, 'running')
    await mkdir(running)
    const counted = await fakeFfmpeg(
      'ffmpeg',
      `touch ${running}/$$; ls ${running} | wc -l >> ${folder}/most; ${realFfmpeg} "$@"; rm ${running}/$$`,
    )
    const transcoder = make({ findFfmpeg: () => findFfmpeg({ configured: counted, searchPath, bundled: () => null }) })
    const source = sourceFile(path, await stat(path))
    const format = { durationMs: 1000, channels: 1, sampleRate: 8000 }
    const results = await Promise.all(
      Array.from({ length: 6 }, (_, n) =>
        transcoder.encode(
          { source, format, container: 'wav', ignoreLength: false, target: join(folder, 'spool', `${n}.mp3`) },
          new AbortController().signal,
        ),
      ),
    )
    expect(results.map(result => result.kind)).toEqual(Array.from({ length: 6 }, () => 'encoded'))
    const most = Math.max(...(await readFile(join(folder, 'most'), 'utf8')).trim().split('\n').map(Number))
    expect(most).toBeLessThanOrEqual(2)
  })
})

describe('which ffmpeg', () => {
  test('a configured path that does not work is an error, not a reason to take another', async () => {
    const search = await findFfmpeg({ configured: '/nowhere/ffmpeg', searchPath, bundled: bundledFfmpeg })
    expect(search).toEqual({
      kind: 'missing',
      reason: expect.stringMatching(/configured ffmpeg \/nowhere\/ffmpeg.*Correct the path/),
    })
  })

  test('none at all says what to install', async () => {
    const search = await findFfmpeg({ configured: null, searchPath: folder, bundled: () => null })
    expect(search).toEqual({ kind: 'missing', reason: expect.stringContaining('apt-get install ffmpeg') })
  })

  test('one without an MP3 encoder is passed over, and said so', async () => {
    await writeFile(join(folder, 'ffmpeg'), '#!/bin/sh\necho "ffmpeg version 9.9 Copyright"\n')
    await chmod(join(folder, 'ffmpeg'), 0o755)
    const search = await findFfmpeg({ configured: null, searchPath: folder, bundled: () => null })
    expect(search).toEqual({ kind: 'missing', reason: expect.stringContaining('without the MP3 encoder') })
  })
})

test.each([
  [60_000, 60_000, null],
  [60_000, 57_100, null],
  [60_000, 56_000, /plays 56.0 s of 60.0 s/],
  [60_000, 63_400, null],
  [60_000, 64_000, /plays 64.0 s/],
  [200, 650, null],
])('a source of %d ms and an MP3 of %d ms', (source, encoded, problem) => {
  if (problem === null) expect(durationProblem(source, encoded)).toBeNull()
  else expect(durationProblem(source, encoded)).toMatch(problem)
})
