/**
 * What provisioning needs of an account's Voice API, in the API's own words. The command line joins it with the client; each method
 * throws what the client throws, and AccountChanged where the account is not as it was when it was read.
 */

export type Id = number | string

export interface LineBody {
  readonly name: string
  readonly location: string | null
  readonly enabled: boolean
}

export interface NumberBody {
  readonly number: string
  readonly display_name: string
  readonly country_code: string
  readonly phone_line_id: Id | null
  readonly enabled: boolean
  readonly capabilities: readonly Capability[]
}

export type Capability = 'inbound' | 'outbound' | 'sms' | 'mms'

export type OverflowAction = 'voicemail' | 'queue' | 'agent' | 'number' | 'hangup'

export interface QueueBody {
  readonly name: string
  /** Zendesk's ids of the agents. */
  readonly members: readonly number[]
  /** Seconds. */
  readonly max_wait_time: number | null
  readonly overflow_action: OverflowAction
  /** `queue-2`, `agent-35436`, a mailbox or a number. */
  readonly overflow_target: string | null
}

export type MenuAction = 'transfer' | 'menu' | 'voicemail' | 'repeat' | 'hangup'

export interface MenuOptionBody {
  readonly digit: string
  readonly label: string
  readonly action: MenuAction
  /** `queue-1`, `agent-35436`, `menu-2` or a mailbox. */
  readonly target_id: string | null
}

export interface MenuBody {
  readonly name: string | null
  readonly greeting: string
  readonly options: readonly MenuOptionBody[]
  readonly repeat_message: string | null
  readonly invalid_message: string | null
}

export interface IvrBody {
  readonly enabled: boolean
  readonly menu_id: Id | null
  readonly queue_id: Id | null
}

export type Stored<Body> = Body & { readonly id: Id }

/** What exists once and is changed by its id; a change names only what changes. */
interface Changeable<Body, Needed extends keyof Body> {
  create(body: Partial<Body> & Pick<Body, Needed>, idempotencyKey?: string): Promise<{ readonly id: Id }>
  update(id: Id, change: Partial<Body>): Promise<unknown>
}

interface Listed<Body, Needed extends keyof Body> extends Changeable<Body, Needed> {
  list(): AsyncIterable<Stored<Body>>
  delete(id: Id): Promise<void>
}

export interface VoiceAccount {
  readonly lines: Listed<LineBody, 'name'>
  readonly numbers: Listed<NumberBody, 'number'>
  readonly queues: Listed<QueueBody, 'name'> & {
    addMember(queue: Id, agent: number): Promise<unknown>
    removeMember(queue: Id, agent: number): Promise<unknown>
  }
  /** The Voice API neither lists nor deletes menus. */
  readonly menus: Changeable<MenuBody, 'greeting' | 'options'> & {
    /** `null`: there is none. */
    get(id: Id): Promise<Stored<MenuBody> | null>
  }
  readonly ivr: {
    get(number: Id): Promise<IvrBody>
    set(number: Id, settings: IvrBody): Promise<unknown>
  }
}

/** Something is there already, or is there no longer: somebody else changed the account since it was read. */
export class AccountChanged extends Error {
  override readonly name = 'AccountChanged'
}
