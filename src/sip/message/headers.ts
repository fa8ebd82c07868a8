/**
 * Reading and changing the headers of a message. Pure: every change gives a new message that shares the untouched fields. Names compare
 * without case; a name is spelt as the caller gives it when a field is made.
 */
import type { HeaderField, SipMessage } from './message.ts'

/** Whether two header names are the same. The hot path of every look-up: lengths first, exact spelling next. */
export function sameName(a: string, b: string): boolean {
  return a.length === b.length && (a === b || a.toLowerCase() === b.toLowerCase())
}

/** The value of the first field of that name, unsplit; `null` when there is none. */
export function headerValue(message: SipMessage, name: string): string | null {
  for (const field of message.headers) if (sameName(field.name, name)) return field.value
  return null
}

/** Whether a field of that name is there. */
export function hasHeader(message: SipMessage, name: string): boolean {
  return headerValue(message, name) !== null
}

/** The values of all fields of that name, split at top-level commas: for Via, Route, Contact, Supported… not for Date or Authorization. */
export function headerValues(message: SipMessage, name: string): string[] {
  const values: string[] = []
  for (const field of message.headers) if (sameName(field.name, name)) values.push(...splitValues(field.value))
  return values
}

/** The first of `headerValues`, without splitting the rest; `null` when there is none. */
export function firstValue(message: SipMessage, name: string): string | null {
  const value = headerValue(message, name)
  if (value === null) return null
  const comma = topLevelComma(value, 0)
  return comma === -1 ? value : value.slice(0, comma).trim()
}

/** A comma-separated header value in its parts (RFC 3261 7.3.1): commas in quotes or angle brackets don't separate. Empty parts are dropped. */
export function splitValues(value: string): string[] {
  const parts: string[] = []
  let start = 0
  for (let comma = topLevelComma(value, 0); comma !== -1; comma = topLevelComma(value, start)) {
    const part = value.slice(start, comma).trim()
    if (part !== '') parts.push(part)
    start = comma + 1
  }
  const rest = value.slice(start).trim()
  if (rest !== '') parts.push(rest)
  return parts
}

function topLevelComma(value: string, from: number): number {
  if (value.indexOf(',', from) === -1) return -1
  let quoted = false
  let bracketed = false
  for (let at = from; at < value.length; at++) {
    const code = value.charCodeAt(at)
    if (quoted) {
      if (code === 92) at++
      else if (code === 34) quoted = false
    } else if (code === 34) quoted = true
    else if (code === 60) bracketed = true
    else if (code === 62) bracketed = false
    else if (code === 44 && !bracketed) return at
  }
  return -1
}

/** The message with exactly these header fields. */
export function withHeaders<M extends SipMessage>(message: M, headers: readonly HeaderField[]): M {
  return { ...message, headers }
}

/** Adds a field above the first of that name (Via, Record-Route, Route), or at the very top when there is none. */
export function prependHeader<M extends SipMessage>(message: M, name: string, value: string): M {
  const first = message.headers.findIndex(field => sameName(field.name, name))
  const headers = message.headers.slice()
  headers.splice(Math.max(first, 0), 0, { name, value })
  return withHeaders(message, headers)
}

/** Adds a field below all others. */
export function appendHeader<M extends SipMessage>(message: M, name: string, value: string): M {
  return withHeaders(message, [...message.headers, { name, value }])
}

/** Replaces the topmost value of that name and keeps the others, even those in the same field. No effect when there is none. */
export function replaceFirstValue<M extends SipMessage>(message: M, name: string, value: string): M {
  return changeFirstValue(message, name, value)
}

/** Removes the topmost value of that name (a Via on a response's way back, our own Route) and keeps the others. */
export function removeFirstValue<M extends SipMessage>(message: M, name: string): M {
  return changeFirstValue(message, name, null)
}

function changeFirstValue<M extends SipMessage>(message: M, name: string, value: string | null): M {
  const index = message.headers.findIndex(field => sameName(field.name, name))
  const field = message.headers[index]
  if (field === undefined) return message
  const comma = topLevelComma(field.value, 0)
  const rest = comma === -1 ? '' : field.value.slice(comma + 1).trim()
  const parts = value === null ? rest : rest === '' ? value : `${value}, ${rest}`
  const headers = message.headers.slice()
  if (parts === '') headers.splice(index, 1)
  else headers[index] = { name: field.name, value: parts }
  return withHeaders(message, headers)
}
