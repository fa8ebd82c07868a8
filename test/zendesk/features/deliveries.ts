import { expect } from 'vitest'
import { endpoint, type FeatureSection } from './row.ts'

export const partnerEdition: FeatureSection = {
  title: 'Partner Edition',
  rows: [
    endpoint('POST /phone_call_events', 'logs call events, each once, and makes one call of those of a call', async world => {
      const call = await world.ring()
      const [first, again] = [call.accepted, await call.repeat()]
      expect(again).toEqual(first)
      await call.answer()
      await call.end()
      const { count } = await world.client.phoneCalls.list({ external_id: call.externalId }, world.signal).page()
      expect(count).toBe(1)
    }),
    endpoint('POST /phone_recording_upload', 'uploads a recording once, to a call that is known', async world => {
      const { external } = await world.call()
      const { metadata, path } = await world.upload(external)
      const upload = () => world.client.partnerEdition.uploadRecording({ metadata, path }, world.signal, metadata.external_id)
      const first = await upload()
      expect(await upload()).toEqual(first)
      const early = world.recording('a call that nobody has reported')
      await expect(early).rejects.toMatchObject({ status: 404, error: 'Call not found' })
    }),
    endpoint('POST /voicemail_upload', 'uploads a voicemail, which needs no call', async world => {
      const voicemail = await world.voicemail()
      expect(voicemail).toMatchObject({ call_id: null, status: 'new' })
      expect(await world.client.voicemails.get(voicemail.id, world.signal)).toEqual(voicemail)
    }),
  ],
}
