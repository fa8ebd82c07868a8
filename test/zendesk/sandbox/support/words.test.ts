import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { pageFields, sliceAsked } from '../../../../src/zendesk/sandbox/support/documented-page.ts'
import { removedKeys } from '../../../../src/zendesk/sandbox/support/restricted-keys.ts'
import { parseSearch, searchedKinds } from '../../../../src/zendesk/sandbox/support/search-query.ts'
import { UpdateLimit } from '../../../../src/zendesk/sandbox/support/update-limit.ts'
import { documentedMoment, documentedTime } from '../../../../src/zendesk/wire/documented/words.ts'

describe('a documented moment', () => {
  it.each([
    ['2022-01-27T15:31:40+01', '2022-01-27T14:31:40Z'],
    ['2022-01-27T15:31:40+0130', '2022-01-27T14:01:40Z'],
    ['2022-01-27T15:31:40.999-01:00', '2022-01-27T16:31:40Z'],
    ['2022-01-27T15:31Z', '2022-01-27T15:31:00Z'],
  ])('%s is %s', (given, normal) => {
    expect(documentedMoment.parse(given)).toBe(normal)
  })

  it.each(['', 'now', '2022-01-27', '2022-01-27T15:31:40', '2022-13-27T15:31:40Z', '1643297500', '2022-01-27T15:31:40+1'])(
    'is not %j',
    given => {
      expect(documentedMoment.safeParse(given).success).toBe(false)
    },
  )

  it('comes back as itself, to the second', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 4_102_444_800 }), seconds => {
        const text = documentedTime(seconds * 1000)
        expect([documentedMoment.parse(text), Date.parse(text)]).toEqual([text, seconds * 1000])
      }),
    )
  })
})

describe('removed keys', () => {
  it.each([
    [{ a: 1, b: 2 }, { a: 1 }, ['b']],
    [{ call: { a: 1, x: 1 }, y: 1 }, { call: { a: 1 } }, ['x', 'y']],
    [{ list: [{ a: 1, x: 1 }] }, { list: [{ a: 1 }] }, ['x']],
    [undefined, {}, []],
    [{ a: { b: 1 } }, { a: 'text' }, []],
  ])('of %j, kept as %j, are %j', (given, kept, keys) => {
    expect(removedKeys(given, kept)).toEqual(keys)
  })

  it('are none when everything was kept', () => {
    fc.assert(
      fc.property(fc.jsonValue(), value => {
        expect(removedKeys(value, value)).toEqual([])
      }),
    )
  })
})

describe('the search language', () => {
  it('splits terms, with operators and quotes', () => {
    expect(parseSearch('role:end-user phone:*5135557611 name:"Carla C" status<solved "two words" word')).toEqual([
      { key: 'role', operator: ':', value: 'end-user' },
      { key: 'phone', operator: ':', value: '*5135557611' },
      { key: 'name', operator: ':', value: 'Carla C' },
      { key: 'status', operator: '<', value: 'solved' },
      { key: 'text', operator: ':', value: 'two words' },
      { key: 'text', operator: ':', value: 'word' },
    ])
  })

  it.each([
    ['phone:*1', { users: true, tickets: false }],
    ['status:open', { users: false, tickets: true }],
    ['type:ticket x', { users: false, tickets: true }],
    ['x', { users: true, tickets: true }],
  ])('%s is for %j', (query, kinds) => {
    expect(searchedKinds(parseSearch(query))).toEqual(kinds)
  })

  it('understands any text, or says which field it does not know', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 200 }), query => {
        try {
          expect(Array.isArray(parseSearch(query))).toBe(true)
        } catch (cause) {
          expect(cause).toMatchObject({ status: 422 })
        }
      }),
    )
  })
})

describe('pages', () => {
  it('cover every row once, whatever their size', () => {
    const sizes = fc.integer({ min: 1, max: 100 })
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 500 }), sizes, fc.boolean(), (count, size, byCursor) => {
        let url: URL | null = new URL(`http://x/list?${byCursor ? `page[size]=${size}` : `per_page=${size}`}`)
        let covered = 0
        while (url !== null) {
          const slice = sliceAsked(Object.fromEntries(url.searchParams))
          expect(slice.offset).toBe(covered)
          covered += Math.min(slice.limit, count - slice.offset)
          const fields: { next_page?: string | null; links?: { next: string | null } } = pageFields(slice, count, url)
          const next: string | null = fields.next_page ?? fields.links?.next ?? null
          url = next === null ? null : new URL(next)
        }
        expect(covered).toBe(count)
      }),
      { numRuns: 50 },
    )
  })
})

describe('the limit of updates', () => {
  it('never lets more through in any ten minutes', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 200_000 }), { maxLength: 100 }),
        fc.integer({ min: 1, max: 5 }),
        (waits, most) => {
          const limit = new UpdateLimit(() => most)
          const admitted: number[] = []
          let now = 0
          for (const wait of waits) {
            now += wait
            if (limit.admit(1, 1, now)) admitted.push(now)
          }
          for (const at of admitted) {
            expect(admitted.filter(other => other >= at && other < at + 600_000).length).toBeLessThanOrEqual(most)
          }
        },
      ),
    )
  })
})
