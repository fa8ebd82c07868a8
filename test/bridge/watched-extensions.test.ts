/**
 * A PBX that is asked about its extensions (dialog-state subscriptions): what it says of a phone is its agent's status, and where it
 * names its calls they are calls in Zendesk, however many witnesses there are.
 */
import { createSocket } from 'node:dgram'
import { expect, onTestFinished, test, vi } from 'vitest'
import { z } from 'zod'
import { capturedBodies, type MadeDialog, madeDocument, namedCall } from '../sip/dialog-state/captures.ts'
import { type Notifier, startNotifier } from '../sip/dialog-state/notifier.ts'
import { encodeHep } from '../sip/hep/encode.ts'
import { asteriskDatagrams } from '../sip/hep/fixtures.ts'
import { patience, type RunningBridge } from './running-bridge.ts'
import { sandboxToken } from './sandbox-view.ts'
import { requestText, tagFrom } from './sip-text.ts'
import { carrierHost, pbxHost, Site } from './site.ts'

const alice = 35436
const bob = 35437

async function watching({ hep = {}, withTrunk = false } = {}): Promise<{ pbx: Notifier; site: Site; bridge: RunningBridge }> {
  const pbx = await startNotifier({ password: 'secret' })
  const site = await Site.open()
  onTestFinished(() => site.close())
  await site.configure({
    sip: {
      listen: ['udp://127.0.0.1:0'],
      ...(withTrunk ? { trunk: site.trunk() } : {}),
      dialogs: { subscribe: [pbx.uri('1001'), pbx.uri('1002')], username: 'bridge', password: 'secret' },
    },
    agents: [
      { extension: '1001', zendesk_id: alice, name: 'Alice' },
      { extension: '1002', zendesk_id: bob, name: 'Bob' },
    ],
    agent_status: { report: true },
    hep,
  })
  const bridge = await site.start()
  await vi.waitFor(() => expect(pbx.standing.size).toBe(2), patience)
  return { pbx, site, bridge }
}

/** Sends what a capture agent saw. */
async function mirror(bridge: RunningBridge, datagrams: readonly Buffer[]): Promise<void> {
  const socket = createSocket('udp4')
  const { address, port } = bridge.hep('udp')
  for (const datagram of datagrams) await new Promise(resolve => socket.send(datagram, port, address, resolve))
  socket.close()
}

const statusSchema = z.object({ status: z.string() })

/** Waits until the sandbox shows these statuses of Alice and Bob. */
async function become(bridge: RunningBridge, ...wanted: readonly [string, string]): Promise<void> {
  const of = async (agent: number): Promise<string> => {
    const url = `${bridge.sandbox.url}/api/v2/channels/voice/agents/${agent}/phone_status`
    const answer = await fetch(url, { headers: { authorization: `Bearer ${sandboxToken}` } })
    return statusSchema.parse(await answer.json()).status
  }
  await vi.waitFor(async () => expect([await of(alice), await of(bob)]).toEqual(wanted), patience)
}

/** Waits until Zendesk knows one call, ended and with these. */
async function oneCall(bridge: RunningBridge, wanted: object, legs: number): Promise<void> {
  const told = await vi.waitFor(async () => {
    const known = await bridge.sandbox.calls()
    expect(known).toMatchObject([{ status: 'connected' }])
    return known
  }, patience)
  expect(told).toMatchObject([wanted])
  expect(told[0]?.legs).toHaveLength(legs)
}

/** A dialog of 1001, who calls 1002, as FreeSWITCH writes it: its tags are the other way round. */
function ownCall(state: string, of = ''): MadeDialog {
  const [local, remote] = ['sip:1001@pbx', 'sip:1002@pbx'].map(uri => `<identity>${uri}</identity><target uri="${uri}"/>`)
  return {
    id: 'd0',
    attributes: 'call-id="call-0@pbx" local-tag="switch" remote-tag="alice-phone" direction="initiator"',
    state,
    of,
    more: `<local>${local}</local><remote>${remote}</remote>`,
  }
}

test('an Asterisk, which names no call, sets its agents’ status', { timeout: 60_000 }, async () => {
  const { pbx, bridge } = await watching()
  const [, calling, over] = capturedBodies('01-answered', '1001')
  const [, ringing, talking, free] = capturedBodies('01-answered', '1002')
  const say = (extension: string, body: string | undefined) => pbx.pass(extension, body ?? '', 'Asterisk PBX 22.10.1')
  say('1001', calling)
  say('1002', ringing)
  await become(bridge, 'on_call', 'unavailable') // as nobody has set it yet
  say('1002', talking)
  await become(bridge, 'on_call', 'on_call')
  say('1001', over)
  say('1002', free)
  await become(bridge, 'available', 'available')
  expect((await bridge.sandbox.state()).phone_calls).toBe(0)
  expect((await bridge.readiness()).parts.dialogs).toEqual({ state: 'ok', reason: null })
  expect(await bridge.metric('tpe_bridge_dialogs_up')).toBe(2)
  await bridge.counts('tpe_bridge_dialogs_documents_total', 7)
  expect((await bridge.terminate()).code).toBe(0)
  expect(pbx.standing.size).toBe(0)
})

test('a FreeSWITCH, which names its calls, sets its agents’ status and makes one call of both legs', {
  timeout: 60_000,
}, async () => {
  const { pbx, bridge } = await watching()
  let version = 1
  const say = (extension: string, dialog: MadeDialog): void => {
    pbx.pass(extension, madeDocument(version, 'partial', [dialog]), 'FreeSWITCH-mod_sofia/1.10.12')
  }
  say('1001', ownCall('proceeding'))
  say('1002', namedCall('early'))
  await become(bridge, 'on_call', 'unavailable') // as nobody has set it yet
  version += 1
  say('1002', namedCall('confirmed'))
  say('1001', ownCall('confirmed'))
  await become(bridge, 'on_call', 'on_call')
  version += 1
  say('1002', namedCall('terminated', 'event="remote-bye"'))
  say('1001', ownCall('terminated', 'event="local-bye"'))
  await become(bridge, 'available', 'available')
  await oneCall(bridge, { from: '1001', to: '1002', direction: 'internal', reason: 'completed' }, 2)
})

test('what the PBX says and what its capture agent mirrors is one call', { timeout: 60_000 }, async () => {
  const hep = { listen: ['udp://127.0.0.1:0'], peers: ['127.0.0.1'], pbx: ['127.0.0.1:5070'], auth_key: 'labhep', max_age: '30d' }
  const { pbx, bridge } = await watching({ hep })
  const datagrams = asteriskDatagrams('01-answered')
  const bye = datagrams.findIndex(datagram => datagram.includes('BYE sip:'))
  // As a PBX that names its dialogs would have told of the same two legs.
  const callee = (state: string): MadeDialog => ({
    ...namedCall(state),
    attributes:
      'call-id="0e7e49a8-5ac1-4f75-8198-46e22170d216" local-tag="3716uas1" remote-tag="a9f1bf40-8619-4cb3-80fc-8738e5fdcaa7" direction="recipient"',
  })
  const caller = (state: string): MadeDialog => ({
    ...ownCall(state),
    attributes:
      'call-id="1-3723@127.0.0.1" local-tag="3723uac1" remote-tag="8bf7bedf-1a96-4621-9780-757eafb1df93" direction="initiator"',
  })
  await mirror(bridge, datagrams.slice(0, bye))
  pbx.tell('1001', [caller('confirmed')])
  pbx.tell('1002', [callee('confirmed')])
  await become(bridge, 'on_call', 'on_call')
  await mirror(bridge, datagrams.slice(bye))
  pbx.tell('1001', [])
  pbx.tell('1002', [])
  await become(bridge, 'available', 'available')
  await oneCall(bridge, { from: '1001', to: '1002', direction: 'internal', reason: 'completed' }, 2)
  await bridge.counts('tpe_bridge_dialogs_documents_total', 6)
  expect(await bridge.metric('tpe_bridge_calls_calls_started_total')).toBe(1)
  pbx.terminate('1001', 'rejected')
  const reason = expect.stringContaining(`1 of 2 extensions are heard of; ${pbx.uri('1001')}: `)
  await vi.waitFor(async () => expect((await bridge.readiness()).parts.dialogs).toEqual({ state: 'degraded', reason }), patience)
})

test('a call that the trunk, a capture agent and the PBX tell of at once is one call with one leg', {
  timeout: 60_000,
}, async () => {
  const hep = { listen: ['udp://127.0.0.1:0'], peers: ['127.0.0.1'], pbx: [pbxHost], carrier: [carrierHost] }
  const { pbx, site, bridge } = await watching({ hep, withTrunk: true })
  const callId = 'thrice@seen'
  const call = site.carrier.call({ callId, from: '+14155550100', to: '1001', via: bridge.sip('udp') })
  expect(await call.final).toBe(200)
  const tags = { caller: tagFrom(callId), callee: `callee-${pbxHost.replaceAll('.', '-')}-${site.pbx.port}` }
  const [carrier, office] = [site.carrier, site.pbx].map(({ host, port }) => ({ address: host, port }))
  if (carrier === undefined || office === undefined) throw new Error('there are two phones')
  const [from, to] = [`<sip:+14155550100@${carrierHost}>;tag=${tags.caller}`, `<sip:1001@${pbxHost}>`]
  const seen = (method: string, seq: number, called: string): Buffer => {
    const fields = { method, seq, callId, from, to: called, uri: `sip:1001@${pbxHost}`, branch: `z9hG4bK-${method}` }
    const payload = requestText({ ...fields, here: `${carrierHost}:${carrier.port}` })
    return encodeHep({ at: Date.now(), source: carrier, destination: office, payload })
  }
  const dialog = (state: string): MadeDialog => ({
    id: 'd9',
    attributes: `call-id="${callId}" local-tag="${tags.callee}" remote-tag="${tags.caller}" direction="recipient"`,
    state,
    more: '<local><identity>sip:1001@pbx</identity></local><remote><identity>sip:+14155550100@pbx</identity></remote>',
  })
  await mirror(bridge, [seen('INVITE', 1, to)])
  pbx.tell('1001', [dialog('confirmed')])
  await become(bridge, 'on_call', 'unavailable')
  expect(await call.hangUp()).toBe(200)
  await mirror(bridge, [seen('BYE', 2, `${to};tag=${tags.callee}`)])
  pbx.tell('1001', [])
  await become(bridge, 'available', 'unavailable')
  await oneCall(bridge, { from: '+14155550100', to: '1001', direction: 'inbound', reason: 'completed' }, 1)
  await bridge.counts('tpe_bridge_dialogs_documents_total', 4)
  await bridge.counts('tpe_bridge_hep_sip_total', 2)
  expect(await bridge.metric('tpe_bridge_calls_calls_started_total')).toBe(1)
})
