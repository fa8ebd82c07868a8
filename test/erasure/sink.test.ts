import { describe, expect, test } from 'vitest'
import type { Begun, Erased, ErasureBook, Outcome, Place } from '../../src/erasure/place.ts'
import { ErasureSink } from '../../src/erasure/sink.ts'
import { aRecording } from '../uploads/fixtures.ts'

const item = aRecording('r1', null)
const signal = new AbortController().signal

/** A book in memory, and places whose next answers a test writes down; `steps` is what happened, in order. */
const office = (answers: Readonly<Record<string, readonly Outcome[]>>) => {
  const steps: string[] = []
  const places = new Map<string, Erased>()
  let done = false
  let crashAt: number | null = null
  let isAway = false
  const step = (name: string): void => {
    if (crashAt !== null && steps.length >= crashAt) throw new Error('crash')
    steps.push(name)
  }
  const book: ErasureBook = {
    begin: async (): Promise<Begun> => {
      if (isAway) throw new Error('connect ECONNREFUSED')
      if (done) return { kind: 'done', byHand: [] }
      const noted = Object.fromEntries(places)
      const known = { remoteId: null, wasSent: true, archiveKey: null, files: [], elsewhere: [] }
      return { kind: 'ready', errand: { keepSources: false, places: noted, ...known } }
    },
    note: async (_id, place, erased) => {
      step(`note ${place}`)
      places.set(place, erased)
    },
    finish: async () => {
      step('finish')
      done = true
    },
  }
  const script = Object.entries(answers).map(([name, outcomes]): Place => {
    const left = [...outcomes]
    return {
      name,
      erase: async () => {
        step(name)
        return left.length > 1 ? (left.shift() ?? gone) : (left[0] ?? gone)
      },
    }
  })
  const crashAfter = (count: number | null): void => {
    crashAt = count
  }
  const away = (is: boolean): void => {
    isAway = is
  }
  return { steps, crashAfter, away, sink: new ErasureSink({ book, places: script }) }
}

const gone: Outcome = { kind: 'erased', told: 'deleted', byHand: null }
const retry: Outcome = { kind: 'retry', reason: '503', afterMs: null }
const wait: Outcome = { kind: 'wait', reason: '401', afterMs: 60_000 }
const reject: Outcome = { kind: 'reject', reason: 'held' }

test('every place is emptied and noted, in order, and then the item is forgotten', async () => {
  const { sink, steps } = office({ spool: [gone], archive: [gone] })
  expect(await sink.deliver({ item }, signal)).toEqual({ kind: 'delivered', remoteId: null })
  expect(steps).toEqual(['spool', 'note spool', 'archive', 'note archive', 'finish'])
})

test('trouble with one place keeps no other waiting, and only that one is asked again', async () => {
  const { sink, steps } = office({ spool: [gone], archive: [retry, gone], zendesk: [gone] })
  expect(await sink.deliver({ item }, signal)).toEqual({ kind: 'retry', reason: 'archive: 503', afterMs: null })
  expect(steps).not.toContain('finish')
  steps.length = 0
  expect(await sink.deliver({ item }, signal)).toMatchObject({ kind: 'delivered' })
  expect(steps).toEqual(['archive', 'note archive', 'finish'])
})

test.each([
  ['what may pass is retried, whatever else was refused', [reject, retry], { kind: 'retry', reason: 'a: held; b: 503' }],
  ['what waits for an operator spends no attempt', [wait, reject], { kind: 'wait', scope: 'job', afterMs: 60_000 }],
  ['what nothing will change is a dead letter', [gone, reject], { kind: 'reject', reason: 'b: held' }],
] as const)('%s', async (_name, [a, b], result) => {
  expect(await office({ a: [a], b: [b] }).sink.deliver({ item }, signal)).toMatchObject(result)
})

test('what only a person can do is a dead letter that says so, when all else is erased; a redrive says that it is done', async () => {
  const { sink, steps } = office({
    zendesk: [{ kind: 'erased', told: 'closed ticket', byHand: 'ticket 17 is closed' }],
    spool: [gone],
  })
  const answer = await sink.deliver({ item }, signal)
  expect(answer).toMatchObject({
    kind: 'reject',
    reason: expect.stringMatching(/^ticket 17 is closed\. All else is erased: redrive/),
  })
  expect(steps).toContain('finish')
  expect(await sink.deliver({ item }, signal)).toMatchObject({ kind: 'delivered' })
})

describe('whatever step a crash comes before', () => {
  test.each([0, 1, 2, 3, 4, 5, 6])('(%i), the next tries end the same', async count => {
    const { sink, steps, crashAfter } = office({ spool: [gone], archive: [retry, gone], zendesk: [gone] })
    crashAfter(count)
    await sink.deliver({ item }, signal).catch(() => {})
    crashAfter(null)
    for (let tries = 0; tries < 3; tries++) await sink.deliver({ item }, signal)
    expect(steps.filter(step => step.startsWith('note') || step === 'finish').sort()).toEqual([
      'finish',
      'note archive',
      'note spool',
      'note zendesk',
    ])
    expect(await sink.deliver({ item }, signal)).toMatchObject({ kind: 'delivered' })
  })
})

test('a store that cannot be read costs no attempt, and nothing is touched meanwhile', async () => {
  const { sink, steps, away } = office({ spool: [gone] })
  away(true)
  expect(await sink.deliver({ item }, signal)).toMatchObject({
    kind: 'wait',
    scope: 'job',
    reason: expect.stringContaining('ECONNREFUSED'),
  })
  expect(steps).toEqual([])
  away(false)
  expect(await sink.deliver({ item }, signal)).toMatchObject({ kind: 'delivered' })
})
