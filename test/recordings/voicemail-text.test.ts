import { readFile } from 'node:fs/promises'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { readCallerId, readVoicemailText } from '../../src/recordings/folders/voicemail-text.ts'

const captured = await readFile(new URL('../fixtures/audio/voicemail/default/1002/INBOX/msg0000.txt', import.meta.url))

test('a captured text is read', () => {
  expect(readVoicemailText(captured)).toEqual({
    complete: true,
    from: { user: '1001', display: 'Alice', anonymous: false },
    mailbox: '1002',
    exten: '1002',
    receivedAt: 1_795_329_488_000,
    durationMs: 14_000,
    messageId: '1795329488-00000000',
    origtime: '1795329488',
    callerId: '"Alice" <1001>',
  })
})

test('a text is not complete before its last line is', () => {
  const text = captured.toString()
  expect(readVoicemailText(Buffer.from(text.slice(0, text.indexOf('duration')))).complete).toBe(false)
  expect(readVoicemailText(Buffer.from(text.trimEnd().slice(0, -1))).complete).toBe(false)
  expect(readVoicemailText(Buffer.from(text.replaceAll('\n', '\r\n'))).complete).toBe(true)
})

test('what a caller may choose does not overrule what Asterisk wrote above it', () => {
  const text = readVoicemailText(Buffer.from('origmailbox=1002\ncallerid="origmailbox=9" <1>\norigmailbox=1003\nduration=1\n'))
  expect(text.mailbox).toBe('1002')
})

test.each([
  ['"Alice" <1001>', { user: '1001', display: 'Alice', anonymous: false }],
  ['Alice Doe <+14155550100>', { user: '+14155550100', display: 'Alice Doe', anonymous: false }],
  ['<1001>', { user: '1001', display: null, anonymous: false }],
  ['1001', { user: '1001', display: null, anonymous: false }],
  ['+1 (415) 555-0100', { user: '+1 (415) 555-0100', display: null, anonymous: false }],
  ['"A \\"B\\" C" <1001>', { user: '1001', display: 'A "B" C', anonymous: false }],
  ['"Anonymous" <anonymous>', { user: '', display: 'Anonymous', anonymous: true }],
  ['Unknown', { user: '', display: null, anonymous: true }],
  ['', { user: '', display: null, anonymous: true }],
])('the caller id %s', (text, party) => {
  expect(readCallerId(text)).toEqual(party)
})

test('any bytes give a text', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), bytes => void readVoicemailText(bytes)))
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat({ max: captured.length - 1 }), fc.nat({ max: 255 })), { maxLength: 20 }), changes => {
      const bytes = Buffer.from(captured)
      for (const [at, value] of changes) bytes[at] = value
      const { durationMs } = readVoicemailText(bytes)
      if (durationMs !== null) expect(durationMs).toBeGreaterThanOrEqual(0)
    }),
  )
  fc.assert(fc.property(fc.string(), text => void readCallerId(text)))
})
