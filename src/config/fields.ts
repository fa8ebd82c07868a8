/**
 * The kinds of value that a key may have, as zod schemas. Each takes what YAML gives and yields the parsed value; a refusal is a
 * message `REASON — fix: FIX`, which explain.ts takes apart again.
 *
 * A number or a boolean may also be a text of that form: `${ENV}` gives nothing but texts.
 */
import { z } from 'zod'
import { isLoopback, parseHostPort, parseOrigin, parseSipListener, parseSipPeer } from './addresses.ts'
import { parseFileNamePattern, parsePattern } from './patterns.ts'
import { type Complaint, type Parsed, parsed, refused } from './problems.ts'
import { durationPattern, parseDuration, parseSize, sizePattern } from './units.ts'

const separator = ' — fix: '

/** A complaint as a zod message. */
export function complain(reason: string, fix: string): string {
  return `${reason}${separator}${fix}`
}

/** A zod message that `complain` made, taken apart; `null` for zod's own. */
export function complaintIn(message: string): Complaint | null {
  const at = message.indexOf(separator)
  return at < 0 ? null : { reason: message.slice(0, at), fix: message.slice(at + separator.length) }
}

/** A text that a parser turns into a value. `pattern` is for editors (JSON Schema); the parser decides. */
export function field<T>(parse: (text: string) => Parsed<T>, pattern?: string) {
  return z
    .string()
    .meta(pattern === undefined ? {} : { pattern })
    .transform((text, context): T => {
      const result = parse(text)
      if (result.ok) return result.value
      context.addIssue({ code: 'custom', message: complain(result.reason, result.fix) })
      return z.NEVER
    })
}

/** A duration in whole milliseconds. No timer of Node's lasts longer than 24 days; what is only compared may. */
export function duration(atLeast: string, atMost = '24d') {
  const [least, most] = [parseDuration(atLeast), parseDuration(atMost)]
  return field(text => {
    const result = parseDuration(text)
    if (!result.ok || !least.ok || !most.ok) return result
    if (result.value < least.value || result.value > most.value)
      return refused(`is not between ${atLeast} and ${atMost}`, `write a duration from ${atLeast} to ${atMost}`)
    return result
  }, durationPattern)
}

/** A size in bytes, at least 1 KiB. */
export function size() {
  return field(text => {
    const result = parseSize(text)
    return result.ok && result.value < 1024 ? refused('is too small', 'write a size of at least 1KiB') : result
  }, sizePattern)
}

export function integer(atLeast: number, atMost: number) {
  return z.preprocess(numberFromText, z.int().min(atLeast).max(atMost))
}

export function flag() {
  return z.preprocess(value => (value === 'true' ? true : value === 'false' ? false : value), z.boolean())
}

/** A word, or a whole number within bounds. */
export function wordOrInteger<W extends string>(word: W, atLeast: number, atMost: number) {
  const error = complain(`is neither ${word} nor a whole number from ${atLeast} to ${atMost}`, `write ${word} or such a number`)
  return z.preprocess(numberFromText, z.union([z.literal(word), z.int().min(atLeast).max(atMost)], { error }))
}

/** Free text on one line, up to 200 characters. */
export function line() {
  return field(text => {
    if (text.trim() === '') return refused('is empty', 'write a text, or remove the key')
    // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what it looks for
    if (text.length > 200 || /[\u0000-\u001f\u007f]/.test(text))
      return refused('is no short line of text', 'write up to 200 characters on one line')
    return parsed(text)
  })
}

/** Text of a given form. */
export function word(pattern: RegExp, reason: string, fix: string) {
  return field(text => (pattern.test(text) ? parsed(text) : refused(reason, fix)), pattern.source)
}

/** A file or folder. */
export function path() {
  return field(text => {
    if (text.trim() === '') return refused('is empty', 'write a path, or remove the key')
    if (text.includes('\0')) return refused('holds a NUL character', 'write a path')
    return parsed(text)
  })
}

/** A token, a password: visible ASCII, since it travels in a header field. */
export function secret() {
  return field(text => {
    if (text === '') return refused('is empty', 'set it, or remove the key')
    if (/^\s|\s$/.test(text))
      return refused(
        'begins or ends with a space or a line break',
        'remove it; only one line break at the end of a secret file is dropped',
      )
    if (!/^[\x21-\x7e]{1,4096}$/.test(text))
      return refused('holds characters that cannot stand in a header field', 'use visible ASCII characters, no spaces')
    return parsed(text)
  })
}

export function pattern() {
  return field(parsePattern)
}

export function fileNamePattern() {
  return field(parseFileNamePattern)
}

export function sipListener() {
  return field(parseSipListener, '^(udp|tcp|tls)://.+:\\d+$')
}

export function sipPeer() {
  return field(parseSipPeer, '^sips?:[^@]+$')
}

export function hostPort() {
  return field(parseHostPort, '^.+:\\d+$')
}

export function origin() {
  return field(parseOrigin, '^https?://')
}

/** For refinements: an address that others can reach needs a token. */
export function needsToken(listen: { readonly host: string }, token: string | undefined): boolean {
  return !isLoopback(listen.host) && token === undefined
}

function numberFromText(value: unknown): unknown {
  return typeof value === 'string' && /^\d{1,15}$/.test(value) ? Number(value) : value
}
