/** The account that both halves of the API are about: its stores, and the questions that need more than one of them. */
import type { DatabaseSyncInstance } from '@photostructure/sqlite'
import type { GroupCommit } from '../group-commit.ts'
import { AgentStatuses } from './agent-statuses.ts'
import { Attachments } from './attachments.ts'
import { bridgeUserId, Credentials } from './credentials.ts'
import { Displays } from './displays.ts'
import { DocumentedCalls } from './documented-calls.ts'
import { couldNotAuthenticate, forbidden } from './refusals.ts'
import { Settings } from './settings.ts'
import { TicketAnswers } from './ticket-answers.ts'
import { TicketHistory } from './ticket-history.ts'
import { Tickets } from './tickets.ts'
import { UpdateLimit } from './update-limit.ts'
import { type Role, Users } from './users.ts'

/** Who asks. */
export interface Actor {
  readonly userId: number
  readonly role: Role
}

export class Account {
  readonly settings: Settings
  readonly users: Users
  readonly attachments: Attachments
  readonly history: TicketHistory
  readonly tickets: Tickets
  readonly ticketAnswers: TicketAnswers
  readonly calls: DocumentedCalls
  readonly displays: Displays
  readonly agentStatuses: AgentStatuses
  readonly credentials: Credentials
  readonly updates: UpdateLimit
  /** Texts that nobody can guess: tokens, the addresses of attachments. */
  readonly newToken: () => string

  constructor(db: DatabaseSyncInstance, token: string, newToken: () => string) {
    this.newToken = newToken
    this.settings = new Settings(db)
    this.users = new Users(db)
    this.attachments = new Attachments(db)
    this.history = new TicketHistory(db, this.attachments)
    this.tickets = new Tickets(db, this.history)
    this.ticketAnswers = new TicketAnswers(db)
    this.calls = new DocumentedCalls(db)
    this.displays = new Displays(db)
    this.agentStatuses = new AgentStatuses(db)
    this.credentials = new Credentials(db, token, newToken)
    this.updates = new UpdateLimit(() => this.settings.current.updates_per_ticket)
  }

  /** Whether an Authorization header is good for anything at `now` (epoch ms). */
  knows(header: string | undefined, now: number): boolean {
    return this.credentials.who(header, now) !== null
  }

  /** The user a header speaks for; one that is new here becomes an admin. Rejects with a 401 when it is nobody. */
  async actor(header: string | undefined, commits: GroupCommit, now: number): Promise<Actor> {
    const who = this.credentials.who(header, now)
    if (who === null) throw couldNotAuthenticate()
    if (who.kind === 'bridge') return { userId: bridgeUserId, role: 'admin' }
    const { email } = who
    const found =
      this.users.byEmail(email) ??
      (await commits.run(() => this.users.byEmail(email) ?? this.users.add({ name: email, email, role: 'admin' }, now)))
    return { userId: found.id, role: found.role }
  }

  /** Whether an id is an agent's: an agent's or admin's, or one that the settings name. */
  isAgent(id: number): boolean {
    const user = this.users.get(id)
    if (user !== null && user.role !== 'end-user') return true
    const { agents } = this.settings.current
    return agents === 'any' ? user === null : agents.includes(id)
  }

  /** Throws a 403 without the Partner Edition licence, and for end users. */
  requirePartnerEdition({ role }: Actor): void {
    if (!this.settings.current.partner_edition || role === 'end-user') throw forbidden()
  }
}
