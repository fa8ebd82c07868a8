import { describe, expect, it } from 'vitest'
import type { CallSignal } from '../../../src/events/signal.ts'
import type { ExtensionPresence } from '../../../src/sip/dialog-state/presence.ts'
import { WatchedExtension } from '../../../src/sip/dialog-state/watched-extension.ts'
import { capturedBodies, capturedCalls, madeDocument, namedCall } from './captures.ts'

function watching(uri = 'sip:1002@pbx') {
  const presences: ExtensionPresence[] = []
  const signals: CallSignal[] = []
  const extension = new WatchedExtension({
    uri,
    at: 0,
    onSignal: signal => signals.push(signal),
    onPresence: presence => presences.push(presence),
  })
  return { extension, presences, signals }
}

/** What a person would say of the extension after each document: only where it changed. */
function said(call: string, extension: string): readonly string[] {
  const { extension: watched, presences } = watching(`sip:${extension}@127.0.0.1:5070`)
  for (const [i, body] of capturedBodies(call, extension).entries()) expect(watched.told(body, i)).toEqual({ kind: 'applied' })
  return presences.map(({ presence, held, remote }) => {
    const who = remote === null ? '' : ` ${remote.display} (${remote.user})`
    return `${presence}${held ? ', held' : ''}${who}`
  })
}

describe('what an Asterisk tells of a call', () => {
  const answered = {
    '1001': ['available', 'on_call', 'available'],
    '1002': ['available', 'ringing Alice (1001)', 'on_call', 'available'],
  }
  const unanswered = { '1001': ['available', 'on_call', 'available'], '1002': ['available', 'ringing Alice (1001)', 'available'] }
  const told: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = {
    '01-answered': answered,
    '02-wav49': answered,
    '03-rx-tx': answered,
    '04-voicemail-noanswer': unanswered,
    '06-abandoned': unanswered,
    '07-hold': {
      '1001': ['available', 'on_call', 'available'],
      '1002': ['available', 'ringing Alice (1001)', 'on_call', 'on_call, held', 'on_call', 'available'],
    },
    '10-trunk-b2bua-out': { '1001': ['available', 'on_call', 'available'], '1002': ['available'] },
  }

  it.each(capturedCalls.flatMap(call => ['1001', '1002'].map(extension => [call, extension])))(
    'is what a person would say: %s, extension %s',
    (call, extension) => {
      expect(said(call, extension)).toEqual(told[call]?.[extension])
    },
  )

  it('makes no signals: its documents name no dialog', () => {
    const { extension, signals } = watching()
    for (const body of capturedBodies('07-hold', '1002')) extension.told(body, 0)
    expect(signals).toEqual([])
  })
})

describe('a PBX that names its dialogs', () => {
  it('makes the signals of the call, under its Call-ID and tags', () => {
    const { extension, signals, presences } = watching()
    extension.told(madeDocument(0, 'full', []), 1000)
    extension.told(madeDocument(1, 'partial', [namedCall('early')]), 2000)
    extension.told(madeDocument(2, 'partial', [namedCall('confirmed')]), 3000)
    extension.told(madeDocument(3, 'partial', [namedCall('confirmed', '', true)]), 4000)
    extension.told(madeDocument(4, 'partial', [namedCall('confirmed')]), 5000)
    extension.told(madeDocument(5, 'partial', [namedCall('terminated', 'event="local-bye"')]), 6000)
    const base = { source: 'dialog-state', sipCallId: 'call-1@pbx', fromTag: 'alice' }
    const bob = { user: '1002', display: 'Bob', anonymous: false }
    const alice = { user: '1001', display: 'Alice', anonymous: false }
    expect(signals).toEqual([
      { ...base, kind: 'invited', at: 2000, from: alice, to: bob, side: null, isFromPbx: true, ties: [] },
      { ...base, kind: 'ringing', at: 2000, toTag: 'bob', sipCode: 180, party: bob },
      { ...base, kind: 'answered', at: 3000, toTag: 'bob', party: bob },
      { ...base, kind: 'held', at: 4000, fromTag: 'bob', toTag: 'alice' },
      { ...base, kind: 'resumed', at: 5000, fromTag: 'bob', toTag: 'alice' },
      { ...base, kind: 'hungup', at: 6000, fromTag: 'bob', toTag: 'alice', sipCode: null, q850: null },
    ])
    expect(presences.map(({ presence, held, at }) => [presence, held, at])).toEqual([
      ['available', false, 1000],
      ['ringing', false, 2000],
      ['on_call', false, 3000],
      ['on_call', true, 4000],
      ['on_call', false, 5000],
      ['available', false, 6000],
    ])
  })

  it('is believed about the tags the other way round when the extension called', () => {
    const { extension, signals } = watching()
    const dialing = { id: 'd', attributes: 'call-id="c" local-tag="l" direction="initiator"', state: 'trying' }
    const talking = {
      ...dialing,
      attributes: 'call-id="c" local-tag="l" remote-tag="r" direction="initiator"',
      state: 'confirmed',
    }
    extension.told(madeDocument(0, 'full', [dialing]), 0)
    extension.told(madeDocument(1, 'full', [talking]), 1)
    extension.told(madeDocument(2, 'full', []), 2)
    expect(signals.map(({ kind, fromTag, ...rest }) => [kind, fromTag, 'toTag' in rest ? rest.toTag : null])).toEqual([
      ['invited', 'l', null],
      ['answered', 'l', 'r'],
      ['hungup', 'l', 'r'],
    ])
    expect(signals[0]).toMatchObject({ isFromPbx: false })
  })

  it('is FreeSWITCH: of a call that the extension made, the tags are the other way round', () => {
    const { extension, signals } = watching()
    const made = { id: 'd', attributes: 'call-id="c" local-tag="to" remote-tag="from" direction="initiator"', state: 'confirmed' }
    const got = { id: 'e', attributes: 'call-id="d" local-tag="to" remote-tag="from" direction="recipient"', state: 'confirmed' }
    extension.told(madeDocument(0, 'full', [made, got]), 0, 'FreeSWITCH-mod_sofia/1.10.12')
    expect(signals.map(({ kind, sipCallId, fromTag }) => [kind, sipCallId, fromTag])).toEqual([
      ['invited', 'c', 'from'],
      ['answered', 'c', 'from'],
      ['invited', 'd', 'from'],
      ['answered', 'd', 'from'],
    ])
  })

  it('is heard of in mid-call: the call began when its duration says', () => {
    const { extension, signals } = watching()
    const call = namedCall('confirmed')
    extension.told(madeDocument(7, 'full', [{ ...call, more: `${call.more}<duration>60</duration>` }]), 100_000)
    expect(signals.map(({ kind, at }) => [kind, at])).toEqual([
      ['invited', 40_000],
      ['answered', 100_000],
    ])
  })

  it.each([
    ['event="cancelled"', ['cancelled', 'failed 487']],
    ['event="rejected" code="486"', ['failed 486']],
    ['event="timeout"', ['failed 408']],
    ['', ['failed 480']],
  ])('tells how a call ended that nobody answered: %s', (of, ends) => {
    const { extension, signals } = watching()
    extension.told(madeDocument(0, 'full', [namedCall('early')]), 0)
    extension.told(madeDocument(1, 'partial', [{ id: 'd1', state: 'terminated', of }]), 1)
    const told = signals.slice(2).map(signal => (signal.kind === 'failed' ? `failed ${signal.sipCode}` : signal.kind))
    expect(told).toEqual(ends)
  })

  it('ties a call that took the place of another to it', () => {
    const { extension, signals } = watching()
    const more = '<replaces call-id="old@pbx" local-tag="a" remote-tag="b"/>'
    extension.told(madeDocument(0, 'full', [{ ...namedCall('confirmed'), more }]), 0)
    expect(signals[0]).toMatchObject({ kind: 'invited', ties: [{ key: 'sip:old@pbx', reason: 'dialog-info replaces' }] })
  })

  it('hides a caller who wants to be anonymous', () => {
    const { extension, signals } = watching()
    const more = '<remote><identity display="Eve">sip:anonymous@anonymous.invalid</identity></remote>'
    extension.told(madeDocument(0, 'full', [{ ...namedCall('early'), more }]), 0)
    expect(signals[0]).toMatchObject({ from: { user: '', display: null, anonymous: true } })
  })
})

it('calls that end while no subscription stands are over with the first document of the next one', () => {
  const { extension, presences, signals } = watching()
  extension.told(madeDocument(9, 'full', [namedCall('confirmed')]), 1)
  extension.lost(2)
  extension.told(madeDocument(0, 'full', []), 3)
  expect(presences.map(({ presence }) => presence)).toEqual(['on_call', 'unknown', 'available'])
  expect(signals.at(-1)).toMatchObject({ kind: 'hungup', at: 3 })
})

it('calls that outlive a subscription are told of once', () => {
  const { extension, signals } = watching()
  extension.told(madeDocument(9, 'full', [namedCall('confirmed')]), 1)
  extension.lost(2)
  extension.told(madeDocument(0, 'full', [namedCall('confirmed')]), 3)
  expect(signals.map(({ kind }) => kind)).toEqual(['invited', 'answered'])
})

it('a second call that rings does not hide the one that is talked on', () => {
  const { extension, presences } = watching()
  const second = {
    ...namedCall('early'),
    id: 'd2',
    attributes: 'call-id="call-2" local-tag="x" remote-tag="y" direction="recipient"',
  }
  extension.told(madeDocument(0, 'full', [second, namedCall('confirmed')]), 0)
  expect(presences.at(-1)).toMatchObject({ presence: 'on_call', remote: { user: '1001' } })
})
