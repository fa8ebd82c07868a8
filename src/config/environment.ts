// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the texts speak of ${NAME} references
/**
 * `${NAME}`, `${NAME:-default}` and the escape `$${` in the strings of the file. Substituted text is text: it is never read as YAML
 * and never substituted again, so a secret may hold any character.
 */
import { type Complaint, type Parsed, parsed, refused } from './problems.ts'

export type Environment = Readonly<Record<string, string | undefined>>

export interface Substituted {
  readonly text: string
  /** Whether anything came from the environment or a default. */
  readonly changed: boolean
  /** Nothing but an explicit empty default is left (`"${NAME:-}"`): the key counts as not set. */
  readonly absent: boolean
}

/** Replaces every reference of one string, or says which cannot be. Never shows a value. */
export function substitute(text: string, env: Environment): Parsed<Substituted> {
  let complaint: Complaint | null = null
  let changed = false
  let emptyDefault = false
  const result = text.replace(/\$\$\{|\$\{([^}]*)\}|\$\{/g, (whole, reference: string | undefined) => {
    if (whole === '$${') return '${'
    changed = true
    const match = /^([A-Za-z_]\w*)(?::-([^$]*))?$/s.exec(reference ?? '')
    const name = match?.[1]
    if (name === undefined) {
      complaint ??= {
        reason: `has \${ that begins no reference`,
        fix: 'write ${NAME} or ${NAME:-default}; a literal ${ is written $${',
      }
      return ''
    }
    const fallback = match?.[2]
    const value = Object.hasOwn(env, name) ? env[name] : undefined
    if (value !== undefined && value !== '') return value
    if (fallback === undefined) {
      const state = value === undefined ? 'is not set' : 'is empty'
      complaint ??= { reason: `environment variable ${name} ${state}`, fix: `set ${name}, or write \${${name}:-default}` }
      return ''
    }
    emptyDefault ||= fallback === ''
    return fallback
  })
  if (complaint !== null) return refusedWith(complaint)
  return parsed({ text: result, changed, absent: emptyDefault && result === '' })
}

function refusedWith(complaint: Complaint): Parsed<never> {
  return refused(complaint.reason, complaint.fix)
}
