/**
 * Whose number it is: the Zendesk user that a call belongs to. A search by number lags some minutes behind and cannot make anything
 * unique, so what was found is remembered, and a user is only ever made under an external id that follows from the number.
 *
 * Invariants
 *  1 One number is looked up by one delivery at a time (lock), and every bridge that shares the memory ends with the same user (claim).
 *  2 `POST /users/create_or_update` by external id makes at most one user of a number, however often it is repeated.
 *  3 Extensions, hidden numbers and what is no number make no users.
 */
import { z } from 'zod'
import type { CallParty } from '../../events/event.ts'
import { parseJson } from '../http/answer.ts'
import type { SinkMemory } from '../memory.ts'
import { userSearchAnswerSchema, usersAnswerSchema } from '../wire/documented/page.ts'
import { type NewUser, type User, userAnswerSchema } from '../wire/documented/user.ts'
import { numberId, supportPath } from '../wire/documented/words.ts'
import { KeyLock } from './key-lock.ts'
import { type Ambiguity, ownerOf, searchDigits } from './matching.ts'

/** How users are asked for; `calls/requests.ts` implements it. */
export interface UserRequests {
  ask<T>(request: UserAsk<T>): Promise<T>
  /** `null` when the answer has one of these statuses. */
  askOr<T>(statuses: readonly number[], request: UserAsk<T>): Promise<T | null>
}

interface UserAsk<T> {
  readonly method: 'GET' | 'POST'
  readonly path: string
  readonly body?: object
  readonly schema: z.ZodType<T>
}

export interface CallersLog {
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
}

export interface CallersOptions {
  readonly memory: SinkMemory
  /** Whether a number that nobody has gets a user. */
  readonly create: boolean
  readonly ambiguous: Ambiguity
  /** The name of a user that is made: what the network said, or the number. */
  readonly name: 'display' | 'number'
  /** Epoch ms. */
  readonly clock: () => number
  readonly log: CallersLog
}

/** `made`: the bridge made the user, so nobody knew the caller before. */
export interface Caller {
  readonly userId: number | null
  readonly made: boolean
}

const nobody: Caller = { userId: null, made: false }

/** How long a user is believed in without asking. */
const believedMs = 24 * 3_600_000
/** How long it is believed that nobody has a number, when none may be made. */
const missingMs = 15 * 60_000

const noteSchema = z.object({ userId: numberId.nullable(), made: z.boolean(), seenAt: z.number() })
type CallerNote = z.infer<typeof noteSchema>

export class Callers {
  readonly #options: CallersOptions
  readonly #lock = new KeyLock()

  constructor(options: CallersOptions) {
    this.#options = options
  }

  /** The user of a party; makes one where it may. Throws what the requests throw. */
  async userOf(party: CallParty, requests: UserRequests): Promise<Caller> {
    if (party.kind !== 'e164') return nobody
    return this.#lock.run(party.value, () => this.#resolve(party, requests))
  }

  /**
   * Whether `callId` is the first call of this number that was ever reported; the answer stays the same however often it is asked.
   * `null` for parties without a number.
   */
  async isFirstCall(party: CallParty, caller: Caller, callId: string): Promise<boolean | null> {
    if (party.kind !== 'e164') return null
    const first = await this.#options.memory.claim(`first:${party.value}`, JSON.stringify(callId))
    const known = caller.userId !== null && !caller.made
    return first === JSON.stringify(callId) && !known
  }

  async #resolve(party: CallParty, requests: UserRequests): Promise<Caller> {
    const { memory, clock } = this.#options
    const key = `caller:${party.value}`
    const stored = await memory.get(key)
    const noted = readNote(stored)
    if (noted !== null && (await this.#isStill(noted, requests))) {
      if (noted.userId !== null && clock() - noted.seenAt >= believedMs) await this.#note(key, { ...noted, seenAt: clock() })
      return noted
    }
    const found = await this.#find(party, requests)
    const caller = found ?? (await this.#make(party, requests))
    const note: CallerNote = { ...caller, seenAt: clock() }
    // A first finding is claimed: another bridge may have been here meanwhile. A later one replaces what is no longer true.
    if (stored !== null) {
      await this.#note(key, note)
      return caller
    }
    return readNote(await memory.claim(key, JSON.stringify(note))) ?? caller
  }

  async #isStill(noted: CallerNote, requests: UserRequests): Promise<boolean> {
    const age = this.#options.clock() - noted.seenAt
    if (noted.userId === null) return age < missingMs
    if (age < believedMs) return true
    const path = `${supportPath}/users/${noted.userId}`
    const answer = await requests.askOr([404, 410], { method: 'GET', path, schema: userAnswerSchema })
    return answer !== null && answer.user.active !== false
  }

  async #find(party: CallParty, requests: UserRequests): Promise<Caller | null> {
    const byId = await requests.ask({
      method: 'GET',
      path: `${supportPath}/users/search?external_id=${encodeURIComponent(externalIdOf(party.value))}`,
      schema: usersAnswerSchema,
    })
    const own = byId.users.find(user => user.active !== false)
    if (own !== undefined) return { userId: own.id, made: true }
    const query = `type:user role:end-user phone:*${searchDigits(party.value)}`
    const { results } = await requests.ask({
      method: 'GET',
      path: `${supportPath}/search?query=${encodeURIComponent(query)}`,
      schema: userSearchAnswerSchema,
    })
    const { user, several } = ownerOf(party.value, results, this.#options.ambiguous)
    if (user !== null) return { userId: user.id, made: false }
    if (several === 0) return null
    this.#options.log.warn({ users: several }, 'several users have the caller’s number, so the call belongs to none of them')
    return nobody
  }

  async #make(party: CallParty, requests: UserRequests): Promise<Caller> {
    if (!this.#options.create) return nobody
    const user: NewUser = {
      name: nameOf(party, this.#options.name),
      phone: party.value,
      external_id: externalIdOf(party.value),
      role: 'end-user',
      verified: true,
    }
    const made = (await this.#upsert(user, requests)) ?? (await this.#withoutPhone(user, requests))
    this.#options.log.info({ userId: made.id }, 'made a user for a caller that nobody knew')
    return { userId: made.id, made: true }
  }

  /** `null`: Zendesk does not take the number as a telephone number. */
  async #upsert(user: NewUser, requests: UserRequests): Promise<User | null> {
    const path = `${supportPath}/users/create_or_update`
    const answer = await requests.askOr([422], { method: 'POST', path, body: { user }, schema: userAnswerSchema })
    return answer?.user ?? null
  }

  /** An account that validates numbers refuses some that exist; the name and the external id still say who it is. */
  async #withoutPhone({ phone, ...user }: NewUser, requests: UserRequests): Promise<User> {
    const path = `${supportPath}/users/create_or_update`
    const body = { user: { ...user, name: `Caller: ${phone}` } }
    const { user: made } = await requests.ask({ method: 'POST', path, body, schema: userAnswerSchema })
    return made
  }

  async #note(key: string, note: CallerNote): Promise<void> {
    await this.#options.memory.put(key, JSON.stringify(note))
  }
}

/** `pbx:+14155550100`: the same for every bridge, for ever. */
export const externalIdOf = (number: string): string => `pbx:${number}`

function nameOf({ display, value }: CallParty, choice: CallersOptions['name']): string {
  // What the network says comes from the caller's side: a name, not an instruction to anybody's screen.
  const shown = (display ?? '')
    .replace(/[\p{Cc}\p{Cf}\s<>]+/gu, ' ')
    .trim()
    .slice(0, 100)
  return choice === 'display' && /\p{L}/u.test(shown) ? shown : `Caller: ${value}`
}

function readNote(text: string | null): CallerNote | null {
  const json = text === null ? null : parseJson(text)
  const parsed = json?.ok === true ? noteSchema.safeParse(json.value) : null
  return parsed?.success === true ? parsed.data : null
}
