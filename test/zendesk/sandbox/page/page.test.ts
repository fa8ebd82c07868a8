import { describe, expect, onTestFinished, test } from 'vitest'
import { bearer } from '../../../../src/zendesk/http/authorization.ts'
import { Connection } from '../../../../src/zendesk/http/connection.ts'
import { phoneCallEventBody, recordingMetadata, voicemailMetadata } from '../../../../src/zendesk/partner-edition/bodies.ts'
import { VoiceClient } from '../../../../src/zendesk/voice/voice-client.ts'
import type { SuppliedTranscript } from '../../../../src/zendesk/wire/transcript.ts'
import { madeCall, madeEvent, madeRecording, madeVoicemail } from '../../made-events.ts'
import { madeMp3 } from '../../made-mp3.ts'
import { runningSandbox, temporaryFolder } from '../../running-sandbox.ts'

const never = new AbortController().signal
const answeredAt = Date.UTC(2026, 10, 22, 9, 30, 9)
const hostile = '<script>alert("1")</script>'

/** A sandbox with an answered call, its recording, a voicemail, tickets of both, a queue and a number. */
async function busySandbox() {
  const sandbox = await runningSandbox()
  const connection = new Connection({
    baseUrl: sandbox.url,
    authorization: bearer(sandbox.token),
    userAgent: 'test',
    clock: Date.now,
  })
  onTestFinished(() => connection.close())
  const client = new VoiceClient({ connection, clock: Date.now })
  const queue = await client.queues.create({ name: 'Support', members: [35436] }, never)
  const number = await client.phoneNumbers.create({ number: '+14155550199', display_name: 'Main' }, never)
  await client.ivr.configure(number.id, { enabled: true, menu_id: null, queue_id: queue.id }, never)
  for (const [sequence, type, changes] of [
    [1, 'call.started', {}],
    [2, 'call.answered', { answeredAt, legs: madeCall('call-1').legs.map(leg => ({ ...leg, answeredAt })) }],
  ] as const)
    await client.partnerEdition.report(phoneCallEventBody(madeEvent('call-1', sequence, type, changes)).phone_call_event, never)
  await client.partnerEdition.report(phoneCallEventBody(madeEvent('call-2')).phone_call_event, never)
  const audio = await madeMp3(await temporaryFolder(), 'a.mp3')
  const said: SuppliedTranscript = {
    status: 'completed',
    text: `I need help ${hostile}`,
    language: 'en',
    sentiment: 'negative',
    keywords: ['help'],
  }
  const recording = { ...recordingMetadata(madeRecording('rec-1', audio, 'call-1'), audio), transcript: said }
  await client.partnerEdition.uploadRecording({ metadata: recording, path: audio.path }, never, 'rec-1')
  const voicemail = voicemailMetadata(madeVoicemail('vm-1', audio), audio)
  const { id: voicemailId } = await client.partnerEdition.uploadVoicemail(
    { metadata: voicemail, path: audio.path },
    never,
    'vm-1',
  )
  const unheard = await client.partnerEdition.uploadVoicemail(
    { metadata: voicemailMetadata(madeVoicemail('vm-2', audio), audio), path: audio.path },
    never,
    'vm-2',
  )
  const fromCall = await client.tickets.createFromCall(
    1,
    { subject: hostile, description: 'About an order', tags: ['phone'] },
    never,
  )
  await client.tickets.comment(fromCall.id, { body: `Called back\n${hostile}`, public: false }, never)
  await client.tickets.createFromVoicemail(
    voicemailId,
    { subject: 'Voicemail from a customer', description: 'Please call', priority: 'high' },
    never,
  )
  const look = (path: string, headers: Record<string, string> = {}) =>
    fetch(`${sandbox.url}${path}`, { headers: { accept: 'text/html', ...headers } })
  return { ...sandbox, client, audio, look, voicemailId, unheardId: unheard.id }
}

describe('the page of the sandbox', () => {
  test('shows calls, tickets with their comments, audio with transcripts, agents, queues and numbers', async () => {
    const { look, voicemailId } = await busySandbox()
    const answer = await look('/')
    const text = await answer.text()
    expect(answer.status).toBe(200)
    for (const shown of [
      '+14155550100',
      'talking',
      'About an order',
      'Called back',
      'Voicemail from a customer',
      'I need help',
      'src="/_sandbox/audio/recording/1"',
      `src="/_sandbox/audio/voicemail/${voicemailId}"`,
      '<span class="badge on_call">',
      'Support',
      '+14155550199',
      'queue 1',
    ])
      expect(text).toContain(shown)
  })

  test('escapes whatever the data says, and runs no script but its own', async () => {
    const { look } = await busySandbox()
    const answer = await look('/')
    const text = await answer.text()
    expect(text).not.toContain('<script>alert')
    expect(text).toContain('&#60;script&#62;alert(&#34;1&#34;)')
    expect(answer.headers.get('content-security-policy')).toMatch(
      /^default-src 'none'; style-src 'sha256-[^']+'; script-src 'sha256-[^']+'; media-src 'self'; base-uri 'none'/,
    )
  })

  test('shows one call with its events, audio and ticket, and nothing of others', async () => {
    const { look } = await busySandbox()
    const text = await (await look('/?call=1')).text()
    expect(text).toContain('call.answered')
    expect(text).toContain('/_sandbox/audio/recording/1')
    expect(text).toContain('About an order')
    expect(text).not.toContain('Voicemail from a customer')
    expect(text).not.toContain('href="/?call=2"')
    const ticket = await (await look('/?ticket=1')).text()
    expect(ticket).toContain('/_sandbox/audio/recording/1')
    expect(await (await look('/?call=99')).text()).toContain('Nothing yet.')
    expect((await look('/?call=x')).status).toBe(422)
  })

  test('plays audio without a token, in ranges, and marks no voicemail as read', async () => {
    const { look, audio, client, unheardId } = await busySandbox()
    for (const [kind, id] of [
      ['recording', 1],
      ['voicemail', unheardId],
    ]) {
      const part = await look(`/_sandbox/audio/${kind}/${id}`, { range: 'bytes=0-9' })
      expect(part.status).toBe(206)
      expect(part.headers.get('content-range')).toBe(`bytes 0-9/${audio.size}`)
      expect((await part.arrayBuffer()).byteLength).toBe(10)
      expect((await look(`/_sandbox/audio/${kind}/9`)).status).toBe(404)
    }
    expect((await client.voicemails.get(unheardId, never)).status).toBe('new')
    await client.recordings.delete(1, never)
    expect((await look('/_sandbox/audio/recording/1')).status).toBe(410)
  })

  test('is for nobody but this machine', async () => {
    const { url } = await busySandbox()
    const { request } = await import('undici')
    for (const path of ['/', '/_sandbox/audio/recording/1']) {
      const { statusCode, body } = await request(`${url}${path}`, { headers: { host: 'evil.example' } })
      await body.dump()
      expect(statusCode).toBe(403)
    }
  })

  test('refreshes itself only when it is wanted', async () => {
    const { look } = await busySandbox()
    expect(await (await look('/')).text()).toContain('location.reload()')
    expect(await (await look('/?refresh=off')).text()).not.toContain('<script')
  })

  test('is data for who asks for data', async () => {
    const { url } = await busySandbox()
    expect(await (await fetch(url)).json()).toMatchObject({ sandbox: { phone_calls: 2, phone_recordings: 1, tickets: 2 } })
  })
})
