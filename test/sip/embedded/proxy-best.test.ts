import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { bestOutcome, type Outcome } from '../../../src/sip/embedded/proxy/best-response.ts'
import { headerValues } from '../../../src/sip/message/headers.ts'

const outcome = (status: number, local = false, headers: Outcome['response']['headers'] = []): Outcome => ({
  response: { kind: 'response', status, reason: '', headers, body: Buffer.alloc(0) },
  local,
})

const best = (...outcomes: Outcome[]): number | undefined => bestOutcome(outcomes)?.response.status

describe('the best response', () => {
  it.each([
    { said: [486, 404], best: 486 },
    { said: [503, 486], best: 486 },
    { said: [500, 404], best: 404 },
    { said: [302, 486], best: 302 },
    { said: [486, 603], best: 603 },
    { said: [503, 500], best: 500 },
    { said: [503, 503], best: 503 },
    { said: [404, 407], best: 407 },
    { said: [486, 484], best: 484 },
  ])('of $said is $best', ({ said, best: expected }) => {
    expect(best(...said.map(status => outcome(status)))).toBe(expected)
  })

  it('is what a target said rather than what we concluded from silence', () => {
    expect(best(outcome(408, true), outcome(503))).toBe(503)
    expect(best(outcome(408, true), outcome(408, true))).toBe(408)
    expect(best(outcome(503, true), outcome(503, true))).toBe(503)
    expect(best(outcome(503, true), outcome(408, true))).toBe(408)
  })

  it('carries the challenges of all targets', () => {
    const challenge = (realm: string): Outcome =>
      outcome(407, false, [{ name: 'Proxy-Authenticate', value: `Digest realm="${realm}"` }])
    const chosen = bestOutcome([challenge('a'), outcome(486), challenge('b')])
    expect(chosen === null ? [] : headerValues(chosen.response, 'Proxy-Authenticate')).toEqual([
      'Digest realm="a"',
      'Digest realm="b"',
    ])
  })

  it('is one of those given, and there is one whenever any was given', () => {
    fc.assert(
      fc.property(fc.array(fc.record({ status: fc.integer({ min: 300, max: 699 }), local: fc.boolean() })), given => {
        const chosen = bestOutcome(given.map(({ status, local }) => outcome(status, local)))
        if (given.length === 0) expect(chosen).toBeNull()
        else expect(given.map(({ status }) => status)).toContain(chosen?.response.status)
      }),
    )
  })
})
