import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { headerValue } from '../../../src/sip/message/headers.ts'
import type { SipRequest } from '../../../src/sip/message/message.ts'
import type { RecordingEvent } from '../../../src/sip/siprec/recording-event.ts'
import type { MediaStream, RecordingMedia } from '../../../src/sip/siprec/recording-media.ts'
import { type ForgottenBye, RecordingServer, type RecordingServerOptions } from '../../../src/sip/siprec/recording-server.ts'
import { routed, startApp, startServer } from '../embedded/control-peers.ts'
import { changed, recordingMessage } from './messages.ts'
import { recordingClient } from './recording-client.ts'

/** Media that notes what it is asked for; ports from 20000 on. `refuse` makes it say no. */
function scriptedMedia() {
  const calls: string[] = []
  const behaviour: { refuse: string | null; wait: Promise<void> } = { refuse: null, wait: Promise.resolve() }
  const told = (streams: readonly MediaStream[]): string =>
    streams.map(({ id, from, active }) => `${id}${active ? '' : ' paused'}${from === null ? '' : ` ${from.port}`}`).join(', ')
  const portsOf = (streams: readonly MediaStream[]): number[] => streams.map((_, index) => 20_000 + 2 * index)
  const media: RecordingMedia = {
    async open({ key }, streams) {
      await behaviour.wait
      if (behaviour.refuse !== null) return { refused: behaviour.refuse }
      calls.push(`open ${key}: ${told(streams)}`)
      return {
        address: '192.0.2.50',
        ports: portsOf(streams),
        async update(changed) {
          if (behaviour.refuse !== null) throw new Error(behaviour.refuse)
          calls.push(`update: ${told(changed)}`)
          return portsOf(changed)
        },
        async close() {
          calls.push(`close ${key}`)
        },
      }
    },
  }
  return { media, calls, behaviour }
}

async function runningServer(options: Partial<RecordingServerOptions> = {}) {
  const { control, server: sip, udp } = await startServer()
  const scripted = scriptedMedia()
  const events: RecordingEvent[] = []
  const logged: string[] = []
  const note = (_: object, message: string) => void logged.push(message)
  const server = new RecordingServer({
    isPeer: address => address === '127.0.0.1',
    media: scripted.media,
    uniqueHeaders: [],
    maxSessions: 10,
    orphanAfterMs: 60_000,
    now: Date.now,
    onRecording: event => events.push(event),
    log: { info: note, warn: note, error: note },
    ...options,
  })
  const srf = await startApp(control)
  server.attach(srf)
  srf.invite((_, res) => res.send(404))
  await routed(sip, 'invite')
  await routed(sip, 'options')
  onTestFinished(() => server.stop())
  const client = await recordingClient(udp)
  /** Opens a session and acknowledges it. */
  const begin = async (invite: SipRequest) => {
    const answer = await client.ask(invite)
    client.acknowledge(invite)
    await vi.waitFor(() => expect(events.some(({ kind }) => kind === 'started')).toBe(true))
    return answer
  }
  return { server, sip, client, events, logged, begin, ...scripted }
}

const mediaLines = (body: Buffer): string[] =>
  body
    .toString()
    .split('\r\n')
    .filter(line => /^(m|c|a=(label|recvonly|inactive))/.test(line))

describe('a recording session', () => {
  test('is answered line by line, told with its call, and closed by its BYE', async () => {
    const { client, events, calls, begin, sip, server } = await runningServer()
    const invite = recordingMessage('cube')
    const answer = await begin(invite)
    expect(answer.status).toBe(200)
    expect(headerValue(answer, 'Contact')).toMatch(/^<sip:recorder@127\.0\.0\.1:\d+>;\+sip\.srs$/)
    expect(mediaLines(answer.body)).toEqual([
      'c=IN IP4 192.0.2.50',
      'm=audio 20000 RTP/AVP 0 101 19',
      'a=label:1',
      'a=recvonly',
      'm=audio 20002 RTP/AVP 0 101 19',
      'a=label:2',
      'a=recvonly',
    ])
    expect(events).toMatchObject([
      {
        kind: 'started',
        dialog: { fromTag: 'cube1' },
        session: { callId: 'CUBE-1@192.0.2.5', calls: [{ caller: { user: '+14155550100' } }] },
      },
    ])
    expect((await client.hangUp(invite)).status).toBe(200)
    await vi.waitFor(() => expect(calls).toEqual(['open CUBE-1@192.0.2.5: m0 10292, m1 10294', 'close CUBE-1@192.0.2.5']))
    expect(events.at(-1)).toMatchObject({ kind: 'ended', reason: 'hung-up' })
    await vi.waitFor(() => expect(sip.held.dialogs).toBe(0))
    expect(server.sessions).toBe(0)
  })

  test('changes with a re-INVITE, whose answer has a new version', async () => {
    const { client, events, calls, begin } = await runningServer()
    const first = await begin(recordingMessage('broadworks'))
    const pause = recordingMessage('broadworks-pause')
    const answer = await client.ask(pause)
    client.acknowledge(pause)
    expect(mediaLines(answer.body)).toEqual(['c=IN IP4 192.0.2.50', 'm=audio 20000 RTP/AVP 8', 'a=label:1', 'a=recvonly'])
    const versionOf = (body: Buffer): number => Number(/^o=- \d+ (\d+)/m.exec(body.toString())?.[1])
    expect(versionOf(answer.body)).toBe(versionOf(first.body) + 1)
    expect(calls.at(-1)).toBe('update: m0 paused')
    expect(events.at(-1)).toMatchObject({ kind: 'changed', session: { streams: [{ media: { active: false } }] } })
  })

  test('changes with an UPDATE that has metadata alone', async () => {
    const { client, events, calls, begin } = await runningServer()
    await begin(recordingMessage('avaya'))
    const answer = await client.ask(recordingMessage('avaya-update'))
    expect([answer.status, answer.body.length]).toEqual([200, 0])
    await vi.waitFor(() =>
      expect(events.at(-1)).toMatchObject({ kind: 'changed', session: { calls: [{ callee: { user: '1001' } }] } }),
    )
    expect(calls).toHaveLength(1)
  })

  test('that cannot change as it is asked to goes on as it was', async () => {
    const { client, events, behaviour, begin, server } = await runningServer()
    const invite = recordingMessage('cube')
    await begin(invite)
    const broken = changed(recordingMessage('cube-transfer'), { 'm=audio 10292 RTP/AVP 0 101 19': 'm=audio' })
    expect((await client.ask(broken)).status).toBe(400)
    behaviour.refuse = 'no ports'
    const again = recordingMessage('cube-transfer')
    const retried = { ...again, headers: again.headers.map(h => (h.name === 'CSeq' ? { ...h, value: '103 INVITE' } : h)) }
    expect((await client.ask(retried)).status).toBe(500)
    expect(events.map(({ kind }) => kind)).toEqual(['started'])
    expect(server.sessions).toBe(1)
  })

  test('that the bridge ends gets a BYE', async () => {
    const { client, events, server, calls, begin } = await runningServer()
    await begin(recordingMessage('oracle'))
    await server.stop()
    expect((await client.request('BYE')).method).toBe('BYE')
    expect(events.at(-1)).toMatchObject({ kind: 'ended', reason: 'stopped' })
    expect(calls.at(-1)).toBe('close ora-1@192.0.2.3')
  })

  test('of which nothing is heard for too long is ended', async () => {
    const { client, events, begin, server } = await runningServer({ orphanAfterMs: 40 })
    await begin(recordingMessage('oracle'))
    await client.request('BYE')
    expect(events.at(-1)).toMatchObject({ kind: 'ended', reason: 'lost' })
    expect(server.counters.lost).toBe(1)
  })
})

test('the two sessions of a built-in bridge are offered what can be recorded, and share a recording until both are over', async () => {
  const { client, calls, events, server } = await runningServer()
  const [near, far] = [recordingMessage('bib-near'), recordingMessage('bib-far')]
  const key = 'bib:CCM1-Cluster:82731258'
  for (const [invite, port] of [
    [near, 17_000],
    [far, 17_002],
  ] as const) {
    const answer = await client.ask(invite)
    expect(mediaLines(answer.body)).toEqual([
      'c=IN IP4 192.0.2.50',
      `m=audio ${invite === near ? 20_000 : 20_002} RTP/AVP 0 8 9 101`,
      'a=recvonly',
    ])
    client.acknowledge(invite, `v=0\r\nc=IN IP4 192.0.2.30\r\nm=audio ${port} RTP/AVP 0\r\na=sendonly\r\n`)
    await vi.waitFor(() => expect(calls.at(-1)).toContain(`m0 ${port}`))
  }
  expect(calls).toEqual([`open ${key}: m0`, 'update: m0 17000', 'update: m0 17000, far-m0', 'update: m0 17000, far-m0 17002'])
  expect(server.sessions).toBe(2)
  await client.hangUp(near)
  await vi.waitFor(() => expect(calls.at(-1)).toBe('update: far-m0 17002'))
  await client.hangUp(far)
  await vi.waitFor(() => expect(calls.at(-1)).toBe(`close ${key}`))
  expect(events.filter(({ kind }) => kind === 'ended')).toHaveLength(2)
})

describe('an INVITE', () => {
  test('of a client that is not configured, or of no recording client, goes to whoever is behind', async () => {
    const strange = await runningServer({ isPeer: () => false })
    expect((await strange.client.ask(recordingMessage('cube'))).status).toBe(404)
    const { client, events } = await runningServer()
    const plain = recordingMessage('cube')
    const headers = plain.headers.filter(({ name }) => name !== 'Require' && name !== 'Content-Type' && name !== 'Contact')
    const call = { ...plain, headers: [...headers, { name: 'X', value: '1' }], body: Buffer.from('v=0\r\n') }
    expect((await client.ask(call)).status).toBe(404)
    expect(events).toEqual([])
  })

  test.each([
    ['whose audio is encrypted gets 488', { 'RTP/AVP': 'RTP/SAVP' }, 488],
    ['with a broken description gets 400', { 'm=audio 10292 RTP/AVP': 'm=audio x' }, 400],
  ])('%s', async (_, replacements, status) => {
    const { client, events, sip } = await runningServer()
    expect((await client.ask(changed(recordingMessage('cube'), replacements))).status).toBe(status)
    expect(events).toEqual([])
    await vi.waitFor(() => expect(sip.held.dialogs).toBe(0))
  })

  test('gets 503 and when to come back while there is no room for it', async () => {
    const { client, behaviour, events, logged } = await runningServer()
    behaviour.refuse = 'no ports are free'
    const answer = await client.ask(recordingMessage('cube'))
    expect([answer.status, headerValue(answer, 'Retry-After')]).toEqual([503, '10'])
    expect(headerValue(answer, 'Warning')).toBe('399 tpe-bridge "no ports are free"')
    expect(events).toEqual([])
    expect(logged).toEqual(['request of a recording client refused'])
    const full = await runningServer({ maxSessions: 1 })
    await full.begin(recordingMessage('cube'))
    expect((await full.client.ask(recordingMessage('oracle'))).status).toBe(503)
  })

  test('that is cancelled while its ports are opened leaves nothing open', async () => {
    const { client, behaviour, events, calls, server } = await runningServer()
    let go = (): void => {}
    behaviour.wait = new Promise(resolve => {
      go = resolve
    })
    const invite = recordingMessage('cube')
    client.send(invite)
    await client.cancel(invite)
    expect((await client.response(invite)).status).toBe(487)
    go()
    await vi.waitFor(() => expect(calls.at(-1)).toBe('close CUBE-1@192.0.2.5'))
    expect(events).toEqual([])
    expect(server.sessions).toBe(0)
  })
})

test('the BYE of a session from before the last start is told, and no other one', async () => {
  const told: ForgottenBye[] = []
  const { server, begin, client } = await runningServer({ onForgotten: bye => told.push(bye) })
  const see = (message: SipRequest, from = '127.0.0.1'): void =>
    server.see({ at: 7, direction: 'received', peer: { transport: 'udp', address: from, port: 5060 }, message })
  const invite = recordingMessage('cube')
  const headers = invite.headers.map(h => (h.name === 'To' ? { ...h, value: `${h.value};tag=ours` } : h))
  const bye = { ...invite, method: 'BYE', uri: 'sip:recorder@127.0.0.1:5060', headers, body: Buffer.alloc(0) }
  see({ ...bye, method: 'INVITE' })
  see(bye, '192.0.2.99')
  see({ ...bye, uri: 'sip:1001@192.0.2.1' })
  see({ ...bye, headers: [{ name: 'Route', value: '<sip:127.0.0.1;lr>' }, ...headers] })
  expect(told).toEqual([])
  see(bye)
  expect(told).toEqual([{ at: 7, callId: 'CUBE-1@192.0.2.5', fromTag: 'cube1', toTag: 'ours' }])
  await begin(invite)
  see(bye)
  expect(told).toHaveLength(1)
  await client.hangUp(invite)
})

test('an OPTIONS of a client is answered with what the recorder takes', async () => {
  const { client } = await runningServer()
  const invite = recordingMessage('cube')
  const headers = invite.headers.map(h => (h.name === 'CSeq' ? { ...h, value: '1 OPTIONS' } : h))
  const answer = await client.ask({ ...invite, method: 'OPTIONS', headers, body: Buffer.alloc(0) })
  expect(answer.status).toBe(200)
  expect(headerValue(answer, 'Accept')).toContain('application/rs-metadata+xml')
})
