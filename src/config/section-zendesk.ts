// biome-ignore-all lint/suspicious/noTemplateCurlyInString: examples of the file speak of ${NAME} references
/** The section zendesk: the account, its dialect, and what the documented dialect makes of callers, screens and loose audio. */
import { z } from 'zod'
import { complain, flag, integer, line, origin, secret, word } from './fields.ts'

const oauth = z
  .strictObject({
    client_id: line().meta({
      description: 'The identifier of the OAuth client (Admin Center, Apps and integrations, OAuth clients).',
      example: 'tpe_bridge',
    }),
    client_secret: secret().optional().meta({
      description: 'The secret of a confidential client.',
      example: '${ZENDESK_CLIENT_SECRET}',
    }),
    refresh_token: secret().meta({
      description: 'The first refresh token. Each use brings a new one, which the bridge keeps in its database.',
      example: '${ZENDESK_REFRESH_TOKEN}',
    }),
  })
  .transform(({ client_id, client_secret, refresh_token }) => ({
    clientId: client_id,
    clientSecret: client_secret ?? null,
    refreshToken: refresh_token,
  }))

const callers = z.strictObject({
  create: flag().prefault(true).describe('Whether a number that no user has becomes a user of its own.'),
  anonymous: z
    .enum(['no-ticket', 'ticket'])
    .prefault('no-ticket')
    .describe(
      'Calls of people who hide their number: no ticket (but for a rule with `anonymous: true`), or tickets by the same rules. In either dialect.',
    ),
  ambiguous: z
    .enum(['most-recent', 'none'])
    .prefault('most-recent')
    .describe('Several users have the number: take the one that was changed last, or nobody.'),
  name: z
    .enum(['display', 'number'])
    .prefault('display')
    .describe('The name of a user that is made: what the network said the caller is called, or Caller: and the number.'),
})

/** An id that Zendesk gave. */
const remoteId = () => integer(1, Number.MAX_SAFE_INTEGER)

const defaultCallers = { create: true, anonymous: 'no-ticket', ambiguous: 'most-recent', name: 'display' } as const

export const zendesk = z
  .strictObject({
    api: z
      .enum(['partner-edition', 'calls'])
      .prefault('partner-edition')
      .describe('The dialect of the account: the Partner Edition endpoints, or the publicly documented API (/api/v2/calls).'),
    base_url: origin().optional().meta({
      description: 'Address of the account. Absent: the bridge delivers to its own sandbox.',
      example: 'https://example.zendesk.com',
    }),
    token: secret().optional().meta({
      description: 'API token: sent as Authorization: Bearer, or with api: calls as the password of email/token.',
      example: '${ZENDESK_TOKEN}',
    }),
    email: word(/^[^\s@:]+@[^\s@:]+$/, 'is no e-mail address', 'write the address of the agent that the token acts as')
      .optional()
      .meta({ description: 'With api: calls, the agent that the token acts as.', example: 'bridge@example.com' }),
    oauth: oauth.optional().describe('Instead of a token: an OAuth client, whose access token the bridge renews by itself.'),
    app_id: remoteId()
      .optional()
      .meta({ description: 'With api: calls, the id of your (private) app; each call record names it.', example: 123456 }),
    licence: z
      .enum(['partner-edition', 'none'])
      .prefault('partner-edition')
      .describe('With api: calls, whether the account may keep call records. With none, only tickets are made.'),
    brand_id: remoteId().optional().meta({ description: 'With api: calls, the brand of calls and tickets.', example: 360001 }),
    callers: callers.prefault(defaultCallers).describe('With api: calls, how a telephone number becomes a user.'),
    display: z
      .enum(['off', 'ringing', 'answered'])
      .prefault('ringing')
      .describe('With api: calls, when the caller’s profile opens on the screen of the one agent whose phone it is.'),
    recordings_without_ticket: z
      .enum(['ticket', 'skip'])
      .prefault('ticket')
      .describe('With api: calls, audio of a call that no rule made a ticket for: make one, or do not send it.'),
    requests_per_minute: integer(1, 100_000)
      .prefault(600)
      .describe('The bridge sends no more than this; it slows down further when Zendesk asks.'),
  })
  .superRefine((section, context) => {
    const missing = (key: string, why: string, fix: string) =>
      context.addIssue({ code: 'custom', path: [key], message: complain(why, fix) })
    const { api, base_url, token, email, oauth: client } = section
    if (client !== undefined && token !== undefined)
      missing('oauth', 'is set, and so is zendesk.token', 'keep the one that Zendesk shall know the bridge by')
    if (base_url === undefined) return
    if (token === undefined && client === undefined)
      missing('token', 'is missing: zendesk.base_url is set', 'add the API token of the account: token: "${ZENDESK_TOKEN}"')
    if (api !== 'calls') return
    if (token !== undefined && email === undefined)
      missing(
        'email',
        'is missing: with zendesk.api calls a token belongs to an agent',
        'add the agent’s address: email: bridge@example.com',
      )
    if (section.licence === 'partner-edition' && section.app_id === undefined)
      missing(
        'app_id',
        'is missing: every call record names the app that made it',
        'upload a private app and add its id, or write licence: none to make tickets only',
      )
  })
  .transform(section => ({
    api: section.api,
    baseUrl: section.base_url ?? null,
    token: section.token ?? null,
    email: section.email ?? null,
    oauth: section.oauth ?? null,
    appId: section.app_id ?? null,
    licence: section.licence,
    brandId: section.brand_id ?? null,
    callers: section.callers,
    display: section.display,
    recordingsWithoutTicket: section.recordings_without_ticket,
    requestsPerMinute: section.requests_per_minute,
  }))
