/** The whole bridge at a site that asks its callers: what the PBX says in SIP, a recorder in its sidecar, or nobody at all. */
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { tone, wav } from '../recordings/wav.ts'
import type { OutgoingCall } from './outgoing-call.ts'
import { patience, type RunningBridge } from './running-bridge.ts'
import { Site } from './site.ts'

const match = '(?<unique>[^_]+)_(?<call_id>.+)\\.wav$'

/** A site that asks Germans, and records everybody else. */
async function openSite(onCall?: Parameters<typeof Site.open>[0]): Promise<{ site: Site; bridge: RunningBridge }> {
  const site = await Site.open(onCall)
  onTestFinished(() => site.close())
  await site.configure({
    numbers: { country: 'DE', internal: ['^1\\d{3}$'] },
    recordings: {
      folders: [{ path: site.monitor, match, settle: '0s', sidecar: 'json' }],
      rescan_every: '1s',
      match_wait: '2s',
      consent: { rules: [{ number: '^\\+49', policy: 'opt_in' }] },
    },
  })
  return { site, bridge: await site.start() }
}

const yes = ['X-Zendesk-Consent: yes']
const no = ['X-Zendesk-Consent: no']

test('recordings go out with the consent of the parties who were asked, and without a yes nowhere at all', {
  timeout: 120_000,
}, async () => {
  const { site, bridge } = await openSite()
  const german = '+4930901820'
  const via = bridge.sip('udp')
  let recorded = 0
  const talk = async (name: string, to: string, headers: readonly string[], during: (call: OutgoingCall) => Promise<unknown>) => {
    recorded += 1
    const call = site.pbx.call({ callId: `${name}@pbx`, from: '1001', to, via, headers })
    expect(await call.final).toBe(200)
    await site.leave(join(site.monitor, `${recorded}_${name}@pbx.wav`), wav({ data: tone(1, 8000, 1, recorded) }))
    await during(call)
  }
  const hangUp = (call: OutgoingCall) => call.hangUp()

  await talk('silent', german, [], hangUp)
  await talk('in-invite', german, yes, hangUp)
  await talk('in-bye', german, [], call => call.hangUp(yes))
  await talk('second-thoughts', german, yes, async call => {
    expect(await call.inform(no)).toBe(200)
    await call.hangUp()
  })
  await talk('first-no', german, no, async call => {
    expect(await call.inform(yes)).toBe(200)
    await call.hangUp()
  })
  await site.leave(join(site.monitor, '6_sidecar@pbx.json'), Buffer.from('{"consent": "no"}'))
  await talk('sidecar', german, yes, hangUp)
  await talk('american', '+14155550142', [], hangUp)

  await vi.waitFor(async () => expect(await bridge.sandbox.recordings()).toHaveLength(4), patience)
  await bridge.counts('tpe_bridge_recordings_refused_total', 3, 'kind="opt_in"')
  const callNames = new Map<string, string>()
  for (const name of ['silent', 'in-invite', 'in-bye', 'second-thoughts', 'first-no', 'sidecar', 'american']) {
    const line = bridge.lines('audio taken in').find(({ file }) => String(file).includes(`_${name}@`))
    callNames.set(String(line?.id), name)
  }
  const nameOf = (id: string): string => callNames.get(id) ?? id
  const arrived = (await bridge.sandbox.recordings()).map(({ external_id: id, consent }) => [nameOf(id), consent])
  expect(Object.fromEntries(arrived)).toEqual({ 'in-invite': true, 'in-bye': true, 'first-no': true, american: null })
  const dropped = await bridge.uploads('dropped')
  expect(Object.fromEntries(dropped.map(({ id, reason }) => [nameOf(id), reason]))).toEqual({
    silent: 'no consent: nobody said that the caller agreed; recordings.consent.rules[0] says opt_in',
    'second-thoughts': 'no consent: the PBX said no; recordings.consent.rules[0] says opt_in',
    sidecar: 'no consent: its sidecar said no; recordings.consent.rules[0] says opt_in',
  })
  for (const { id } of dropped) {
    expect((await fetch(`${bridge.admin}/v1/uploads/${id}/redrive`, { method: 'POST' })).status).toBe(409)
  }
  expect(await readdir(site.monitor)).toHaveLength(8)
})

test('a PBX that answers says it in its response, a carrier is not believed, and an upload says it in its form', {
  timeout: 60_000,
}, async () => {
  const { site, bridge } = await openSite({
    onCall: call => {
      call.answer(yes)
      if (call.callId.startsWith('sorry')) call.lastWords = no
    },
  })
  const dial = async (callId: string, headers: readonly string[]) => {
    const call = site.carrier.call({ callId, from: '+4930901820', to: '1001', via: bridge.sip('udp'), headers })
    expect(await call.final).toBe(200)
    expect(await call.hangUp()).toBe(200)
  }
  const send = async (callId: string, consent: string | null) => {
    const form = new FormData()
    form.set('call_id', callId)
    if (consent !== null) form.set('consent', consent)
    form.set('file', new Blob([wav({ data: tone(1) })]), `${callId}.wav`)
    expect((await fetch(`${bridge.admin}/v1/recordings`, { method: 'POST', body: form })).status).toBe(202)
  }
  await dial('answered@carrier', no)
  await send('answered@carrier', null)
  await vi.waitFor(async () => expect(await bridge.sandbox.recordings()).toMatchObject([{ consent: true }]), patience)
  await dial('form@carrier', [])
  await send('form@carrier', 'no')
  await bridge.counts('tpe_bridge_recordings_refused_total', 1, 'kind="opt_in"')
  expect(await bridge.uploads('dropped')).toMatchObject([
    { reason: 'no consent: its name or form said no; recordings.consent.rules[0] says opt_in' },
  ])
  await dial('sorry@carrier', [])
  await send('sorry@carrier', 'yes')
  await bridge.counts('tpe_bridge_recordings_refused_total', 2, 'kind="opt_in"')
  expect((await bridge.uploads('dropped')).map(({ reason }) => reason)).toContain(
    'no consent: the PBX said no; recordings.consent.rules[0] says opt_in',
  )
  await vi.waitFor(async () => expect(await readdir(join(site.folder, 'data/spool/incoming'))).toEqual([]), patience)
})
