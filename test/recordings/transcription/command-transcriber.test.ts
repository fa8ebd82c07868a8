import { chmod, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { expect, test, vi } from 'vitest'
import { CommandTranscriber } from '../../../src/recordings/transcription/command-transcriber.ts'
import { encodedAudio } from './mp3-like.ts'

/** A shell script beside the MP3, run with the MP3 as its only argument. */
async function script(text: string) {
  const audio = await encodedAudio(Buffer.from('this is the file'))
  const path = join(dirname(audio.path), 'transcribe.sh')
  await writeFile(path, `#!/bin/sh\n${text}\n`)
  await chmod(path, 0o755)
  return { audio, folder: dirname(path), transcriber: new CommandTranscriber([path, '--in={file}']) }
}

/** Not gone, and not dead and merely not yet collected by its new parent. */
async function isRunning(pid: number): Promise<boolean> {
  const about = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => null)
  return about !== null && !/\) [ZX] /.test(about)
}

const never = () => new AbortController().signal

test('what a command prints is what was said', async () => {
  const { audio, transcriber } = await script('echo "$1" | cut -c6- | xargs cat; echo " and $#"')
  expect(await transcriber.transcribe(audio, never())).toMatchObject({
    kind: 'heard',
    transcript: { text: 'this is the file and 1' },
  })
})

test('no shell reads the arguments', async () => {
  const audio = await encodedAudio()
  const transcriber = new CommandTranscriber(['printf', '%s', '$HOME; {file}'])
  const heard = await transcriber.transcribe(audio, never())
  expect(heard).toMatchObject({ kind: 'heard', transcript: { text: `$HOME; ${audio.path}` } })
})

test('a command that fails is run again later, and its last words are kept', async () => {
  const { audio, transcriber } = await script('echo half; echo "no GPU" >&2; exit 3')
  const heard = await transcriber.transcribe(audio, never())
  expect(heard).toMatchObject({ kind: 'retry', reason: expect.stringMatching(/transcribe\.sh exited with 3: no GPU$/) })
})

test('a command that is not there is a reason, not a crash', async () => {
  const transcriber = new CommandTranscriber(['/no/such/whisper', '{file}'])
  const heard = await transcriber.transcribe(await encodedAudio(), never())
  expect(heard).toMatchObject({ kind: 'retry', reason: expect.stringContaining('/no/such/whisper cannot be run') })
})

test('a command that has to stop is killed with everything it started', async () => {
  const { audio, folder, transcriber } = await script('sleep 600 &\necho $! > "$(dirname "$0")/child"; wait')
  const abort = new AbortController()
  const heard = transcriber.transcribe(audio, abort.signal)
  const pid = await vi.waitFor(async () => {
    const found = Number(await readFile(join(folder, 'child'), 'utf8'))
    expect(found).toBeGreaterThan(0)
    return found
  })
  abort.abort()
  expect(await heard).toMatchObject({ kind: 'retry', reason: expect.stringContaining('was killed') })
  await vi.waitFor(async () => expect(await isRunning(pid)).toBe(false))
})

test('a command that prints without end is stopped, and asked no second time', async () => {
  const { audio, transcriber } = await script('yes')
  expect(await transcriber.transcribe(audio, never())).toMatchObject({
    kind: 'refused',
    reason: expect.stringContaining('more than'),
  })
})
