/**
 * Builds the way to the account, for the bridge and for imports alike: the connection with its credentials and its share of the rate
 * limit, and the sink that speaks the account's dialect.
 */
import type { Config } from '../config/schema.ts'
import { mostConcurrency } from '../config/sections-delivery.ts'
import { type DeliveryTimeouts, defaultTimeouts } from '../uploads/delivery.ts'
import type { Allowance } from '../uploads/flow/allowance.ts'
import { Permits } from '../uploads/flow/permits.ts'
import type { Sink } from '../uploads/sink.ts'
import { Callers } from '../zendesk/callers/callers.ts'
import type { LinkTo } from '../zendesk/calls/audio-steps.ts'
import { CallsSink } from '../zendesk/calls/sink.ts'
import { type Authorization, bearer } from '../zendesk/http/authorization.ts'
import { apiToken } from '../zendesk/http/basic.ts'
import { Connection, type ObservedRateLimit } from '../zendesk/http/connection.ts'
import { OAuthTokens } from '../zendesk/http/oauth.ts'
import type { SinkMemory } from '../zendesk/memory.ts'
import { PartnerEditionSink } from '../zendesk/partner-edition/sink.ts'
import { noTickets, type TicketRules, ticketRules } from '../zendesk/tickets/ticket-rules.ts'

export interface ZendeskOptions {
  readonly config: Pick<Config, 'site' | 'zendesk' | 'tickets' | 'uploads'>
  /** Where to deliver when no account is configured. */
  readonly sandbox: { readonly url: string; readonly token: string } | null
  readonly memory: SinkMemory
  readonly limit: Allowance & { observe?(said: ObservedRateLimit): void }
  /** Where agents can listen to audio that Zendesk does not take (documented dialect). Absent: nowhere. */
  readonly link?: LinkTo
  /** `none`: whatever the rules say, no tickets (imports). */
  readonly tickets: 'by-rules' | 'none'
  readonly version: string
  /** How long a request whose answer was lost may still be at work (documented dialect), ms; the sink's own default unless said. */
  readonly settleMs?: number
  readonly log: { info(fields: object, msg: string): void; warn(fields: object, msg: string): void }
}

export interface Zendesk {
  readonly connection: Connection
  readonly sink: Sink
}

const nowhere: LinkTo = async () => null

/** No app is asked for where none can be registered. */
const sandboxAppId = 1

export function zendeskAccount(options: ZendeskOptions): Zendesk {
  const { config, sandbox, memory, limit, link = nowhere, version, log } = options
  const { zendesk } = config
  const baseUrl = zendesk.baseUrl ?? sandbox?.url
  if (baseUrl === undefined) throw new Error('there is neither zendesk.base_url nor a sandbox to deliver to')
  const connection = new Connection({
    baseUrl,
    authorization: zendesk.baseUrl === null ? bearer(sandbox?.token ?? '') : credentials(zendesk, baseUrl, memory),
    userAgent: `tpe-bridge/${version}`,
    clock: Date.now,
    permits: new Permits({ limit, now: Date.now }),
    // Events and uploads have their slots, however many those become while it runs, agents' status has four: none shall wait for a connection.
    connections: 2 * mostConcurrency + 4,
    onRateLimit: said => limit.observe?.(said),
  })
  const rules = options.tickets === 'none' ? noTickets : rulesOf(config)
  if (zendesk.api === 'partner-edition') {
    return { connection, sink: new PartnerEditionSink({ connection, clock: Date.now, tickets: { rules, memory } }) }
  }
  const callers = new Callers({ ...zendesk.callers, memory, clock: Date.now, log })
  const settings = {
    appId: zendesk.appId ?? sandboxAppId,
    brandId: zendesk.brandId,
    licence: zendesk.licence,
    display: zendesk.display,
    recordingsWithoutTicket: options.tickets === 'none' ? ('skip' as const) : zendesk.recordingsWithoutTicket,
  }
  const patience = options.settleMs === undefined ? {} : { settleMs: options.settleMs }
  return {
    connection,
    sink: new CallsSink({
      connection,
      memory,
      callers,
      tickets: rules,
      link,
      settings,
      clock: Date.now,
      ...patience,
    }),
  }
}

/** The rules that the configuration asks for. The documented dialect shows nothing without a ticket, so it has some by default. */
export function rulesOf({ zendesk, tickets }: Pick<Config, 'zendesk' | 'tickets'>): TicketRules {
  return ticketRules({ ...tickets, anonymous: zendesk.callers.anonymous }, zendesk.api === 'calls' ? 'standard' : 'none')
}

/**
 * How long a delivery may take. One that is several requests waits for its turn in the rate limit before each, so a low limit needs
 * more patience; uploads share one line out, so each may take as long as all of them need at 128 KiB/s. What stands still ends
 * sooner (http/connection.ts).
 */
export function timeoutsFor({ zendesk, uploads }: Pick<Config, 'zendesk' | 'uploads'>): DeliveryTimeouts {
  const { concurrency } = uploads
  const turnsMs = ((requestsOfADelivery * 2 * concurrency) / zendesk.requestsPerMinute) * 60_000
  const { eventMs, mediaMs, perMiBMs } = defaultTimeouts
  return {
    eventMs: eventMs + turnsMs,
    mediaMs: mediaMs + turnsMs,
    perMiBMs: Math.max(perMiBMs, sharedPerMiBMs * concurrency),
  }
}

const requestsOfADelivery = 10
const sharedPerMiBMs = 8_000

function credentials(zendesk: Config['zendesk'], baseUrl: string, memory: SinkMemory): Authorization {
  const { api, token, email, oauth } = zendesk
  if (oauth !== null) return new OAuthTokens({ ...oauth, baseUrl, memory, clock: Date.now })
  if (token === null) throw new Error('zendesk.token is missing')
  return api === 'calls' && email !== null ? apiToken(email, token) : bearer(token)
}
