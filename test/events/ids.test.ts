import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { callIdOf, eventIdOf } from '../../src/events/ids.ts'

/** RFC 4648 base32 the slow way: the bits of the digest, five at a time. */
function slowly(text: string): string {
  const bits = [...createHash('sha256').update(text).digest()].map(byte => byte.toString(2).padStart(8, '0')).join('')
  return Array.from({ length: 26 }, (_, n) =>
    'abcdefghijklmnopqrstuvwxyz234567'.charAt(Number.parseInt(bits.slice(n * 5, n * 5 + 5), 2)),
  ).join('')
}

test('a call id is the first 130 bits of the Call-ID’s SHA-256 in base32', () => {
  fc.assert(fc.property(fc.string(), text => callIdOf(text) === `call_${slowly(text)}`))
})

test('ids never change: a stored call would be lost', () => {
  const id = callIdOf('a84b4c76e66710@pbx.example')
  expect(id).toBe('call_wxpcxwxjhpirdlutz3mqb5thlk')
  expect(eventIdOf(id, 'call.answered', 1)).toBe('call_wxpcxwxjhpirdlutz3mqb5thlk.answered.1')
})
