import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { linkInto, openArchive } from '../../src/bridge/archive.ts'
import type { Config } from '../../src/config/schema.ts'
import type { CallSnapshot } from '../../src/events/event.ts'
import type { EncodedAudio } from '../../src/events/recording.ts'
import { Halt } from '../../src/zendesk/calls/halt.ts'
import { call, encodedAs, folder, recording } from '../archive/audio.ts'
import { s3Server } from '../archive/s3-server.ts'
import { keys } from '../archive/s3-store.ts'
import { accepted } from '../config/loading.ts'

const item = recording('rec_a', { callId: call.id })
const address = 'https://calls.example.com/hq/2026/11/22/rec_a.mp3'

async function bucket() {
  const { store, endpoint, region } = await s3Server()
  const s3 = `{ bucket: calls, region: ${region}, endpoint: "${endpoint}", access_key: ${keys.accessKey}, secret_key: "${keys.secretKey}" }`
  const config = await accepted(`archive: { s3: ${s3}, public_url: "https://calls.example.com" }\n`)
  return { store, config }
}

async function linked(config: Config, audio: EncodedAudio, known: CallSnapshot | null = call): Promise<string | null> {
  const opened = await openArchive(config)
  onTestFinished(() => opened?.stop())
  return await linkInto(opened?.archive ?? null, async () => known)(item, audio)
}

async function haltOf(config: Config): Promise<Halt> {
  const audio = await encodedAs('voice', await folder())
  const cause = await linked(config, audio).catch((error: unknown) => error)
  if (!(cause instanceof Halt)) throw new Error(`no Halt: ${String(cause)}`)
  return cause
}

test('without an archive there is no link', async () => {
  const audio = await encodedAs('voice', await folder())
  expect(await linked(await accepted(''), audio)).toBeNull()
})

test('a link leads to where the audio lies, in a folder or in a bucket', async () => {
  const spool = await folder()
  const audio = await encodedAs('voice', spool)
  const local = await accepted(`archive: { folder: "${join(spool, 'calls')}", public_url: "https://calls.example.com" }\n`)
  const { store, config } = await bucket()
  expect(await linked(local, audio)).toBe(address)
  expect(await linked(config, audio)).toBe(address)
  expect([...store.objects.keys()]).toEqual(['hq/2026/11/22/rec_a.mp3', 'hq/2026/11/22/rec_a.vcon.json'])
})

test('of a call that is not known any more the record is left as it is', async () => {
  const audio = await encodedAs('voice', await folder())
  const { store, config } = await bucket()
  await linked(config, audio, null)
  expect([...store.objects.keys()]).toEqual(['hq/2026/11/22/rec_a.mp3'])
})

test('an archive that refuses holds this delivery only, and spends no attempt of it', async () => {
  const { store, config } = await bucket()
  store.fault = () => ({ status: 403, code: 'AccessDenied' })
  expect((await haltOf(config)).result).toMatchObject({
    kind: 'wait',
    scope: 'job',
    reason: expect.stringContaining('AccessDenied'),
  })
  store.fault = () => ({ status: 500, code: 'InternalError' })
  expect((await haltOf(config)).result).toMatchObject({ kind: 'retry' })
})

test('audio that is gone from the spool is for an operator', async () => {
  const { config } = await bucket()
  const audio = await encodedAs('voice', await folder())
  await rm(audio.path)
  await expect(linked(config, audio)).rejects.toMatchObject({ result: { kind: 'reject' } })
})
