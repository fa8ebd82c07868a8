/** Zendesk's search language, as far as telephony uses it: `role:end-user phone:*5135557611`, `type:ticket status<solved tags:voice`. Pure. */
import { invalidValue } from './refusals.ts'

/** What a term may name; a bare word is `text`. */
const keys = [
  'type',
  'role',
  'phone',
  'email',
  'external_id',
  'name',
  'requester',
  'assignee',
  'status',
  'tags',
  'subject',
  'via',
] as const

export type SearchKey = (typeof keys)[number] | 'text'

export interface SearchTerm {
  readonly key: SearchKey
  readonly operator: ':' | '<' | '>'
  /** Without its quotes; `*` stands for anything. */
  readonly value: string
}

/** Throws a 422 for a key that is none. */
export function parseSearch(query: string): readonly SearchTerm[] {
  const terms = query.match(/[a-z_]+[:<>](?:"[^"]*"|\S*)|"[^"]*"|\S+/gi) ?? []
  return terms.map(term => {
    const match = /^([a-z_]+)([:<>])(.*)$/i.exec(term)
    if (match === null) return { key: 'text', operator: ':', value: unquoted(term) }
    const [, name = '', operator, value = ''] = match
    const key = keys.find(known => known === name.toLowerCase())
    if (key === undefined) throw invalidValue('query', `Invalid search: ${name.slice(0, 64)} is not a field one can search`)
    return { key, operator: operator === '<' || operator === '>' ? operator : ':', value: unquoted(value) }
  })
}

/** Whether a search is for users, tickets or both: as it says, or as the fields that it names have it. */
export function searchedKinds(terms: readonly SearchTerm[]): { readonly users: boolean; readonly tickets: boolean } {
  const type = terms.find(({ key }) => key === 'type')?.value.toLowerCase()
  if (type !== undefined) return { users: type === 'user', tickets: type === 'ticket' }
  const names = new Set(terms.map(({ key }) => key))
  const onlyUsers = names.has('role') || names.has('phone') || names.has('email') || names.has('name')
  const onlyTickets = ['requester', 'assignee', 'status', 'tags', 'subject', 'via'].some(name =>
    keys.some(key => key === name && names.has(key)),
  )
  return { users: !onlyTickets, tickets: !onlyUsers }
}

/** A value as a LIKE pattern (`ESCAPE '\'`). */
export const likePattern = (value: string): string => value.replace(/[\\%_]/g, '\\$&').replaceAll('*', '%')

const unquoted = (text: string) => text.replace(/^"(.*)"$/, '$1')
