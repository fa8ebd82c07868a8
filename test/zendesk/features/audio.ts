import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { buffer } from 'node:stream/consumers'
import { expect } from 'vitest'
import { endpoint, type FeatureSection, property, value } from './row.ts'
import { audioSeconds, heard, type World } from './world.ts'

const callback = heard('Please call me back', { keywords: ['callback'] })
const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex')
const recordingOf = async (world: World) => world.recording((await world.call()).external)

export const voicemails: FeatureSection = {
  title: 'Voicemails',
  rows: [
    endpoint('GET /phone_voicemails', 'lists voicemails, page by page, and by status', async world => {
      const [one, two] = [await world.voicemail(), await world.voicemail()]
      const ids = []
      for await (const { id } of world.client.voicemails.list({ limit: 1, filter: 'new' }, world.signal)) ids.push(id)
      expect(ids).toEqual(expect.arrayContaining([one.id, two.id]))
    }),
    endpoint('GET /phone_voicemails/{id}', 'shows one voicemail, and 404 where there is none', async world => {
      const { id, from } = await world.voicemail()
      expect(await world.client.voicemails.get(id, world.signal)).toMatchObject({ id, from })
      await expect(world.client.voicemails.get(999_999, world.signal)).rejects.toMatchObject({ status: 404 })
    }),
    endpoint('GET /phone_voicemails/{id}/audio', 'streams the message, byte for byte', async world => {
      const { id, sha256: sum, size } = await world.voicemail()
      const { body, contentType, length } = await world.client.voicemails.audio(id, world.signal)
      expect([sha256(await buffer(body)), contentType, length]).toEqual([sum, 'audio/mpeg', size])
    }),
    endpoint('DELETE /phone_voicemails/{id}', 'removes the message', async world => {
      const { id } = await world.voicemail()
      await world.client.voicemails.delete(id, world.signal)
      await expect(world.client.voicemails.audio(id, world.signal)).rejects.toMatchObject({ status: 410 })
      await expect(world.client.voicemails.get(id, world.signal)).rejects.toMatchObject({ status: 410 })
    }),
    endpoint('POST /phone_voicemails/{id}/create_ticket', 'makes one ticket of a voicemail, with its audio', async world => {
      const { id, audio_url } = await world.voicemail()
      const ticket = { subject: 'Voicemail from customer', description: 'Customer called requesting callback' }
      const made = await world.client.tickets.createFromVoicemail(id, ticket, world.signal)
      expect(made.call).toMatchObject({ phone_voicemail_id: id, recording_url: audio_url })
      expect(await world.client.voicemails.get(id, world.signal)).toMatchObject({ ticket_id: made.id, status: 'archived' })
      await expect(world.client.tickets.createFromVoicemail(id, ticket, world.signal)).rejects.toMatchObject({ status: 409 })
    }),
    property('id', 'is of this voicemail alone', async world => {
      expect((await world.voicemail()).id).not.toBe((await world.voicemail()).id)
    }),
    property('from', 'is who left it', async world => {
      expect((await world.voicemail()).from).toMatch(/^\+1415\d{7}$/)
    }),
    property('to', 'is whose voicemail box it is in', async world => {
      expect(await world.voicemail()).toMatchObject({ to: '1002', mailbox: '1002@default' })
    }),
    property('received_at', 'is when it was left', async world => {
      expect(await world.voicemail()).toMatchObject({ received_at: '2026-11-22T09:31:00.000Z' })
    }),
    property('duration', 'is whole seconds, as measured in the file', async world => {
      expect(await world.voicemail()).toMatchObject({ duration: audioSeconds })
    }),
    property('audio_url', 'is where the message can be downloaded', async world => {
      const { audio_url, sha256: sum } = await world.voicemail()
      const answer = await fetch(audio_url, { headers: { authorization: `Bearer ${world.token}` } })
      expect(sha256(Buffer.from(await answer.arrayBuffer()))).toBe(sum)
    }),
    property('transcription', 'is what was said, once something has listened', async world => {
      expect(await world.voicemail()).toMatchObject({ transcription: null, transcription_status: 'pending' })
      expect(await world.voicemail(callback)).toMatchObject({ transcription: 'Please call me back', keywords: ['callback'] })
    }),
    property('status', 'is new for what has just come', async world => {
      expect(await world.voicemail()).toMatchObject({ status: 'new' })
    }),
    property('tags', 'are those of the call that left it', async world => {
      expect(await world.voicemail()).toMatchObject({ tags: [] })
      const call = await world.call({ tags: ['vip'] })
      expect(await world.voicemail(undefined, call.external)).toMatchObject({ call_id: call.id, tags: ['vip'] })
    }),
    value('new', 'nobody has listened to it', async world => {
      const { id } = await world.voicemail()
      const ids = []
      for await (const each of world.client.voicemails.list({ filter: 'new' }, world.signal)) ids.push(each.id)
      expect(ids).toContain(id)
    }),
    value('read', 'somebody has listened to it', async world => {
      const { id } = await world.voicemail()
      await buffer((await world.client.voicemails.audio(id, world.signal)).body)
      expect(await world.client.voicemails.get(id, world.signal)).toMatchObject({ status: 'read' })
      const ids = []
      for await (const each of world.client.voicemails.list({ filter: 'read' }, world.signal)) ids.push(each.id)
      expect(ids).toContain(id)
    }),
    value('archived', 'it has become a ticket', async world => {
      const { id } = await world.voicemail()
      await world.client.tickets.createFromVoicemail(id, { subject: 'Voicemail', description: 'Call back' }, world.signal)
      const ids = []
      for await (const each of world.client.voicemails.list({ filter: 'archived' }, world.signal)) ids.push(each.id)
      expect(ids).toContain(id)
    }),
  ],
}

export const recordings: FeatureSection = {
  title: 'Call recordings',
  rows: [
    endpoint('GET /phone_recordings', 'lists recordings, page by page', async world => {
      const [one, two] = [await recordingOf(world), await recordingOf(world)]
      const ids = []
      for await (const { id } of world.client.recordings.list({ limit: 1 }, world.signal)) ids.push(id)
      expect(ids).toEqual(expect.arrayContaining([one.id, two.id]))
    }),
    endpoint('GET /phone_recordings/{id}', 'shows one recording, and 404 where there is none', async world => {
      const recording = await recordingOf(world)
      expect(await world.client.recordings.get(recording.id, world.signal)).toEqual(recording)
      await expect(world.client.recordings.get(999_999, world.signal)).rejects.toMatchObject({ status: 404 })
    }),
    endpoint('GET /phone_recordings/{id}/download', 'streams the audio, byte for byte', async world => {
      const { id, sha256: sum, size } = await recordingOf(world)
      const { body, contentType, length } = await world.client.recordings.download(id, world.signal)
      expect([sha256(await buffer(body)), contentType, length]).toEqual([sum, 'audio/mpeg', size])
    }),
    endpoint('DELETE /phone_recordings/{id}', 'deletes the audio for good', async world => {
      const { id } = await recordingOf(world)
      await world.client.recordings.delete(id, world.signal)
      await expect(world.client.recordings.get(id, world.signal)).rejects.toMatchObject({ status: 410 })
    }),
    property('id', 'is of this recording alone', async world => {
      expect((await recordingOf(world)).id).not.toBe((await recordingOf(world)).id)
    }),
    property('call_id', 'is the call it belongs to; null for one of no known call', async world => {
      const call = await world.call()
      expect(await world.recording(call.external)).toMatchObject({ call_id: call.id })
      const { metadata, path } = await world.upload(null)
      const { id } = await world.client.partnerEdition.uploadRecording({ metadata, path }, world.signal, metadata.external_id)
      expect(await world.client.recordings.get(id, world.signal)).toMatchObject({ call_id: null })
    }),
    property('duration', 'is whole seconds, as measured in the file', async world => {
      expect(await recordingOf(world)).toMatchObject({ duration: audioSeconds })
      const { metadata, path } = await world.upload(null)
      const wrong = { metadata: { ...metadata, duration: 600 }, path }
      const refused = world.client.partnerEdition.uploadRecording(wrong, world.signal, metadata.external_id)
      await expect(refused).rejects.toMatchObject({ status: 422, details: { duration: expect.anything() } })
    }),
    property('format', 'is mp3: the bridge encodes every WAV before it sends it', async world => {
      expect(await recordingOf(world)).toMatchObject({ format: 'mp3' })
    }),
    property('download_url', 'is where the audio can be downloaded', async world => {
      const { download_url, sha256: sum } = await recordingOf(world)
      const answer = await fetch(download_url, { headers: { authorization: `Bearer ${world.token}` } })
      expect(sha256(Buffer.from(await answer.arrayBuffer()))).toBe(sum)
    }),
    property('transcription_status', 'is pending until a transcriber has spoken', async world => {
      expect(await recordingOf(world)).toMatchObject({ transcription_status: 'pending', transcription: null })
    }),
    property('transcription', 'is what was said', async world => {
      const { external } = await world.call()
      expect(await world.recording(external, callback)).toMatchObject({ transcription: 'Please call me back' })
    }),
    property('created_at', 'is when it was uploaded', async world => {
      expect(Date.now() - Date.parse((await recordingOf(world)).created_at)).toBeLessThan(60_000)
    }),
    value('MP3', 'what is downloaded is the file that was encoded', async world => {
      const { external } = await world.call()
      const { metadata, path } = await world.upload(external)
      const { id } = await world.client.partnerEdition.uploadRecording({ metadata, path }, world.signal, metadata.external_id)
      const { body } = await world.client.recordings.download(id, world.signal)
      expect((await buffer(body)).equals(await readFile(path))).toBe(true)
    }),
    value('WAV', 'is refused on the wire, and encoded to MP3 before it gets there', async world => {
      const { metadata, path } = await world.upload(null)
      const wav = { ...metadata, format: 'wav' as 'mp3' }
      const refused = world.client.partnerEdition.uploadRecording({ metadata: wav, path }, world.signal, metadata.external_id)
      await expect(refused).rejects.toMatchObject({ status: 422, details: { format: expect.anything() } })
    }),
    value('pending', 'nothing has listened yet', async world => {
      expect(await recordingOf(world)).toMatchObject({ transcription_status: 'pending' })
    }),
    value('completed', 'there is a text', async world => {
      const { external } = await world.call()
      expect(await world.recording(external, callback)).toMatchObject({ transcription_status: 'completed' })
    }),
    value('failed', 'there will be no text', async world => {
      const { external } = await world.call()
      const recording = await world.recording(external, { status: 'failed' })
      expect(recording).toMatchObject({ transcription_status: 'failed', transcription: null })
    }),
  ],
}
