/** What is wrong with a configuration, told so that it can be mended without reading the source. */

/** A place in a file. Lines and columns count from 1; a file that could not be read, or has no such place, has line 0. */
export interface Place {
  readonly file: string
  readonly line: number
  readonly column: number
}

/** One problem: where it stands, which key it concerns, what is wrong, and what to do. Never holds a secret's value. */
export interface ConfigProblem extends Place {
  /** `recordings.folders[0].match`; '' for the file as a whole. */
  readonly path: string
  readonly reason: string
  readonly fix: string
}

/** What is wrong and what to do about it, before its place is known. */
export interface Complaint {
  readonly reason: string
  readonly fix: string
}

/** What reading a scalar of the file gave. */
export type Parsed<T> = { readonly ok: true; readonly value: T } | ({ readonly ok: false } & Complaint)

export function parsed<T>(value: T): Parsed<T> {
  return { ok: true, value }
}

export function refused(reason: string, fix: string): { readonly ok: false } & Complaint {
  return { ok: false, reason, fix }
}

/** `config/bridge.yaml:12:5 recordings.folders[0].match: is not a regular expression — fix: close the group` */
export function formatProblem(problem: ConfigProblem): string {
  const place = problem.line === 0 ? problem.file : `${problem.file}:${problem.line}:${problem.column}`
  const path = problem.path === '' ? '' : ` ${problem.path}`
  return `${place}${path}: ${problem.reason} — fix: ${problem.fix}`
}

const most = 100

/** In the order of the file, each once, at most 100: a file of another kind altogether shall not fill the screen. */
export function sortProblems(problems: readonly ConfigProblem[]): readonly ConfigProblem[] {
  const sorted = problems.toSorted(
    (a, b) => compare(a.file, b.file) || a.line - b.line || a.column - b.column || compare(a.path, b.path),
  )
  const unique = sorted.filter((problem, i) => i === 0 || formatProblem(problem) !== formatProblem(sorted[i - 1] ?? problem))
  const last = unique[most - 1]
  if (unique.length <= most || last === undefined) return unique
  const rest = { ...last, path: '', reason: `${unique.length - most + 1} more problems`, fix: 'mend those above first' }
  return [...unique.slice(0, most - 1), rest]
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
