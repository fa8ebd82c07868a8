import { expect } from 'vitest'
import type { NewTicket } from '../../../src/zendesk/wire/ticket.ts'
import { endpoint, type FeatureSection, property, workflow } from './row.ts'
import { audioSeconds, heard, type World } from './world.ts'

/** The two tickets of the documentation. */
const fromCall = {
  subject: 'Call from customer regarding order',
  description: 'Discussed order #123 status',
  tags: ['phone', 'inbound'],
  custom_fields: [{ id: 12_345, value: 'Called in' }],
} satisfies NewTicket
const fromVoicemail = {
  subject: 'Voicemail from customer',
  description: 'Customer called requesting callback',
  priority: 'high',
} satisfies NewTicket

const ofCall = async (world: World, ticket: NewTicket = fromCall) =>
  world.client.tickets.createFromCall((await world.call()).id, ticket, world.signal)

export const ticketCreation: FeatureSection = {
  title: 'Creating tickets from calls',
  rows: [
    workflow('From call log', 'makes the documented ticket of a call', async world => {
      const ticket = await ofCall(world)
      expect(ticket).toMatchObject(fromCall)
      expect(await world.client.tickets.get(ticket.id, world.signal)).toEqual(ticket)
    }),
    workflow('From voicemail', 'makes the documented ticket of a voicemail', async world => {
      const { id } = await world.voicemail()
      expect(await world.client.tickets.createFromVoicemail(id, fromVoicemail, world.signal)).toMatchObject(fromVoicemail)
    }),
    endpoint('POST /tickets', 'makes a ticket by itself, with audio beside it by its address', async world => {
      const ticket = {
        subject: 'Voicemail followup required',
        description: 'Customer called while unavailable',
        attachments: [{ url: 'https://voicemail-recording.mp3' }],
      }
      const made = await world.client.tickets.create(ticket, world.signal)
      expect(made).toMatchObject({ ...ticket, call: null })
      const listed = []
      for await (const { id } of world.client.tickets.list({ limit: 2 }, world.signal)) listed.push(id)
      expect(listed).toContain(made.id)
    }),
    property('subject', 'must be given', async world => {
      expect(await ofCall(world)).toMatchObject({ subject: fromCall.subject })
      await expect(ofCall(world, { ...fromCall, subject: '' })).rejects.toMatchObject({
        status: 422,
        details: { 'ticket.subject': expect.anything() },
      })
    }),
    property('description', 'must be given', async world => {
      expect(await ofCall(world)).toMatchObject({ description: fromCall.description })
      await expect(ofCall(world, { ...fromCall, description: '' })).rejects.toMatchObject({ status: 422 })
    }),
    property('tags', 'are single words', async world => {
      expect(await ofCall(world)).toMatchObject({ tags: ['phone', 'inbound'] })
      await expect(ofCall(world, { ...fromCall, tags: ['two words'] })).rejects.toMatchObject({ status: 422 })
    }),
    property('custom_fields', 'have an id and a value', async world => {
      expect(await ofCall(world)).toMatchObject({ custom_fields: [{ id: 12_345, value: 'Called in' }] })
    }),
    property('priority', 'is low, normal, high or urgent', async world => {
      for (const priority of ['low', 'normal', 'high', 'urgent'] as const) {
        expect(await ofCall(world, { ...fromCall, priority })).toMatchObject({ priority })
      }
    }),
    property('attachments', 'are addresses', async world => {
      const wrong = { subject: 'x', description: 'y', attachments: [{ url: 'not an address' }] }
      await expect(world.client.tickets.create(wrong, world.signal)).rejects.toMatchObject({ status: 422 })
    }),
  ],
}

/** A ticket of a recorded and transcribed call. */
async function recordedTicket(world: World) {
  const agent = { id: world.agentId(), extension: '1001', name: 'Alice' }
  const call = await world.call({ agents: [agent], from: world.number() })
  const ticket = await world.client.tickets.createFromCall(call.id, fromCall, world.signal)
  const recording = await world.recording(call.external, heard('Hello'))
  return { agent, call, recording, ticket: await world.client.tickets.get(ticket.id, world.signal) }
}

export const ticketContext: FeatureSection = {
  title: 'Ticket context',
  rows: [
    property('Caller phone number', 'is the call’s', async world => {
      const { ticket, call } = await recordedTicket(world)
      expect(ticket.call).toMatchObject({ phone_call_id: call.id, caller: call.from })
    }),
    property('Call duration', 'is the call’s, of a voicemail the message’s', async world => {
      expect((await recordedTicket(world)).ticket.call).toMatchObject({ duration: 60 })
      const { id } = await world.voicemail()
      const ticket = await world.client.tickets.createFromVoicemail(id, fromVoicemail, world.signal)
      expect(ticket.call).toMatchObject({ phone_voicemail_id: id, duration: audioSeconds })
    }),
    property('Call recording link', 'is there even when the recording comes after the ticket', async world => {
      const { ticket, recording } = await recordedTicket(world)
      expect(ticket.call?.recording_url).toBe(recording.download_url)
    }),
    property('Transcription', 'is what was said', async world => {
      expect((await recordedTicket(world)).ticket.call).toMatchObject({ transcription: 'Hello' })
    }),
    property('Associated agent', 'is everybody who took part', async world => {
      const { ticket, agent } = await recordedTicket(world)
      expect(ticket.call?.agents).toEqual([{ id: agent.id, name: 'Alice' }])
    }),
  ],
}

export const callLogging: FeatureSection = {
  title: 'Call logging',
  rows: [
    endpoint('POST /tickets/{id}/comments', 'logs a call to a ticket', async world => {
      const { id } = await ofCall(world)
      const comment = { body: 'Phone call - 15 minutes - discussed billing issue', public: false }
      expect(await world.client.tickets.comment(id, comment, world.signal)).toMatchObject(comment)
      const { comments } = await world.client.tickets.get(id, world.signal)
      expect(comments).toContainEqual(expect.objectContaining(comment))
      await expect(world.client.tickets.comment(999_999, comment, world.signal)).rejects.toMatchObject({ status: 404 })
    }),
    property('body', 'must be given', async world => {
      const { id } = await ofCall(world)
      await expect(world.client.tickets.comment(id, { body: '' }, world.signal)).rejects.toMatchObject({ status: 422 })
    }),
    property('public', 'is whether the customer sees it', async world => {
      const { id } = await ofCall(world)
      for (const shown of [true, false]) {
        expect(await world.client.tickets.comment(id, { body: 'x', public: shown }, world.signal)).toMatchObject({
          public: shown,
        })
      }
    }),
  ],
}
