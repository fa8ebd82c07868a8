/** What every store promises of erasing, of legal holds, and of finding what is about a number. Run for each as store-contract.ts is. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { callIdOf } from '../../../src/events/ids.ts'
import type { AudioItem, VoicemailItem } from '../../../src/events/recording.ts'
import type { About } from '../../../src/uploads/store/about.ts'
import type { Errand } from '../../../src/uploads/store/erasures.ts'
import type { Store } from '../../../src/uploads/store/store.ts'
import type { Verdict } from '../../../src/uploads/verdict.ts'
import { aCall, aChange, aRecording, aVoicemail, fileOf, ops, recordingId, T0 } from '../fixtures.ts'
import type { ArchivingStore } from './sinks-contract.ts'

const delivered: Verdict = { kind: 'delivered', remoteId: '17' }
const rejected: Verdict = { kind: 'dead', reason: '422 invalid' }

const caller = '+14155550100'
const order = { ...ops, reason: 'request 12', keepSources: false }
const number = (...forms: readonly string[]): About => ({ kind: 'number', forms, shown: '+*********00' })
const item = (id: string): About => ({ kind: 'item', id })
const idsOf = (items: readonly { readonly id: string }[]) => items.map(({ id }) => id)

export const erasureContract = (name: string, make: () => Promise<ArchivingStore>): void => {
  describe(`${name} erases and holds`, () => {
    let underTest: ArchivingStore
    let store: Store

    beforeEach(async () => {
      underTest = await make()
      store = await underTest.open(() => T0, 'all-bridges')
    })

    afterEach(async () => {
      await store.close()
      await underTest.dispose()
    })

    const add = async (made: AudioItem): Promise<AudioItem> => {
      await store.items.add(made, fileOf(made))
      return made
    }
    const queue = async (made: AudioItem): Promise<void> => {
      await add(made)
      await store.items.queue({ ...made, state: 'queued' })
    }
    const settle = async (lane: 'media' | 'archive' | 'erasure', verdict: Verdict): Promise<void> => {
      const jobs = await store.jobs.claim(lane, 9)
      await store.jobs.settle(jobs.map(job => ({ job, verdict })))
    }
    const ask = async (about: About, limit = 100) => idsOf(await store.erasures.ask(about, order, limit))
    const found = async (about: About) => idsOf(await store.erasures.find(about, { limit: 100 }))
    const errand = async (id: string): Promise<Errand> => {
      const begun = await store.erasures.begin(recordingId(id))
      if (begun.kind !== 'ready') throw new Error(`not ready: ${JSON.stringify(begun)}`)
      return begun.errand
    }
    const stateOf = async (id: string) => await store.items.get(recordingId(id))

    test('what is about a number is found by its call, by the call’s legs, by what a file was called, and by a voicemail’s caller', async () => {
      const party = (value: string) => ({ kind: 'e164', value, display: null }) as const
      const leg = { sipCallId: 'b@pbx', direction: 'inbound', startedAt: T0, answeredAt: null, endedAt: null } as const
      const legs = [{ ...leg, from: party(caller), to: party('+4930123456'), sipCode: null, q850: null }]
      await store.calls.append([aChange('a', [1, 2], { snapshot: { legs } })])
      await queue(aRecording('r1', 'a'))
      const hints = { sipCallId: null, unique: null, from: '(415) 555-0100', to: null, startedAt: null }
      await add({ ...aRecording('r2', null, 'waiting'), hints })
      await add(aVoicemail('v1', 'waiting'))
      expect(await found(number(caller))).toEqual(['r1', 'v1'])
      expect(await found(number(caller, '4155550100'))).toEqual(['r1', 'r2', 'v1'])
      expect(await found(number('+4930123456'))).toEqual(['r1'])
      expect(await found(number('1001'))).toEqual(['r1', 'v1'])
      expect(await found(number())).toEqual([])
      expect(await found({ kind: 'call', id: 'a' })).toEqual(['r1'])
    })

    test('what was recorded of a call before it was merged into another is found, held and erased by either of them', async () => {
      const [whole, part] = [callIdOf('whole@pbx'), callIdOf('part@pbx')]
      const leg = (name: string) => aCall(name).sipCalls
      const merged = { kind: 'merged', into: whole, at: T0, answeredAt: null, holdMs: 0 } as const
      await store.calls.append([
        { ...aChange(part, [1], { ended: true }), call: { ...aCall(part, 1), sipCalls: leg('part'), phase: merged } },
        { ...aChange(whole, [1]), call: { ...aCall(whole, 1), sipCalls: [...leg('whole'), ...leg('part')] } },
      ])
      await queue(aRecording('r1', part))
      await queue(aRecording('r2', whole))
      await queue(aRecording('r3', 'another'))
      for (const id of [whole, part]) expect(await found({ kind: 'call', id })).toEqual(['r1', 'r2'])
      const about: About = { kind: 'call', id: whole }
      expect(idsOf(await store.holds.hold(about, order, 9))).toEqual(['r1', 'r2'])
      expect(idsOf(await store.holds.release(about, order, 9))).toEqual(['r1', 'r2'])
      expect(await ask({ kind: 'call', id: part })).toEqual(['r1', 'r2'])
    })

    test('who joins a call after its recording was queued is found, even when the call itself is forgotten', async () => {
      await store.calls.append([aChange('a', [1])])
      await queue(aRecording('r1', 'a'))
      const joined = { kind: 'e164', value: '+4930123456', display: null } as const
      await store.calls.append([aChange('a', [2, 3, 4], { ended: true, snapshot: { to: joined, endedAt: T0 - 9_000_000 } })])
      for (let round = 0; round < 4; round++) {
        const events = await store.jobs.claim('event', 9)
        await store.jobs.settle(events.map(job => ({ job, verdict: delivered })))
      }
      await settle('media', delivered)
      await settle('archive', delivered)
      await store.prune(-1_000)
      expect(await store.views.listCalls({ limit: 9 })).toEqual([])
      expect(await found(number('+4930123456'))).toEqual(['r1'])
    })

    test('asking drops what is still to be delivered, and makes one job of it', async () => {
      await queue(aRecording('r1', null))
      await queue(aRecording('r2', null))
      await settle('archive', rejected)
      expect(await ask(item('r1'))).toEqual(['r1'])
      expect(await store.jobs.claim('archive', 9)).toEqual([])
      expect(idsOf(await store.jobs.claim('media', 9))).toEqual(['r2'])
      expect(await stateOf('r1')).toMatchObject({ state: 'dropped', reason: 'erased: request 12' })
      const [job] = await store.jobs.claim('erasure', 9)
      expect(job).toMatchObject({ id: 'r1.erasure', kind: 'recording', payload: { kind: 'item', item: { id: 'r1' } } })
      const lines = await store.audit.list({ limit: 9 })
      expect(lines).toMatchObject([
        { ...ops, action: 'recording.erasure-requested', subject: 'r1', reason: 'request 12', detail: { by: 'item' } },
      ])
    })

    test('asking goes by steps, passes over what was asked for before, and never names a number in the audit log', async () => {
      for (const id of ['v1', 'v2', 'v3']) await queue(aVoicemail(id))
      expect(await ask(number(caller), 2)).toEqual(['v1', 'v2'])
      expect(await ask(number(caller), 2)).toEqual(['v3'])
      expect(await ask(number(caller), 2)).toEqual([])
      const lines = await store.audit.list({ limit: 9 })
      expect(lines).toHaveLength(3)
      expect(JSON.stringify(lines)).not.toContain(caller.slice(1))
    })

    test('an erasure is not dropped with other dead letters, and one that was dropped can be asked for again', async () => {
      await queue(aVoicemail('v1'))
      await ask(item('v1'))
      await store.erasures.note(recordingId('v1'), 'archive', { told: 'deleted', byHand: null })
      await settle('erasure', rejected)
      expect(await ask(number(caller))).toEqual([])
      const by = { ...ops, reason: 'old ones' }
      expect(await store.desk.countSome('drop', {}, null)).toMatchObject({ done: 0 })
      expect(await store.desk.dropSome({}, by, null)).toMatchObject({ done: 0 })
      expect(await store.desk.dropSome({ sink: 'erasure' }, by, null)).toMatchObject({ done: 1 })
      expect(await ask(number(caller))).toEqual(['v1'])
      expect(await ask(number(caller))).toEqual([])
      expect((await store.jobs.claim('erasure', 9)).map(({ id, attempts }) => ({ id, attempts }))).toEqual([
        { id: 'v1.erasure', attempts: 0 },
      ])
      expect(Object.keys((await errand('v1')).places)).toEqual(['archive'])
      const [line] = await store.audit.list({ limit: 1 })
      expect(line).toMatchObject({ action: 'recording.erasure-requested', subject: 'v1', detail: { again: true } })
    })

    test('one whose job was pruned before it was done can be asked for again, and then also with its sources', async () => {
      await queue(aVoicemail('v1'))
      await store.erasures.ask(item('v1'), { ...order, keepSources: true }, 9)
      await store.erasures.note(recordingId('v1'), 'sources', { told: 'kept, as asked for', byHand: null })
      await store.desk.drop('v1.erasure', { ...ops, reason: 'a mistake' })
      await store.prune(-1_000)
      expect(await ask(item('v1'))).toEqual(['v1'])
      expect(await errand('v1')).toMatchObject({ keepSources: false, places: {} })
      await store.erasures.finish(recordingId('v1'))
      await settle('erasure', delivered)
      await store.prune(-1_000)
      expect(await ask(item('v1'))).toEqual([])
    })

    test('what is being encoded when its erasure is asked for is not queued any more', async () => {
      const waiting = await add(aRecording('r1', null, 'waiting'))
      await ask(item('r1'))
      await store.items.update({ ...waiting, encoded: aRecording('x', null).encoded })
      await store.items.queue({ ...aRecording('r1', null), state: 'queued' })
      expect(await stateOf('r1')).toMatchObject({ state: 'dropped', encoded: null })
      expect(await store.jobs.claim('media', 9)).toEqual([])
    })

    test('a delivery that was under way ends first, and does not begin again', async () => {
      await queue(aRecording('r1', null))
      await settle('archive', delivered)
      const running = await store.jobs.claim('media', 9)
      await ask(item('r1'))
      expect(await store.erasures.begin(recordingId('r1'))).toMatchObject({ kind: 'busy' })
      await store.jobs.settle(running.map(job => ({ job, verdict: { kind: 'retry', runAt: T0, reason: '503' } })))
      expect(await errand('r1')).toMatchObject({ wasSent: true, remoteId: null })
      expect(await store.jobs.claim('media', 9)).toEqual([])
    })

    test('one that was delivered meanwhile is known by Zendesk’s id, and stays dropped', async () => {
      await queue(aRecording('r1', null))
      const running = await store.jobs.claim('media', 9)
      await ask(item('r1'))
      await store.jobs.settle(running.map(job => ({ job, verdict: delivered })))
      expect(await errand('r1')).toMatchObject({ remoteId: '17', keepSources: false, files: [fileOf(aRecording('r1', null))] })
      expect(await stateOf('r1')).toMatchObject({ state: 'dropped' })
    })

    test('what a place said is noted, and the end forgets whoever it was about', async () => {
      const { mailbox: _, ...voicemail }: VoicemailItem = aVoicemail('v1')
      await queue({
        ...voicemail,
        mailbox: '1001',
        transcript: { kind: 'text', text: 'hi', language: null, sentiment: null, keywords: [] },
      })
      await store.memory.put('item:v1', '{"url":"x"}')
      await store.memory.put(`caller:${caller}`, '1')
      await store.memory.put(`ticket-of:rule:busy:${caller}`, '1')
      await store.memory.put('ticket-of:rule:busy:+14155550101', '2')
      await ask(number(caller))
      await store.erasures.note(recordingId('v1'), 'archive', { told: 'deleted', byHand: null })
      await store.erasures.note(recordingId('v1'), 'zendesk', { told: 'ticket 17', byHand: 'ticket 17 is closed' })
      expect(Object.keys((await errand('v1')).places)).toEqual(['archive', 'zendesk'])
      await store.erasures.finish(recordingId('v1'))
      await store.erasures.finish(recordingId('v1'))
      expect(await store.erasures.begin(recordingId('v1'))).toEqual({ kind: 'done', byHand: ['ticket 17 is closed'] })
      const left = JSON.stringify([
        await stateOf('v1'),
        await store.views.listJobs({ limit: 9 }),
        await store.audit.list({ limit: 9 }),
      ])
      for (const personal of [caller.slice(1), 'Zoë', '/spool', 'hi"']) expect(left).not.toContain(personal)
      expect(await found(number(caller))).toEqual([])
      expect(await store.items.isKnownFile(fileOf(aVoicemail('v1')))).toBe(false)
      for (const key of ['item:v1', `caller:${caller}`, `ticket-of:rule:busy:${caller}`])
        expect(await store.memory.get(key)).toBeNull()
      expect(await store.memory.get('ticket-of:rule:busy:+14155550101')).toBe('2')
      const done = (await store.audit.list({ limit: 9 })).filter(({ action }) => action === 'recording.erased')
      expect(done).toMatchObject([{ ...ops, subject: 'v1', detail: { places: { archive: 'deleted', zendesk: 'ticket 17' } } }])
    })

    test('a file that comes back after its erasure is known, and goes nowhere', async () => {
      await queue(aRecording('r1', null))
      await ask(item('r1'))
      await store.erasures.finish(recordingId('r1'))
      const back = aRecording('r1', null, 'waiting')
      expect(await store.items.add(back, { ...fileOf(back), path: '/elsewhere.wav' })).toBe('known')
      expect(await stateOf('r1')).toMatchObject({ state: 'dropped', sourcePath: '' })
    })

    test('with its sources kept, their files stay known', async () => {
      await queue(aRecording('r1', null))
      await store.erasures.ask(item('r1'), { ...order, keepSources: true }, 9)
      await store.erasures.finish(recordingId('r1'))
      expect(await store.items.isKnownFile(fileOf(aRecording('r1', null)))).toBe(true)
    })

    test('what is held is not erased until it is released', async () => {
      for (const id of ['v1', 'v2']) await queue(aVoicemail(id))
      expect(idsOf(await store.holds.hold(item('v1'), { ...ops, reason: 'case 7' }, 9))).toEqual(['v1'])
      expect(idsOf(await store.holds.hold(item('v1'), { ...ops, reason: 'case 8' }, 9))).toEqual([])
      expect(await ask(number(caller))).toEqual(['v2'])
      expect(await store.erasures.find(number(caller), { limit: 9 })).toMatchObject([
        { id: 'v1', hold: 'case 7', erasure: null, state: 'queued' },
        { id: 'v2', hold: null, erasure: 'asked', state: 'dropped' },
      ])
      await store.holds.release(item('v1'), { ...ops, reason: 'settled' }, 9)
      expect(await ask(number(caller))).toEqual(['v1'])
      const lines = (await store.audit.list({ limit: 9, subject: 'v1' })).map(({ action, reason, detail }) => ({
        action,
        reason,
        detail,
      }))
      expect(lines).toMatchObject([
        { action: 'recording.erasure-requested' },
        { action: 'recording.released', reason: 'settled', detail: { held: 'case 7' } },
        { action: 'recording.held', reason: 'case 7' },
      ])
    })

    test('what is to be erased cannot be held any more', async () => {
      await queue(aVoicemail('v1'))
      await ask(item('v1'))
      expect(await store.holds.hold(item('v1'), { ...ops, reason: 'too late' }, 9)).toEqual([])
    })

    test('nobody’s erasure begins without being asked for', async () => {
      await queue(aVoicemail('v1'))
      expect(await store.erasures.begin(recordingId('v1'))).toEqual({ kind: 'unasked' })
      expect(await store.erasures.begin(recordingId('v9'))).toEqual({ kind: 'unasked' })
    })
  })
}
