/** A client has calls recorded by the bridge (SIPREC): its INVITE, its RTP and its BYE become a call and a recording in Zendesk. */
import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { callIdOf } from '../../src/events/ids.ts'
import { headerValue } from '../../src/sip/message/headers.ts'
import type { SipRequest, SipResponse } from '../../src/sip/message/message.ts'
import { parseSdp } from '../../src/sip/sdp/parse.ts'
import { Mp3Scanner } from '../../src/zendesk/sandbox/mp3.ts'
import { recordingMessage } from '../sip/siprec/messages.ts'
import { type RecordingClient, recordingClient } from '../sip/siprec/recording-client.ts'
import { freePort } from './free-port.ts'
import { talkTo, type Voice } from './rtp-voice.ts'
import { patience, type RunningBridge } from './running-bridge.ts'
import { Site } from './site.ts'

/** An address of its own for audio, so that the ports are nobody else's. */
const audioHost = '127.0.0.9'

/** `trunk`: in place of the site's phones. */
async function openSite({ trunk, ...more }: { readonly trunk?: object; readonly spool?: object } = {}): Promise<Site> {
  const site = await Site.open()
  onTestFinished(() => site.close())
  const port = await freePort('127.0.0.1')
  const siprec = { peers: ['127.0.0.0/29'], media: { listen: audioHost, ports: '24000-24019' } }
  await site.configure({ sip: { listen: [`udp://127.0.0.1:${port}`], trunk: trunk ?? site.trunk(), siprec }, ...more })
  return site
}

/** The INVITE of RFC 7866 for a call of +14155550100 to 1001, two streams; the PBX's name of the call stands in a header. */
function invitation(unique: string): SipRequest {
  const message = recordingMessage('rfc7866')
  return { ...message, headers: [...message.headers, { name: 'X-Unique-ID', value: unique }] }
}

const keyOf = (message: SipRequest): string => headerValue(message, 'Call-ID') ?? ''

/** Opens the session and has both parties talk. */
async function record(client: RecordingClient, invite: SipRequest): Promise<readonly Voice[]> {
  const answer = await client.ask(invite)
  expect(answer.status).toBe(200)
  client.acknowledge(invite)
  const ports = portsIn(answer)
  expect(ports).toHaveLength(2)
  return await Promise.all(ports.map(port => talkTo({ address: audioHost, port })))
}

function portsIn(answer: SipResponse): readonly number[] {
  const result = parseSdp(answer.body)
  if (!result.ok) throw new Error(result.reason)
  return result.sdp.media.map(({ port }) => port).filter(port => port !== 0)
}

const hush = async (voices: readonly Voice[]): Promise<unknown> => await Promise.all(voices.map(voice => voice.stop()))
const spooled = (site: Site, folder: string): Promise<string[]> => readdir(join(site.folder, 'data/spool', folder))

/** How many bytes of the session's audio are on the disk. */
async function writtenBytes(site: Site): Promise<number> {
  const name = (await spooled(site, 'rtp')).find(each => each.endsWith('.wav.part'))
  return name === undefined ? 0 : (await stat(join(site.folder, 'data/spool/rtp', name))).size
}

/** The audio that arrived at the sandbox. */
async function arrivedAudio(site: Site): Promise<unknown> {
  const folder = join(site.folder, 'data/sandbox-media')
  const scanner = new Mp3Scanner()
  for (const name of await readdir(folder)) scanner.push(await readFile(join(folder, name)))
  return scanner.finish()
}

async function onlyRecording(bridge: RunningBridge) {
  return await vi.waitFor(async () => {
    const [recording, ...others] = await bridge.sandbox.recordings()
    if (recording === undefined) throw new Error(`nothing arrived:\n${bridge.program.output}`)
    expect(others).toEqual([])
    return recording
  }, patience)
}

test('a call that passes the trunk and is recorded is one call, with one recording, a channel for each party', {
  timeout: 60_000,
}, async () => {
  const site = await openSite()
  const bridge = await site.start()
  expect((await bridge.readiness()).parts.siprec).toEqual({ state: 'ok', reason: null })
  const headers = ['X-Unique-ID: pbx-77']
  const call = site.carrier.call({
    callId: 'recorded@phones',
    from: '+14155550100',
    to: '1001',
    via: bridge.sip('udp'),
    headers,
  })
  expect(await call.final).toBe(200)
  const client = await recordingClient(bridge.sip('udp'))
  const invite = invitation('pbx-77')
  const began = Date.now()
  const voices = await record(client, invite)
  await bridge.counts('tpe_bridge_siprec_sessions_open', 1)
  await bridge.counts('tpe_bridge_rtp_streams', 2)
  await vi.waitFor(() => expect(Date.now() - began).toBeGreaterThan(2_000), patience)
  await hush(voices)
  expect((await client.hangUp(invite)).status).toBe(200)
  const seconds = (Date.now() - began) / 1000
  expect(await call.hangUp()).toBe(200)

  const recording = await onlyRecording(bridge)
  expect(recording.external_call_id).toBe(callIdOf('recorded@phones'))
  expect(Math.abs(recording.duration - seconds)).toBeLessThan(1.5)
  expect(await arrivedAudio(site)).toMatchObject({ ok: true, summary: { channels: 2, sampleRate: 8000 } })
  await vi.waitFor(async () => {
    const calls = await bridge.sandbox.calls()
    expect(calls).toMatchObject([{ from: '+14155550100', to: '1001', status: 'connected', reason: 'completed' }])
    expect(calls[0]?.legs.map(({ sip_call_id }) => sip_call_id)).toContain(keyOf(invite))
  }, patience)
  await bridge.counts('tpe_bridge_rtp_recordings_total', 1)
  expect(await bridge.metric('tpe_bridge_rtp_lost_total')).toBe(0)
  expect(await bridge.metric('tpe_bridge_rtp_strangers_total')).toBe(0)
  // It was the bridge's own file: nobody else would ever remove it.
  await vi.waitFor(async () => {
    for (const folder of ['rtp', 'incoming', 'audio']) expect(await spooled(site, folder)).toEqual([])
  }, patience)
})

test('what was written of a recording when the bridge was killed arrives, and the late BYE ends its call', {
  timeout: 60_000,
}, async () => {
  const site = await openSite()
  const first = await site.start()
  const client = await recordingClient(first.sip('udp'))
  const invite = invitation('pbx-78')
  const voices = await record(client, invite)
  // A second of both voices, in 16 bits.
  await vi.waitFor(async () => expect(await writtenBytes(site)).toBeGreaterThan(32_000), patience)
  const bytes = await writtenBytes(site)
  await first.kill()
  await hush(voices)

  const second = await site.start()
  const recording = await onlyRecording(second)
  expect(recording).toMatchObject({ external_call_id: callIdOf(keyOf(invite)) })
  expect(recording.duration).toBeGreaterThanOrEqual(Math.floor(bytes / 32_000))
  expect(await arrivedAudio(site)).toMatchObject({ ok: true, summary: { channels: 2 } })
  expect(await second.metric('tpe_bridge_rtp_recovered_total')).toBe(1)
  expect((await client.hangUp(invite)).status).toBe(481)
  await vi.waitFor(async () => {
    expect(await second.sandbox.call(callIdOf(keyOf(invite)))).toMatchObject({ status: 'connected', reason: 'completed' })
  }, patience)
  expect(await spooled(site, 'rtp')).toEqual([])
})

test('a bridge that stops hangs up on its clients, and delivers what they sent', { timeout: 60_000 }, async () => {
  // An SBC that is the carrier's end of the trunk, too: its session is no call from the carrier.
  const site = await openSite({ trunk: { pbx: ['sip:127.0.0.3:5060'], carrier: ['sip:127.0.0.1:5060'] } })
  const first = await site.start()
  const client = await recordingClient(first.sip('udp'))
  const invite = invitation('pbx-79')
  const voices = await record(client, invite)
  const began = Date.now()
  await vi.waitFor(() => expect(Date.now() - began).toBeGreaterThan(1_000), patience)
  const bye = client.request('BYE')
  expect(await first.terminate()).toEqual({ code: 0, signal: null })
  expect(keyOf(await bye)).toBe(keyOf(invite))
  await hush(voices)
  const second = await site.start()
  expect(await onlyRecording(second)).toMatchObject({ external_call_id: callIdOf(keyOf(invite)) })
  await vi.waitFor(async () => {
    const parties = { from: '+14155550100', to: '1001' }
    expect(await second.sandbox.calls()).toMatchObject([{ ...parties, status: 'connected', reason: 'completed' }])
  }, patience)
})

test('no session is opened while the disk has no room, and the client is told why', { timeout: 60_000 }, async () => {
  const site = await openSite({ spool: { min_free: '900TiB' } })
  const bridge = await site.start()
  const client = await recordingClient(bridge.sip('udp'))
  const answer = await client.ask(invitation('pbx-80'))
  expect([answer.status, headerValue(answer, 'Retry-After')]).toEqual([503, '10'])
  expect(headerValue(answer, 'Warning')).toMatch(/^399 tpe-bridge ".* \(spool\.min_free\): make room for .*"$/)
  expect((await bridge.readiness()).parts.siprec).toEqual({
    state: 'degraded',
    reason: expect.stringMatching(/^new recording sessions get 503: .*spool\.min_free/),
  })
  expect(await spooled(site, 'rtp')).toEqual([])
})

test('where no client is named nobody is recorded, and nothing listens for audio', { timeout: 60_000 }, async () => {
  const site = await Site.open()
  onTestFinished(() => site.close())
  const bridge = await site.start()
  const client = await recordingClient(bridge.sip('udp'))
  expect((await client.ask(invitation('pbx-81'))).status).toBe(403)
  expect((await bridge.readiness()).parts).not.toHaveProperty('siprec')
  expect(await bridge.metrics()).not.toMatch(/siprec|tpe_bridge_rtp/)
})
