/** What a search finds. The index is behind: what was made in the last moments (`search_lag_ms`) is not in it yet. */
import { ticketStatuses } from '../../wire/ticket.ts'
import type { Condition } from '../page.ts'
import type { Account } from './account.ts'
import type { Slice } from './documented-page.ts'
import { likePattern, type SearchTerm } from './search-query.ts'
import type { StoredTicket } from './tickets.ts'
import type { StoredUser } from './users.ts'

type Part = Pick<Slice, 'limit' | 'offset'>

export function searchedUsers(
  account: Account,
  terms: readonly SearchTerm[],
  now: number,
  part: Part,
): { readonly rows: readonly StoredUser[]; readonly count: number } {
  const indexed = { sql: 'created_at <= ?', values: [now - account.settings.current.search_lag_ms] }
  return account.users.list([indexed, ...terms.map(userCondition)], part)
}

export function searchedTickets(
  account: Account,
  terms: readonly SearchTerm[],
  now: number,
  part: Part,
): { readonly rows: readonly StoredTicket[]; readonly count: number } {
  const madeUntil = now - account.settings.current.search_lag_ms
  return account.tickets.list({ madeUntil, conditions: terms.map(ticketCondition) }, part)
}

const like = (column: string, pattern: string): Condition => ({ sql: `${column} LIKE ? ESCAPE '\\'`, values: [pattern] })
const nothing: Condition = { sql: 'FALSE', values: [] }
const everything: Condition = { sql: 'TRUE', values: [] }

function userCondition({ key, value }: SearchTerm): Condition {
  switch (key) {
    case 'type':
      return value.toLowerCase() === 'user' ? everything : nothing
    case 'role':
      return { sql: 'role = ?', values: [value] }
    case 'phone': {
      // Digits only: everything else in a number is how somebody wrote it.
      const pattern = likePattern(value.replace(/[^\d*]/g, ''))
      return {
        sql: `digits LIKE ? ESCAPE '\\' OR id IN (SELECT user_id FROM identities WHERE digits LIKE ? ESCAPE '\\')`,
        values: [pattern, pattern],
      }
    }
    case 'email':
      return like('email', likePattern(value))
    case 'external_id':
      return { sql: 'external_id = ?', values: [value] }
    case 'name':
      return like("json_extract(user, '$.name')", `%${likePattern(value)}%`)
    case 'text': {
      const pattern = `%${likePattern(value)}%`
      const digits = value.replace(/\D/g, '')
      const asNumber = digits.length >= 3 && /^[\d+().\s-]+$/.test(value) ? ' OR digits LIKE ?' : ''
      return {
        sql: `json_extract(user, '$.name') LIKE ? ESCAPE '\\' OR email LIKE ? ESCAPE '\\'${asNumber}`,
        values: asNumber === '' ? [pattern, pattern] : [pattern, pattern, `%${digits}%`],
      }
    }
    default:
      return nothing
  }
}

function ticketCondition({ key, operator, value }: SearchTerm): Condition {
  switch (key) {
    case 'type':
      return value.toLowerCase() === 'ticket' ? everything : nothing
    case 'external_id':
      return { sql: 'external_id = ?', values: [value] }
    case 'requester':
      return { sql: 'requester_id = ?', values: [Number(value) || 0] }
    case 'assignee':
      return { sql: "json_extract(ticket, '$.assignee_id') = ?", values: [Number(value) || 0] }
    case 'status':
      return statusCondition(operator, value)
    case 'tags':
      return { sql: "EXISTS (SELECT 1 FROM json_each(ticket, '$.tags') WHERE value = ?)", values: [value] }
    case 'subject':
      return like("json_extract(ticket, '$.subject')", `%${likePattern(value)}%`)
    case 'via':
      return { sql: "(json_extract(ticket, '$.via_id') IS NULL) = ?", values: [value === 'api' ? 1 : 0] }
    case 'text': {
      const pattern = `%${likePattern(value)}%`
      return {
        sql: `json_extract(ticket, '$.subject') LIKE ? ESCAPE '\\' OR json_extract(ticket, '$.description') LIKE ? ESCAPE '\\'`,
        values: [pattern, pattern],
      }
    }
    default:
      return nothing
  }
}

/** Statuses have an order: `status<solved` is whatever is not done. */
function statusCondition(operator: SearchTerm['operator'], value: string): Condition {
  const order: readonly string[] = ticketStatuses
  const place = order.indexOf(value.toLowerCase())
  if (place < 0) return nothing
  const wanted = order.filter((_, index) =>
    operator === ':' ? index === place : operator === '<' ? index < place : index > place,
  )
  return { sql: `status IN (${wanted.map(() => '?').join(', ') || 'NULL'})`, values: [...wanted] }
}
