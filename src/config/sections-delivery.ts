// biome-ignore-all lint/suspicious/noTemplateCurlyInString: examples of the file speak of ${NAME} references
/** The sections about delivery and the bridge's own servers: uploads, admin, sandbox. */
import { z } from 'zod'
import { complain, duration, hostPort, integer, needsToken, secret } from './fields.ts'

const requestsPerMinute = () => integer(1, 100_000).prefault(600)

const retry = z
  .strictObject({
    base: duration('10ms', '1h')
      .prefault('1s')
      .describe('The first pause; each further one doubles, and a random part of it is taken (full jitter).'),
    cap: duration('10ms', '1d').prefault('5m').describe('The longest pause.'),
  })
  .superRefine(({ base, cap }, context) => {
    if (cap < base)
      context.addIssue({
        code: 'custom',
        path: ['cap'],
        message: complain('is shorter than uploads.retry.base', 'make it at least as long'),
      })
  })
  .transform(({ base, cap }) => ({ baseMs: base, capMs: cap }))

/** The most that `uploads.concurrency` may be. */
export const mostConcurrency = 64

/** What uses a limit up when an answer takes a second: with fewer under way, slow answers hold a backlog back, and not the limit. */
export const enoughFor = (requestsPerMinute: number): number =>
  Math.min(mostConcurrency, Math.max(8, Math.ceil(requestsPerMinute / 60)))

export const uploads = z
  .strictObject({
    concurrency: integer(1, mostConcurrency).optional().meta({
      description:
        'Events under way at a time, and as many uploads; those of one call follow each other. Absent: as many as use zendesk.requests_per_minute up when an answer takes a second, at least 8.',
      example: 8,
    }),
    give_up_after: duration('1m', '365d')
      .prefault('7d')
      .describe('A delivery that still fails after this long becomes a dead letter, kept for an operator.'),
    keep_delivered: duration('1m', '3650d').prefault('30d').describe('How long the bridge remembers what it delivered.'),
    retry: retry.prefault({}).describe('Pauses between attempts.'),
  })
  .transform(section => ({
    concurrency: section.concurrency ?? null,
    giveUpAfterMs: section.give_up_after,
    keepDeliveredMs: section.keep_delivered,
    retry: section.retry,
  }))

const openTo = (section: string) =>
  complain(`is open to other machines, and ${section}.token is not set`, `add ${section}.token, or listen on 127.0.0.1`)

export const admin = z
  .strictObject({
    listen: hostPort()
      .prefault('127.0.0.1:8080')
      .describe('Health, metrics, the HTTP API and the live feed. Port 0 takes a free port.'),
    token: secret().optional().meta({
      description: 'Bearer token of the HTTP API; needed wherever other machines can reach it.',
      example: '${ADMIN_TOKEN}',
    }),
  })
  .superRefine(({ listen, token }, context) => {
    if (needsToken(listen, token)) context.addIssue({ code: 'custom', path: ['listen'], message: openTo('admin') })
  })
  .transform(({ listen, token }) => ({ listen, token: token ?? null }))

export const sandbox = z
  .strictObject({
    listen: hostPort()
      .prefault('127.0.0.1:8090')
      .describe('The local Zendesk that is used when zendesk.base_url is absent, and by `tpe-bridge sandbox`.'),
    requests_per_minute: requestsPerMinute().describe('Its rate limit; beyond it, it answers 429 as Zendesk does.'),
    token: secret().optional().meta({
      description: 'The token it asks for. Absent: the word sandbox, which is enough on a machine of your own.',
      example: '${SANDBOX_TOKEN}',
    }),
  })
  .superRefine(({ listen, token }, context) => {
    if (needsToken(listen, token)) context.addIssue({ code: 'custom', path: ['listen'], message: openTo('sandbox') })
  })
  .transform(({ listen, requests_per_minute, token }) => ({
    listen,
    requestsPerMinute: requests_per_minute,
    token: token ?? 'sandbox',
  }))
