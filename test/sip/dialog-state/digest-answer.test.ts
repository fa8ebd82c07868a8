import fc from 'fast-check'
import { expect, it } from 'vitest'
import { answerChallenge, isStale } from '../../../src/sip/dialog-state/digest-answer.ts'

const mufasa = { username: 'Mufasa', password: 'Circle of Life', method: 'GET', uri: '/dir/index.html' }
const challenge7616 = (algorithm: string) =>
  `Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm=${algorithm}, nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"`
const cnonce = 'f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ'

it.each([
  ['MD5', '8ca523f5e9506fed4657c9700eebdbec'],
  ['SHA-256', '753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1'],
])('answers the %s example of RFC 7616 section 3.9.1', (algorithm, response) => {
  const answer = answerChallenge(challenge7616(algorithm), { ...mufasa, cnonce })
  expect(answer).toMatchObject({ ok: true })
  if (answer.ok) {
    expect(answer.credentials).toContain(`response="${response}"`)
    expect(answer.credentials).toContain('nc=00000001')
  }
})

it('answers a challenge without qop as RFC 2069 did', () => {
  const answer = answerChallenge('Digest realm="pbx", nonce="1"', { ...mufasa, cnonce: 'x' })
  expect(answer).toMatchObject({ ok: true })
  // MD5(MD5("Mufasa:pbx:Circle of Life") ":1:" MD5("GET:/dir/index.html"))
  if (answer.ok)
    expect(answer.credentials).toMatch(
      /^Digest username="Mufasa", realm="pbx", nonce="1", uri="\/dir\/index.html", response="[0-9a-f]{32}", algorithm=MD5$/,
    )
})

it('takes the strongest of several challenges that it can answer', () => {
  const both = `Digest realm="a", nonce="1", algorithm=MD5, qop="auth", digest realm="b, Digest c=", nonce="2", algorithm=SHA-256, qop="auth",Digest realm="d", nonce="3", algorithm=SHA-512-256`
  const answer = answerChallenge(both, { ...mufasa, cnonce: 'x' })
  expect(answer).toMatchObject({ ok: true, credentials: expect.stringContaining('realm="b, Digest c=", nonce="2"') })
})

it.each(['', 'Basic realm="a"', 'Digest realm="a", nonce="1", algorithm=SHA-512', 'Digest realm="a", nonce="1", qop="auth-int"'])(
  'says why it has no answer: %s',
  header => {
    expect(answerChallenge(header, { ...mufasa, cnonce: 'x' })).toMatchObject({
      ok: false,
      reason: expect.stringMatching(/challenge/),
    })
  },
)

it('knows a nonce that was only too old', () => {
  expect(isStale('Digest realm="a", nonce="1", stale=TRUE')).toBe(true)
  expect(isStale('Digest realm="a", nonce="1", stale=false')).toBe(false)
})

it('quotes what would break out of the header', () => {
  const answer = answerChallenge('Digest realm="a\\"b", nonce="1"', { ...mufasa, username: 'x"y', cnonce: 'x' })
  expect(answer).toMatchObject({ ok: true, credentials: expect.stringContaining('username="x\\"y", realm="a\\"b"') })
})

it('any challenge gets an answer or a reason, in time linear in its length', () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 300 }), header => void answerChallenge(`Digest ${header}`, { ...mufasa, cnonce: 'x' })),
  )
  const startedAt = performance.now()
  for (const evil of ['a', 'a ', 'a=', '"', 'a="\\', ' '])
    answerChallenge(`Digest ${evil.repeat(4096 / evil.length - 10)}`, { ...mufasa, cnonce: 'x' })
  expect(performance.now() - startedAt).toBeLessThan(500)
})
