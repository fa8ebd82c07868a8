/**
 * The whole Voice API, typed: one property a resource, one method an endpoint, the wire's schemas on the way in. It never repeats
 * a request: a VoiceFailure says whether and when that may help.
 */
import type { Connection } from '../http/connection.ts'
import { AgentStatuses } from './agent-statuses.ts'
import { Ivr } from './ivr.ts'
import { PartnerEdition } from './partner-edition.ts'
import { PhoneCalls } from './phone-calls.ts'
import { PhoneLines } from './phone-lines.ts'
import { PhoneNumbers } from './phone-numbers.ts'
import { Queues } from './queues.ts'
import { Recordings } from './recordings.ts'
import { Tickets } from './tickets.ts'
import { VoiceRequests } from './voice-requests.ts'
import { Voicemails } from './voicemails.ts'

export interface VoiceClientOptions {
  /** Closed by whoever made it. Every request takes a permit of it. */
  readonly connection: Connection
  /** Epoch ms; for a Retry-After that is a date. */
  readonly clock: () => number
}

export class VoiceClient {
  readonly phoneNumbers: PhoneNumbers
  readonly phoneLines: PhoneLines
  readonly phoneCalls: PhoneCalls
  readonly recordings: Recordings
  readonly voicemails: Voicemails
  readonly ivr: Ivr
  readonly agentStatuses: AgentStatuses
  readonly queues: Queues
  readonly tickets: Tickets
  readonly partnerEdition: PartnerEdition

  constructor({ connection, clock }: VoiceClientOptions) {
    const requests = new VoiceRequests(connection, clock)
    this.phoneNumbers = new PhoneNumbers(requests)
    this.phoneLines = new PhoneLines(requests)
    this.phoneCalls = new PhoneCalls(requests)
    this.recordings = new Recordings(requests)
    this.voicemails = new Voicemails(requests)
    this.ivr = new Ivr(requests)
    this.agentStatuses = new AgentStatuses(requests)
    this.queues = new Queues(requests)
    this.tickets = new Tickets(requests)
    this.partnerEdition = new PartnerEdition(requests)
  }
}
