import { buffer } from 'node:stream/consumers'
import { expect } from 'vitest'
import { type FeatureSection, workflow } from './row.ts'
import { heard } from './world.ts'

/** The same four run with curl, to the letter, in test/zendesk/workflows.test.ts. */
export const workflows: FeatureSection = {
  title: 'Common workflows',
  rows: [
    workflow('Call recording access', 'from the call to its audio', async world => {
      const { client, signal } = world
      const call = await world.call()
      await world.recording(call.external)
      expect((await client.phoneCalls.get(call.id, signal)).recording_url).toMatch(/^http/)
      const [recording] = (await client.phoneCalls.recordings(call.id, {}, signal).page()).items
      const audio = await client.recordings.download(recording?.id ?? 0, signal)
      expect((await buffer(audio.body)).length).toBe(recording?.size)
    }),
    workflow('Voicemail-to-ticket automation', 'from a new voicemail to a ticket that keeps its audio', async world => {
      const { client, signal } = world
      const left = await world.voicemail()
      const found = []
      for await (const voicemail of client.voicemails.list({ filter: 'new' }, signal)) found.push(voicemail.id)
      expect(found).toContain(left.id)
      const { audio_url } = await client.voicemails.get(left.id, signal)
      const ticket = { subject: 'Voicemail followup required', description: 'Called', attachments: [{ url: audio_url }] }
      const { attachments } = await client.tickets.create(ticket, signal)
      await client.voicemails.delete(left.id, signal)
      await expect(client.voicemails.get(left.id, signal)).rejects.toMatchObject({ status: 410 })
      const kept = await fetch(attachments[0]?.url ?? '')
      expect((await kept.arrayBuffer()).byteLength).toBe(left.size)
    }),
    workflow('Agent availability management', 'calls go to who is available', async world => {
      const { client, signal } = world
      const [alice, bob] = [world.agentId(), world.agentId()]
      await client.agentStatuses.set(alice, 'unavailable', signal)
      await client.agentStatuses.set(bob, 'available', signal)
      const { name } = await client.queues.create({ name: world.name('queue'), members: [alice, bob] }, signal)
      expect((await world.ring({ queue: name })).accepted).toMatchObject({ routing: { kind: 'agent', agent_id: bob } })
      expect(await client.agentStatuses.get(bob, signal)).toMatchObject({ status: 'available' })
    }),
    workflow('Call quality monitoring', 'from an agent’s calls to what was said in them', async world => {
      const { client, signal } = world
      const agent = { id: world.agentId(), extension: '1001', name: 'Alice' }
      const { external, id } = await world.call({ agents: [agent] })
      const text = 'Full call transcript...'
      await world.recording(external, heard(text))
      const { items } = await client.phoneCalls.list({ agent_id: agent.id, limit: 50 }, signal).page()
      expect(items.map(call => call.id)).toEqual([id])
      expect((await client.phoneCalls.recordings(id, {}, signal).page()).count).toBe(1)
      expect(await client.phoneCalls.get(id, signal)).toMatchObject({ transcription: text })
    }),
  ],
}
