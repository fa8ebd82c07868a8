/**
 * `POST /v1/cdrs`: FreeSWITCH's mod_json_cdr posts a record for each leg of a call here, in any of its encodings. It takes every 2xx for
 * done; anything else it tries again, and then leaves a file in its err-log-dir.
 */
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { errorView, RequestRefused } from './errors.ts'

export type CdrAnswer =
  /** Stored: a crash forgets nothing of it. */
  | { readonly kind: 'stored'; readonly cdrs: number }
  /** There is no record in it that makes a call. */
  | { readonly kind: 'refused'; readonly reason: string; readonly fix: string }

/** Where records go. The text is as it was sent. */
export interface CdrDoor {
  accept(text: string): Promise<CdrAnswer>
}

/** As mod_json_cdr names them. */
export const cdrTypes = ['application/json', 'application/x-www-form-urlencoded', 'application/x-www-form-base64-encoded']
/** A record with every variable has some 30 kB, and three times as much in percent escapes. */
const maxRecordBytes = 1024 * 1024

export function cdrRoutes(door: CdrDoor): FastifyPluginAsyncZod {
  return async app => {
    // Only here, and as text: a record may be escaped twice, and is read by whoever knows its format.
    app.removeContentTypeParser('application/json')
    app.addContentTypeParser(cdrTypes, { parseAs: 'string', bodyLimit: maxRecordBytes }, (_request, body, done) =>
      done(null, body),
    )

    app.post(
      '/v1/cdrs',
      {
        bodyLimit: maxRecordBytes,
        schema: {
          summary: 'Take a call detail record of FreeSWITCH’s mod_json_cdr',
          description:
            'As mod_json_cdr posts it: JSON, or its form encodings. Safe to repeat. Beside the bearer token, HTTP Basic is accepted here with the token as its password (`cred`).',
          tags: ['reconciliation'],
          consumes: cdrTypes,
          querystring: z.object({ uuid: z.string().max(200).optional().describe('mod_json_cdr adds it; it is not used.') }),
          response: { 200: z.object({ cdrs: z.number() }), 400: errorView, 413: errorView, 415: errorView },
        },
      },
      async ({ body }) => {
        const answer = await door.accept(typeof body === 'string' ? body : '')
        if (answer.kind === 'refused') throw new RequestRefused(400, 'No record', `${answer.reason}: ${answer.fix}`)
        return { cdrs: answer.cdrs }
      },
    )
  }
}
