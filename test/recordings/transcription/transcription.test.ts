/** The whole audio stage with a transcriber: nothing is lost, held too long or transcribed twice. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { HttpTranscriber } from '../../../src/recordings/transcription/http-transcriber.ts'
import { Transcription, type TranscriptionOptions } from '../../../src/recordings/transcription/transcription.ts'
import { scriptedServer } from '../../zendesk/scripted-server.ts'
import { Stage } from '../stage.ts'
import { tone, wav } from '../wav.ts'

type Respond = Parameters<typeof scriptedServer>[0]

async function transcribing(respond: Respond, options: Partial<TranscriptionOptions> = {}) {
  const stage = await Stage.make()
  onTestFinished(() => stage.remove())
  const { url, seen } = await scriptedServer(respond)
  const make = () =>
    new Transcription({
      transcriber: new HttpTranscriber({ url, model: 'm', token: null, language: null }),
      minDurationMs: 500,
      recordings: true,
      voicemails: true,
      waitMs: 600_000,
      timeoutMs: 60_000,
      workers: 1,
      clock: () => Date.now() + stage.skew,
      random: () => 0,
      log: stage.log,
      ...options,
    })
  const start = async () => {
    stage.options = { transcription: make() }
    await stage.start()
  }
  return { stage, seen, start }
}

/** A recording whose call is known, `seconds` long. */
async function record(stage: Stage, name: string, seconds = 1): Promise<void> {
  stage.knowCall(`call_${name}`, `sip:${name}@pbx`)
  await writeFile(join(stage.monitor, `1.1_${name}@pbx.wav`), wav({ data: tone(seconds, 8_000, 1, name.length) }))
}

const patience = { timeout: 15_000, interval: 20 }

test('a recording is queued with what was said in it', async () => {
  const answer = { text: 'Refund, please.', language: 'en', sentiment: 'negative', keywords: ['refund'] }
  const { stage, start } = await transcribing(response => response.end(JSON.stringify(answer)))
  await start()
  await record(stage, 'a')
  await vi.waitFor(() => expect(stage.ledger.jobs).toHaveLength(1), patience)
  const [item] = stage.ledger.jobs
  expect(item).toMatchObject({ state: 'queued', callId: 'call_a', matchedBy: 'call-id', transcript: { kind: 'text', ...answer } })
  expect(stage.intake.status().transcription).toEqual({ waiting: 0, running: 0, streak: null })
})

test('what is too short, or of a kind that is not wanted, is queued at once and without a transcript', async () => {
  const { stage, seen, start } = await transcribing(response => response.end('{"text":"x"}'), { minDurationMs: 2_000 })
  await start()
  await record(stage, 'short', 1)
  await vi.waitFor(() => expect(stage.ledger.jobs).toHaveLength(1), patience)
  expect(stage.ledger.jobs[0]).not.toHaveProperty('transcript')
  expect(seen).toEqual([])
})

test('a transcriber that recovers in time loses nothing', async () => {
  let asked = 0
  const { stage, start } = await transcribing(response => {
    asked += 1
    if (asked < 3) response.writeHead(503).end()
    else response.end('{"text":"at last"}')
  })
  await start()
  await record(stage, 'a')
  await vi.waitFor(() => expect(stage.ledger.jobs).toHaveLength(1), patience)
  expect(stage.ledger.jobs[0]?.transcript).toMatchObject({ kind: 'text', text: 'at last' })
  expect(asked).toBe(3)
})

test('a transcriber that never answers holds audio no longer than the wait', async () => {
  const { stage, seen, start } = await transcribing(() => {}, { waitMs: 1_000 })
  await start()
  await record(stage, 'a')
  await vi.waitFor(() => expect(seen).toHaveLength(1), patience)
  await record(stage, 'bb')
  await vi.waitFor(() => expect(stage.ledger.jobs).toHaveLength(2), patience)
  expect(stage.ledger.jobs.map(({ transcript }) => transcript?.kind)).toEqual(['failed', 'failed'])
  expect(stage.ledger.in('waiting')).toEqual([])
})

test('a file that the transcriber refuses goes on at once', async () => {
  const { stage, seen, start } = await transcribing(response => response.writeHead(400).end('no speech'))
  await start()
  await record(stage, 'a')
  await vi.waitFor(() => expect(stage.ledger.jobs).toHaveLength(1), patience)
  expect(stage.ledger.jobs[0]?.transcript).toMatchObject({ kind: 'failed', reason: expect.stringContaining('400: no speech') })
  expect(seen).toHaveLength(1)
})

test('a slow transcriber keeps nobody from being encoded, and no more than its workers are asked at once', async () => {
  let release = () => {}
  const { stage, seen, start } = await transcribing(response => {
    const before = release
    release = () => {
      before()
      response.end('{"text":"x"}')
    }
  })
  await start()
  for (const name of ['a', 'bb', 'ccc', 'dddd', 'eeeee', 'ffffff']) await record(stage, name)
  await vi.waitFor(() => expect(stage.ledger.in('waiting').filter(({ encoded }) => encoded !== null)).toHaveLength(6), patience)
  expect(seen).toHaveLength(1)
  expect(stage.ledger.jobs).toEqual([])
  await vi.waitFor(() => {
    release()
    expect(stage.ledger.jobs).toHaveLength(6)
  }, patience)
  expect(seen).toHaveLength(6)
})

test('a restart goes on where it was: nothing is encoded again, and the wait is not begun anew', async () => {
  const { stage, seen, start } = await transcribing(() => {}, { waitMs: 600_000 })
  await start()
  await record(stage, 'a')
  await vi.waitFor(() => expect(seen).toHaveLength(1), patience)
  const [before] = stage.ledger.in('waiting')
  await stage.stop()
  expect(stage.ledger.jobs).toEqual([])

  await start()
  await vi.waitFor(() => expect(seen).toHaveLength(2), patience)
  await stage.stop()
  expect(stage.ledger.in('waiting')[0]?.encoded).toEqual(before?.encoded)

  // Most of the wait went by while nothing ran.
  stage.skew = 601_000
  await start()
  await vi.waitFor(() => expect(stage.ledger.jobs).toHaveLength(1), patience)
  expect(stage.ledger.jobs[0]).toMatchObject({ encoded: before?.encoded, transcript: { kind: 'failed' } })
  expect(seen).toHaveLength(2)
})

test('without its transcriber, what waited for it is queued', async () => {
  const { stage, seen, start } = await transcribing(() => {})
  await start()
  await record(stage, 'a')
  await vi.waitFor(() => expect(seen).toHaveLength(1), patience)
  await stage.stop()
  stage.options = {}
  await stage.start()
  await vi.waitFor(() => expect(stage.ledger.jobs).toHaveLength(1), patience)
  expect(stage.ledger.jobs[0]).not.toHaveProperty('transcript')
})
