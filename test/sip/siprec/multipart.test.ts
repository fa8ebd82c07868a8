import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { readRecordingBody } from '../../../src/sip/siprec/body.ts'
import { mediaType, parseMultipart } from '../../../src/sip/siprec/multipart.ts'
import { cpuMs } from '../sdp/cpu-time.ts'
import { recordingMessage } from './messages.ts'

const TWO = [
  'This is the preamble.',
  '--b 1',
  'Content-Type: application/sdp',
  'Content-Disposition: Session;handling=required',
  '',
  'v=0',
  '',
  's=-',
  '--b 1  ',
  'Content-Type:application/rs-metadata+xml; charset=UTF-8',
  'Content-Disposition:recording-session',
  '',
  '<recording>--b 1</recording>',
  '--b 1--',
  'This is the epilogue.',
  '--b 1',
  '',
  'not a part',
]

const texts = (body: string, boundary = 'b 1') =>
  parseMultipart(Buffer.from(body), boundary).map(({ contentType, disposition, content }) => [
    contentType,
    disposition,
    content.toString(),
  ])

describe('a multipart body', () => {
  test.each(['\r\n', '\n'])('gives its parts with their types, between preamble and epilogue, with %j as line end', end => {
    expect(texts(TWO.join(end))).toEqual([
      ['application/sdp', 'session', ['v=0', '', 's=-'].join(end)],
      ['application/rs-metadata+xml', 'recording-session', '<recording>--b 1</recording>'],
    ])
  })

  test('without its last boundary gives the last part as far as it goes', () => {
    expect(texts('--b 1\r\n\r\nfirst\r\n--b 1\r\nContent-Type: a/b\r\n\r\nsecond').map(([, , content]) => content)).toEqual([
      'first',
      'second',
    ])
  })

  test('takes a part without headers as text, and one without an empty line as it is', () => {
    expect(texts('--b 1\r\n\r\nx\r\n--b 1\r\nv=0\r\n--b 1--')).toEqual([
      ['text/plain', null, 'x'],
      ['text/plain', null, 'v=0'],
    ])
  })

  test('does not take a longer boundary for its own', () => {
    expect(texts('--b 1\r\n\r\nx\r\n--b 12\r\ny\r\n--b 1--').map(([, , content]) => content)).toEqual(['x\r\n--b 12\r\ny'])
  })

  test('has at most 16 parts', () => {
    expect(parseMultipart(Buffer.from('--b\r\n\r\nx\r\n'.repeat(100)), 'b')).toHaveLength(16)
  })

  test.each([
    ['multipart/mixed;boundary=foobar', 'multipart/mixed', 'foobar'],
    ['Multipart/Mixed; charset=x ; boundary="a b:c"', 'multipart/mixed', 'a b:c'],
    ['multipart/mixed', 'multipart/mixed', null],
    ['multipart/mixed; boundary=""', 'multipart/mixed', null],
  ])('is known by %s', (header, type, boundary) => {
    expect(mediaType(header)).toEqual({ type, boundary })
  })

  test('gives back what was put in, whatever it is', () => {
    const part = fc.string().filter(text => !text.includes('--B'))
    fc.assert(
      fc.property(fc.array(part, { minLength: 1, maxLength: 8 }), fc.constantFrom('\r\n', '\n'), (parts, end) => {
        const body = `${parts.map(text => `--B${end}X: y${end}${end}${text}${end}`).join('')}--B--${end}`
        expect(parseMultipart(Buffer.from(body), 'B').map(({ content }) => content.toString())).toEqual(parts)
      }),
      { numRuns: 200 },
    )
  })

  test('of any bytes never throws', () => {
    const piece = fc.oneof(
      fc.constantFrom('--B', '--B--', '\r\n', '\n', '\r', ' ', ':', 'Content-Type:', ';'),
      fc.string({ unit: 'binary' }),
    )
    fc.assert(
      fc.property(fc.array(piece), pieces => void parseMultipart(Buffer.from(pieces.join('')), 'B')),
      { numRuns: 100 },
    )
  })

  test.each([
    ['boundaries alone', '--B\n'.repeat(16_000)],
    ['half boundaries', '-'.repeat(65_000)],
    ['no boundaries, but beginnings of them', ' --B'.repeat(16_000)],
    ['one part with many lines', `--B\n${'a:b\n'.repeat(16_000)}`],
  ])('takes no time: %s', (_, body) => {
    const bytes = Buffer.from(body)
    expect(cpuMs(() => parseMultipart(bytes, 'B'))).toBeLessThan(50)
  })
})

describe('the body of a recording session', () => {
  test('has a description and metadata in BroadWorks’ spelling, too', () => {
    const { body } = recordingMessage('broadworks')
    const read = readRecordingBody('multipart/mixed;boundary=UniqueBroadWorksBoundary', body)
    expect(read.sdp?.toString()).toMatch(/^v=0\r\n[\s\S]*a=label:1\r\n$/)
    expect(read.metadata?.toString()).toMatch(/^<\?xml[\s\S]*<\/recording_metadata>\r\n$/)
  })

  test('is a description, or metadata, or nothing of concern', () => {
    const body = Buffer.from('x')
    expect(readRecordingBody('application/sdp', body)).toEqual({ sdp: body, metadata: null })
    expect(readRecordingBody('application/rs-metadata', body)).toEqual({ sdp: null, metadata: body })
    expect(readRecordingBody('text/plain', body)).toEqual({ sdp: null, metadata: null })
    expect(readRecordingBody(null, body)).toEqual({ sdp: null, metadata: null })
  })
})
