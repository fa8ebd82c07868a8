import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { saidInJson, saidInOutput } from '../../../src/recordings/transcription/said.ts'

const plain = { kind: 'text', language: null, sentiment: null, keywords: [] }

describe('an answer in JSON', () => {
  test.each<[string, unknown, object]>([
    ['the least there is', { text: ' Hello there. ' }, { ...plain, text: 'Hello there.' }],
    ['silence', { text: '' }, { ...plain, text: '' }],
    [
      'a language',
      { text: 'Grüezi', language: 'de-CH', duration: 3.2, segments: [] },
      { ...plain, text: 'Grüezi', language: 'de-CH' },
    ],
    [
      'insights',
      { text: 'x', sentiment: 'negative', keywords: ['refund', ' refund ', '', 7, 'urgent'] },
      { ...plain, text: 'x', sentiment: 'negative', keywords: ['refund', 'urgent'] },
    ],
    ['odd insights are left out', { text: 'x', sentiment: 'angry', keywords: 'refund', language: 5 }, { ...plain, text: 'x' }],
    ['a text beyond all measure is cut', { text: 'a'.repeat(1_100_000) }, { ...plain, text: 'a'.repeat(1_000_000) }],
  ])('%s is understood', (_name, answer, transcript) => {
    expect(saidInJson(JSON.stringify(answer))).toEqual({ ok: true, transcript })
  })

  test.each([
    ['a page', '<html>Bad gateway</html>', 'it is not JSON: "<html>Bad gateway</html>"'],
    ['an error', '{"error":{"message":"no such model"}}', 'its JSON has no "text": "{"error":{"message":"no such model"}}"'],
    ['nothing', '', 'it is not JSON: ""'],
    ['a bare text', '"hello"', 'its JSON has no "text": ""hello""'],
  ])('%s is no transcript', (_name, body, reason) => {
    expect(saidInJson(body)).toEqual({ ok: false, reason })
  })
})

test('a command may print the text itself, or such JSON', () => {
  expect(saidInOutput('\n Hello, this is Bob. \n')).toEqual({ ...plain, text: 'Hello, this is Bob.' })
  expect(saidInOutput('{"text": "Hi", "language": "en"}\n')).toEqual({ ...plain, text: 'Hi', language: 'en' })
  expect(saidInOutput('{"said": "Hi"}')).toEqual({ ...plain, text: '{"said": "Hi"}' })
})

test('whatever comes, what is made of it keeps the limits of the wire', () => {
  const answers = fc.oneof(
    fc.string(),
    fc.json(),
    fc.record({ text: fc.string(), keywords: fc.array(fc.string()) }).map(v => JSON.stringify(v)),
  )
  fc.assert(
    fc.property(answers, answer => {
      const said = saidInJson(answer)
      const { text, keywords } = said.ok ? said.transcript : saidInOutput(answer)
      expect(text.length).toBeLessThanOrEqual(1_000_000)
      expect(text).not.toContain('\0')
      expect(keywords.every(word => word !== '' && word.length <= 100)).toBe(true)
    }),
  )
})
