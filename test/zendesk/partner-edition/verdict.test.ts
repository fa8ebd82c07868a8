import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Delivery, DeliveryResult } from '../../../src/zendesk/delivery.ts'
import { judge } from '../../../src/zendesk/partner-edition/verdict.ts'

const now = Date.UTC(2026, 10, 22, 9, 30, 0)
const url = 'https://example.zendesk.com/api/v2/channels/voice/phone_call_events'

interface Row {
  readonly promise: string
  readonly kind?: Delivery['kind']
  readonly answer: {
    readonly status: number
    readonly contentType?: string
    readonly retryAfter?: string | undefined
    readonly location?: string
    readonly text?: string
    readonly broken?: string
  }
  readonly result: DeliveryResult
}

const judged = ({
  kind = 'event',
  answer: { status, contentType = 'application/json', retryAfter, location, text = '', broken },
}: Pick<Row, 'kind' | 'answer'>) =>
  judge(
    {
      status,
      headers: {
        'content-type': contentType,
        ...(retryAfter === undefined ? {} : { 'retry-after': retryAfter }),
        ...(location === undefined ? {} : { location }),
      },
      body: broken === undefined ? { kind: 'whole', text } : { kind: 'broken', why: broken },
    },
    { kind, url, now },
  )

const error = (name: string, description?: string, details?: unknown) => JSON.stringify({ error: name, description, details })
const doubtful = (what: string): DeliveryResult => ({
  kind: 'retry',
  afterMs: null,
  reason: `Zendesk answered ${what}; asking again with the same key is safe`,
})

const table: readonly Row[] = [
  {
    promise: '201 with our body is delivered, under the phone call of the answer',
    answer: { status: 201, text: '{"phone_call_event":{"id":"a.started.1","phone_call_id":7}}' },
    result: { kind: 'delivered', remoteId: '7' },
  },
  {
    promise: '200 for a repeated key is delivered',
    answer: { status: 200, text: '{"phone_call_event":{"id":"a.started.1","phone_call_id":"7a"}}' },
    result: { kind: 'delivered', remoteId: '7a' },
  },
  {
    promise: 'a recording is delivered under its own id',
    kind: 'recording',
    answer: { status: 201, text: '{"phone_recording":{"id":12,"call_id":7,"anything":"else"}}' },
    result: { kind: 'delivered', remoteId: '12' },
  },
  {
    promise: 'a voicemail is delivered under its own id',
    kind: 'voicemail',
    answer: { status: 201, text: '{"phone_voicemail":{"id":13}}' },
    result: { kind: 'delivered', remoteId: '13' },
  },
  {
    promise: 'a web page with 200 is no acknowledgement',
    answer: { status: 200, contentType: 'text/html', text: '<!doctype html><title>Sign in</title><p>to  the network' },
    result: doubtful('200 but with a web page "Sign in to the network"'),
  },
  {
    promise: 'an empty 204 is no acknowledgement',
    answer: { status: 204 },
    result: doubtful('204 but with an empty body'),
  },
  {
    promise: 'a body that broke off is no acknowledgement',
    answer: { status: 201, broken: 'the connection was lost (UND_ERR_SOCKET)' },
    result: doubtful('201 but its body broke off: the connection was lost (UND_ERR_SOCKET)'),
  },
  {
    promise: 'JSON of another shape is no acknowledgement',
    kind: 'recording',
    answer: { status: 201, text: '{"phone_recording":{}}' },
    result: doubtful('201 but its JSON lacks phone_recording.id'),
  },
  {
    promise: 'JSON that is no object is no acknowledgement',
    answer: { status: 200, text: 'null' },
    result: doubtful('200 but its JSON lacks an object'),
  },
  ...[301, 302, 307, 308].map(status => ({
    promise: `a ${status} is not followed`,
    answer: { status, location: 'https://elsewhere.example/' },
    result: {
      kind: 'wait',
      scope: 'sink',
      afterMs: 60_000,
      reason: `${url} redirects to https://elsewhere.example/ (${status}) and the token is not sent there: correct zendesk.base_url`,
    } as const,
  })),
  ...[400, 413, 415, 422].map(status => ({
    promise: `a ${status} is never retried, and its complaints are the reason`,
    answer: {
      status,
      text: error('Invalid phone number', 'Phone number must be valid E.164 format', {
        'call.from': ['is wrong', 'is odd'],
        'call.to': 1,
      }),
    },
    result: {
      kind: 'reject',
      reason: `Zendesk refused it (${status}): Invalid phone number; Phone number must be valid E.164 format; call.from: is wrong, is odd; call.to: 1`,
    } as const,
  })),
  {
    promise: "a proxy's 413 page is never retried",
    kind: 'recording',
    answer: { status: 413, contentType: 'text/html', text: '<html><h1>413 Request Entity Too Large</h1><hr>nginx</html>' },
    result: { kind: 'reject', reason: 'Zendesk refused it (413): a web page "413 Request Entity Too Large nginx"' },
  },
  ...[401, 403].map(status => ({
    promise: `a ${status} holds the sink back until the token is right`,
    answer: { status, text: error('Unauthorized') },
    result: {
      kind: 'wait',
      scope: 'sink',
      afterMs: 60_000,
      reason: `Zendesk refused the token (${status}): set zendesk.token to a valid one; it said: Unauthorized`,
    } as const,
  })),
  {
    promise: 'a 404 page means a wrong address',
    answer: { status: 404, contentType: 'text/html', text: '<html>Not here</html>' },
    result: {
      kind: 'wait',
      scope: 'sink',
      afterMs: 60_000,
      reason: `no Partner Edition endpoint at ${url} (404): check zendesk.base_url; it said: a web page "Not here"`,
    },
  },
  {
    promise: 'a 404 that names something else than the call means a wrong address',
    kind: 'recording',
    answer: { status: 404, text: error('InvalidEndpoint', 'Not found') },
    result: {
      kind: 'wait',
      scope: 'sink',
      afterMs: 60_000,
      reason: `no Partner Edition endpoint at ${url} (404): check zendesk.base_url; it said: InvalidEndpoint; Not found`,
    },
  },
  {
    promise: 'a recording whose call is not known yet waits alone',
    kind: 'recording',
    answer: { status: 404, text: error('Call not found', 'No phone call with this external_call_id') },
    result: { kind: 'wait', scope: 'job', afterMs: 5_000, reason: 'Zendesk does not know the call yet (404)' },
  },
  {
    promise: 'a 409 waits alone for its earlier attempt',
    answer: { status: 409, text: error('Request in progress') },
    result: {
      kind: 'wait',
      scope: 'job',
      afterMs: 1_000,
      reason: 'Zendesk is still working on an earlier attempt of this delivery (409)',
    },
  },
  {
    promise: 'a 429 holds the sink back for as long as it says',
    answer: { status: 429, retryAfter: '17' },
    result: { kind: 'wait', scope: 'sink', afterMs: 17_000, reason: 'Zendesk asks us to slow down (429)' },
  },
  {
    promise: 'a 429 may say until when',
    answer: { status: 429, retryAfter: 'Sun, 22 Nov 2026 09:31:30 GMT' },
    result: { kind: 'wait', scope: 'sink', afterMs: 90_000, reason: 'Zendesk asks us to slow down (429)' },
  },
  {
    promise: 'a 429 that says nothing holds the sink back for 10 s',
    answer: { status: 429 },
    result: { kind: 'wait', scope: 'sink', afterMs: 10_000, reason: 'Zendesk asks us to slow down (429)' },
  },
  {
    promise: 'a 429 that asks for a day gets an hour',
    answer: { status: 429, retryAfter: '86400' },
    result: { kind: 'wait', scope: 'sink', afterMs: 3_600_000, reason: 'Zendesk asks us to slow down (429)' },
  },
  {
    promise: 'a 503 with Retry-After holds the sink back',
    answer: { status: 503, retryAfter: '30', text: error('Maintenance') },
    result: { kind: 'wait', scope: 'sink', afterMs: 30_000, reason: 'Zendesk is unavailable (503): Maintenance' },
  },
  {
    promise: 'a 500 with Retry-After is retried no sooner than that',
    answer: { status: 500, retryAfter: '30', text: error('Oops') },
    result: { kind: 'retry', afterMs: 30_000, reason: 'Zendesk answered 500: Oops' },
  },
  ...[408, 410, 418, 425, 500, 502, 503, 504, 520].map(status => ({
    promise: `a bare ${status} is retried`,
    answer: { status, contentType: 'text/plain', text: 'no\u0000 \u001b[31mluck' },
    result: { kind: 'retry', afterMs: null, reason: `Zendesk answered ${status}: text "no [31mluck"` } as const,
  })),
]

describe('what an answer means', () => {
  it.each(table.map(row => [row.promise, row] as const))('%s', (_promise, row) => {
    expect(judged(row)).toEqual(row.result)
  })

  it('keeps every reason short, whatever came', () => {
    const body = fc.oneof(fc.string({ maxLength: 300, unit: 'binary' }), fc.json())
    fc.assert(
      fc.property(
        fc.integer({ min: 200, max: 599 }),
        body,
        fc.option(fc.string(), { nil: undefined }),
        (status, text, retryAfter) => {
          for (const kind of ['event', 'recording', 'voicemail'] as const) {
            const result = judged({ kind, answer: { status, text, retryAfter, location: text } })
            if (result.kind === 'delivered') continue
            expect(result.reason.length).toBeLessThan(600)
            expect(result.reason).not.toMatch(/\p{Cc}/u)
          }
        },
      ),
      { numRuns: 50 },
    )
  })
})
