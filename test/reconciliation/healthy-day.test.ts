import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Cdr } from '../../src/events/cdr.ts'
import { mergeCdrs, talkMsOf } from '../../src/events/cdr.ts'
import { finding } from '../../src/reconciliation/finding.ts'
import { coveredMs } from '../../src/reconciliation/lengths.ts'
import { SlidingRows } from '../../src/reconciliation/sliding-rows.ts'
import { FindingTally } from '../../src/reconciliation/tally.ts'
import { aCall, aCdr, anonymous, aRecording, found, hour, inside, minute, outside, reconciled } from './days.ts'

const talk = fc.oneof(fc.constant(null), fc.integer({ min: 0, max: 40 * minute }))
const aHealthyCall = fc.record({
  ago: fc.integer({ min: 90 * minute, max: 23 * hour }),
  talkMs: talk,
  isInbound: fc.boolean(),
  isHidden: fc.boolean(),
  number: fc.integer({ min: 1_000_000, max: 9_999_999 }),
  /** Whether PBX and bridge know the call by one name. */
  isNamed: fc.boolean(),
  isFirst: fc.boolean(),
})

test('a day on which everything arrived gives no finding', async () => {
  await fc.assert(
    fc.asyncProperty(fc.uniqueArray(aHealthyCall, { maxLength: 60, selector: ({ number }) => number }), async made => {
      const calls = made.map(({ ago, talkMs, isInbound, isHidden, number, isNamed }, index) => {
        const party = outside(`+1415${number}`)
        // Two who hide and reach one extension within seconds cannot be told apart without a name.
        const caller = isHidden && isNamed ? anonymous : party
        const ways = isInbound
          ? { direction: 'inbound' as const, from: caller, to: inside('1001') }
          : { direction: 'outbound' as const, from: outside('+14155550000'), to: party }
        return aCall(`c${index}`, { ago, talkMs, ...ways })
      })
      const recordings = calls.filter(({ answeredAt }) => answeredAt !== null).map(call => aRecording(call))
      const cdrs = calls.map((call, index) => aCdr(call, made[index]?.isNamed === true ? {} : { keys: ['unique:other'] }))
      expect(await found({ calls, recordings, cdrs })).toEqual([])
    }),
    { numRuns: 40 },
  )
})

test('whatever is taken away of a day is found, and nothing else', async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 40 }), fc.nat(), fc.nat(), fc.nat(), async (count, x, y, z) => {
      const calls = Array.from({ length: count + 2 }, (_, index) =>
        aCall(`c${index}`, { ago: 22 * hour - index * 10 * minute, from: outside(`+1415${5_550_000 + index}`) }),
      )
      // The first and the last say which time the records cover.
      const [noRecording, noCdr, noCall] = [x, y, z].map(n => calls[1 + (n % count)]?.id)
      const cdrs = calls.filter(({ id }) => id !== noCdr).map(call => aCdr(call))
      const kept = calls.filter(({ id }) => id !== noCall)
      const recordings = kept.filter(({ id }) => id !== noRecording).map(call => aRecording(call))
      const { counts, total } = await reconciled({ calls: kept, recordings, cdrs })
      const expected = {
        'recording-missing': noRecording === noCall ? 0 : 1,
        'cdr-missing': noCdr === noCall ? 0 : 1,
        'call-unseen': noCdr === noCall ? 0 : 1,
      }
      for (const [kind, number] of Object.entries(expected)) expect(counts).toMatchObject({ [kind]: { count: number } })
      expect(total).toBe(Object.values(expected).reduce((sum, number) => sum + number, 0))
    }),
    { numRuns: 40 },
  )
})

test('a day of many calls is worked through in slices, each call once, also where records begin before or after their calls', async () => {
  const calls = Array.from({ length: 3_000 }, (_, index) =>
    aCall(`c${index}`, { ago: 20 * hour - index * 1_000, from: outside(`+1415${2_000_000 + index}`) }),
  )
  const cdrs = calls.map((call, index) =>
    aCdr(call, { keys: [], startedAt: call.startedAt + (index % 2 === 0 ? 3_000 : -3_000) }),
  )
  const { looked, counts } = await reconciled({ calls, cdrs }, 10)
  expect(looked).toMatchObject({ calls: 3_000, cdrs: 3_000 })
  expect(counts['recording-missing'].count).toBe(3_000)
  expect(counts['cdr-missing'].count + counts['call-unseen'].count).toBe(0)
})

test('rows of a period that moves on are read once, and let go behind it', async () => {
  const read: string[] = []
  const rows = new SlidingRows(
    async ({ since, until }) => {
      read.push(`${since}-${until}`)
      return Array.from({ length: until - since }, (_, index) => since + index)
    },
    row => row,
  )
  expect(await rows.cover({ since: 0, until: 3 })).toEqual([0, 1, 2])
  expect(await rows.cover({ since: 2, until: 5 })).toEqual([2, 3, 4])
  expect(await rows.cover({ since: 9, until: 10 })).toEqual([9])
  expect(read).toEqual(['0-3', '3-5', '9-10'])
})

test('a tally keeps no more than it may, whatever it counts', () => {
  const tally = new FindingTally(2)
  const said = { subject: 's', cause: 'c', fix: 'f' }
  for (let since = 5; since > 0; since -= 1) tally.add(finding('call-missing', since, said, {}))
  expect(tally.countOf('call-missing')).toEqual({ count: 5, oldestSince: 1 })
  expect(tally.findings().map(({ since }) => since)).toEqual([4, 5])
})

const aTime = fc.integer({ min: 0, max: 1_000 })
const anyCdr = fc.record<Cdr>({
  id: fc.constant('x'),
  from: fc.constantFrom(outside('+14155550100'), outside('+14155550101')),
  to: fc.constant(inside('1001')),
  direction: fc.constant('inbound'),
  keys: fc.array(fc.constantFrom('sip:1', 'unique:a', 'unique:b')),
  startedAt: aTime,
  endedAt: aTime,
  answeredAt: fc.option(aTime),
  phoneAnsweredAt: fc.option(aTime),
  recordings: fc.array(fc.constantFrom('a.wav', 'b.wav')),
  hasCaller: fc.boolean(),
  partiesAt: aTime,
})

test('records of a call give the same in any order, and however often they come', () => {
  fc.assert(
    fc.property(fc.array(anyCdr, { minLength: 1, maxLength: 6 }), fc.nat(), (cdrs, turn) => {
      const merged = (list: readonly Cdr[]) => list.reduce((one, other) => mergeCdrs(one, other))
      const at = turn % cdrs.length
      const again = [...cdrs.slice(at), ...cdrs, ...cdrs.slice(0, at)].reverse()
      expect(merged(again)).toEqual(merged([...cdrs, ...cdrs]))
      expect(talkMsOf(merged(cdrs)) ?? 0).toBeGreaterThanOrEqual(0)
    }),
  )
})

test('spans cover at least the longest of them, and at most their sum', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(1_000), fc.nat(1_000)), { minLength: 1 }), pairs => {
      const spans = pairs.map(([from, length]) => ({ from, to: from + length }))
      const lengths = pairs.map(([, length]) => length)
      expect(coveredMs(spans)).toBeGreaterThanOrEqual(Math.max(...lengths))
      expect(coveredMs(spans)).toBeLessThanOrEqual(lengths.reduce((a, b) => a + b))
    }),
  )
})
