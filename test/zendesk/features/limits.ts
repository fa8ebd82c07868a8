import { createHash } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'vitest'
import { error, type FeatureSection, limit, property } from './row.ts'
import { heard, type World } from './world.ts'

/** One MPEG-2.5 layer III frame at 8 kHz and 8 kbit/s, mono: 72 bytes, 72 ms of silence. */
const smallFrame = Buffer.concat([Buffer.from([0xff, 0xe3, 0x18, 0xc4]), Buffer.alloc(68)])

/** Does `work` for 0 to `count` - 1, 32 at a time. */
async function many(count: number, work: (index: number) => Promise<unknown>): Promise<void> {
  let next = 0
  const worker = async () => {
    while (next < count) {
      next += 1
      await work(next - 1)
    }
  }
  await Promise.all(Array.from({ length: 32 }, worker))
}

export const authentication: FeatureSection = {
  title: 'Authentication',
  rows: [
    property('Authorization: Bearer', 'wants the API token, and nothing is done without it', async world => {
      const path = `${world.url}/api/v2/channels/voice/phone_calls`
      const ask = (headers: Record<string, string>) => fetch(path, { headers }).then(({ status }) => status)
      expect(await ask({ authorization: `Bearer ${world.token}` })).toBe(200)
      expect(await ask({ authorization: 'Bearer another' })).toBe(401)
      expect(await ask({})).toBe(401)
    }),
  ],
}

export const limits: FeatureSection = {
  title: 'Limits and quotas',
  rows: [
    limit('Recording storage', 'a file that is too large is refused by name (413)', async world => {
      await world.apart({ fileLimitBytes: 1000 }, async small => {
        const { external } = await small.call()
        await expect(small.recording(external)).rejects.toMatchObject({ status: 413, retryable: false })
      })
    }),
    limit('Recording duration: no limit', 'a recording of four hours goes up and comes down whole', async world => {
      const { external } = await world.call()
      const frames = 200_000
      const bytes = Buffer.alloc(smallFrame.length * frames)
      for (let frame = 0; frame < frames; frame += 1) smallFrame.copy(bytes, frame * smallFrame.length)
      const path = join(world.folder, 'four-hours.mp3')
      await writeFile(path, bytes)
      const sha256 = createHash('sha256').update(bytes).digest('hex')
      const { metadata } = await world.upload(external)
      const long = { ...metadata, duration: 14_400, size: bytes.length, sha256 }
      const { id } = await world.client.partnerEdition.uploadRecording({ metadata: long, path }, world.signal, 'four-hours')
      const download = await world.client.recordings.download(id, world.signal)
      const hash = createHash('sha256')
      for await (const piece of download.body) hash.update(piece)
      expect(hash.digest('hex')).toBe(sha256)
      expect(await world.client.recordings.get(id, world.signal)).toMatchObject({ duration: 14_400 })
    }),
    limit('Transcription', 'is shown where it was supplied, and pending, never made up, where not', async world => {
      const { external } = await world.call()
      expect(await world.recording(external)).toMatchObject({ transcription: null, transcription_status: 'pending' })
      expect(await world.recording(external, heard('Good morning'))).toMatchObject({ transcription: 'Good morning' })
    }),
    limit('600 requests per minute', 'the next one is told to wait, and for how long (429)', async world => {
      // Its clock stands still, so that the minute cannot end under it.
      const now = Date.now()
      await world.apart({ requestsPerMinute: 600, clock: () => now }, async counted => {
        const id = counted.agentId()
        await many(600, () => counted.client.agentStatuses.get(id, counted.signal))
        expect(counted.connection.rateLimit()).toMatchObject({ limit: 600 })
        const refused = counted.client.agentStatuses.get(id, counted.signal)
        await expect(refused).rejects.toMatchObject({ status: 429, retryable: true, retryAfterMs: 60_000 })
      })
    }),
    limit('1000 pending calls in a queue', 'the next one overflows as the queue says', async world => {
      const queue = await world.client.queues.create(
        { name: world.name('full'), overflow_action: 'voicemail', overflow_target: '1002' },
        world.signal,
      )
      const day = world.day()
      await many(1000, () => world.ring({ queue: queue.name, day }))
      const call = await world.ring({ queue: queue.name, day })
      expect(call.accepted).toMatchObject({ routing: { kind: 'overflow', action: 'voicemail', target: '1002' } })
      expect(await world.client.queues.analytics(queue.id, world.signal)).toMatchObject({ max_queue_depth: 1000 })
    }),
  ],
}

const calledBusy = async (world: World) => {
  const agent = { id: world.agentId(), extension: '1001', name: 'Alice' }
  await (await world.ring({ agents: [agent] })).answer()
  return world.client.agentStatuses.set(agent.id, 'available', world.signal)
}

export const errors: FeatureSection = {
  title: 'Errors',
  rows: [
    error('Invalid phone number', 'what is not E.164 is refused, with the field (422)', async world => {
      const refused = { status: 422, error: 'Invalid phone number', description: 'Phone number must be valid E.164 format' }
      for (const number of ['555-0100', '0123456789', '+0123', '+1234567890123456']) {
        const details = { 'phone_number.number': expect.anything() }
        await expect(world.client.phoneNumbers.create({ number }, world.signal)).rejects.toMatchObject({ ...refused, details })
      }
      await expect(world.call({ from: '+0' })).rejects.toMatchObject(refused)
    }),
    error('Recording not available', 'a deleted recording says so, whatever is asked of it (410)', async world => {
      const { id } = await world.recording((await world.call()).external)
      await world.client.recordings.delete(id, world.signal)
      const gone = { status: 410, error: 'Recording not available', description: 'Call recording has been deleted' }
      await expect(world.client.recordings.download(id, world.signal)).rejects.toMatchObject(gone)
      await expect(world.client.recordings.get(id, world.signal)).rejects.toMatchObject(gone)
      await expect(world.client.recordings.delete(id, world.signal)).rejects.toMatchObject(gone)
    }),
    error('Agent not available', 'who is in a call cannot take another (409)', async world => {
      const busy = { status: 409, error: 'Agent not available', description: 'Agent is on call or unavailable', retryable: false }
      await expect(calledBusy(world)).rejects.toMatchObject(busy)
    }),
  ],
}
