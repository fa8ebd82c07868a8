import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseMetadata } from '../../../src/sip/siprec/metadata-document.ts'
import { advanceRecording } from '../../../src/sip/siprec/recording-session.ts'
import { parseTimestamp } from '../../../src/sip/siprec/timestamp.ts'
import { cpuMs } from '../sdp/cpu-time.ts'
import { recordingMessage } from './messages.ts'

const document = (content: string) =>
  parseMetadata(Buffer.from(`<recording xmlns="urn:ietf:params:xml:ns:recording:1">${content}</recording>`))

describe('a metadata document', () => {
  test('may begin with a byte order mark and blank lines, and be Latin-1', () => {
    const text =
      '\r\n\r\n<?xml version="1.0"?><recording><participant participant_id="p"><nameID aor="sip:1"><name>Jürgen</name></nameID></participant></recording>'
    for (const bytes of [Buffer.from(`\uFEFF${text}`), Buffer.from(text, 'latin1')])
      expect(parseMetadata(bytes)).toMatchObject({
        problem: null,
        metadata: { participants: [{ id: 'p', names: [{ aor: 'sip:1', name: 'Jürgen' }] }] },
      })
  })

  test('keeps what no RFC defines, with what it is said of', () => {
    const { metadata } = document('<session session_id="s"><v:a v:b="1"><c label="L">x</c></v:a></session><other>y</other>')
    expect(metadata?.extensions).toEqual([
      { name: 'b', value: '1', path: ['session', 'a'], of: 's', label: null },
      { name: 'c', value: 'x', path: ['session', 'a'], of: 's', label: 'L' },
      { name: 'label', value: 'L', path: ['session', 'a', 'c'], of: 's', label: null },
      { name: 'other', value: 'y', path: [], of: null, label: null },
    ])
  })

  test.each([
    ['no XML', 'hello'],
    ['another document', '<dialog-info/>'],
    ['a document type', '<!DOCTYPE recording [<!ENTITY a "aaaa">]><recording><session session_id="&a;"/></recording>'],
    ['nothing', ''],
  ])('that is %s is none, and says so', (_, text) => {
    const { metadata, problem } = parseMetadata(Buffer.from(text))
    expect(metadata).toBeNull()
    expect(problem).not.toBeNull()
  })

  test('that breaks off is read as far as it goes', () => {
    const { metadata, problem } = parseMetadata(
      Buffer.from('<recording><session session_id="s"><sipSessionID>x</sipSessionID></session><partici'),
    )
    expect(metadata?.sessions).toMatchObject([{ id: 's', sipSessionIds: ['x'] }])
    expect(problem).not.toBeNull()
  })

  test('expands no entity beyond those of XML', () => {
    const { metadata } = document(
      '<participant participant_id="p"><nameID aor="a"><name>&amp;&lt;&#65;&x;</name></nameID></participant>',
    )
    expect(metadata?.participants[0]?.names[0]?.name).toBe('&<A&x;')
  })

  test('with names of JavaScript’s own does no harm', () => {
    const { metadata } = document('<session session_id="__proto__" __proto__="x" constructor="y"/><__proto__>z</__proto__>')
    expect(metadata?.sessions).toMatchObject([{ id: '__proto__' }])
    expect(Object.getPrototypeOf({})).toBe(Object.prototype)
  })
})

test.each([
  ['2026-11-22T08:48:00Z', '2026-11-22T08:48:00.000Z'],
  ['2026-11-22T08:48:00.5+02:00', '2026-11-22T06:48:00.500Z'],
  ['2026-11-22T08:48:00.123456789Z', '2026-11-22T08:48:00.123Z'],
  ['2026-11-22T08:48:00+0200', '2026-11-22T06:48:00.000Z'],
  ['2026-11-22T08:48:00', '2026-11-22T08:48:00.000Z'],
  ['2026-13-22T08:48:00Z', null],
  ['yesterday', null],
  [null, null],
])('the time %s is %s', (text, at) => {
  expect(parseTimestamp(text)).toBe(at === null ? null : Date.parse(at))
})

describe('hostile metadata', () => {
  const words = ['recording', 'session', 'participant', 'stream', 'nameID', 'send', 'participantstreamassoc', 'x:y']
  const piece = fc.oneof(
    fc.constantFrom(
      ...words.flatMap(word => [`<${word}>`, `</${word}>`, `<${word} id="1"/>`, `<${word} participant_id="2" session_id='1'>`]),
    ),
    fc.constantFrom(
      '<![CDATA[',
      ']]>',
      '<!--',
      '-->',
      '&',
      '&#x110000;',
      '&lt;',
      '<?xml',
      '?>',
      '<!DOCTYPE',
      '"',
      '>',
      '\0',
      '\uFFFF',
    ),
    fc.string({ unit: 'binary' }),
  )

  test('never throws, and whatever it says makes a session or a refusal', () => {
    const invite = recordingMessage('cube')
    const [before, after] = invite.body.toString().split(/<recording[\s\S]*<\/recording>/)
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 60 }), pieces => {
        const body = Buffer.from(`${before}<recording>${pieces.join('')}</recording>${after}`)
        const step = advanceRecording(null, { ...invite, body }, [])
        expect(step.ok).toBe(true)
      }),
      { numRuns: 200 },
    )
  })

  test('with any byte of a real message changed or cut never throws', () => {
    const invites = ['rfc7866', 'oracle', 'broadworks', 'netsapiens', 'bib-near'].map(recordingMessage)
    fc.assert(
      fc.property(
        fc.constantFrom(...invites),
        fc.array(fc.tuple(fc.nat(4_000), fc.nat(255)), { maxLength: 6 }),
        fc.option(fc.nat(4_000), { nil: undefined }),
        (invite, changes, length) => {
          const body = Buffer.from(invite.body.subarray(0, length))
          for (const [at, value] of changes) if (at < body.length) body[at] = value
          advanceRecording(null, { ...invite, body }, [])
        },
      ),
      { numRuns: 200 },
    )
  })

  test.each([
    ['nested deeply', '<a>'.repeat(20_000)],
    ['of many elements', '<a/>'.repeat(16_000)],
    ['of many participants', '<participant id="1"/>'.repeat(3_000)],
    ['of many attributes', `<session ${Array.from({ length: 8_000 }, (_, i) => `a${i}="1"`).join(' ')}/>`],
    ['of entities', '&amp;'.repeat(13_000)],
    ['of faults', '&x;'.repeat(20_000)],
    ['of a long comment', `<!--${'- '.repeat(32_000)}`],
    ['of a long name', `<${'a'.repeat(65_000)}`],
    ['of end tags', '</a>'.repeat(16_000)],
    ['of extensions', '<x a="1" b="2">y</x>'.repeat(3_000)],
  ])('takes no time: %s', (_, content) => {
    expect(cpuMs(() => document(content))).toBeLessThan(50)
  })

  test.each([
    [
      '256 participants in 256 sessions',
      Array.from(
        { length: 256 },
        (_, i) =>
          `<session id="s${i}"/><participant id="p${i}" session="s${i}"><send>t${i}</send></participant><stream id="t${i}"><label>1</label></stream>`,
      ).join(''),
    ],
    [
      'participants without sessions',
      `${Array.from({ length: 256 }, (_, i) => `<session id="s${i}"/><participant id="p${i}"><send>t</send></participant>`).join('')}<stream id="t"><label>1</label></stream>`,
    ],
  ])('makes a session in no time: %s', (_, content) => {
    const invite = recordingMessage('cube')
    const [before, after] = invite.body.toString().split(/<recording[\s\S]*<\/recording>/)
    const body = Buffer.from(`${before}<recording>${content}</recording>${after}`)
    expect(cpuMs(() => advanceRecording(null, { ...invite, body }, []))).toBeLessThan(50)
  })
})
