/**
 * The file as plain data, with the place that every value came from.
 *
 * 1. A value without content (`token:`) counts as not set, so a section whose keys are all commented out is as good as none.
 * 2. Strings are substituted here, once (environment.ts); keys are not.
 * 3. A path that has a problem of its own is `blamed`: what the schema says about it later would only be an echo.
 */
import { isAlias, isMap, isScalar, isSeq, type LineCounter, type Node, type Pair, type Scalar, type YAMLMap } from 'yaml'
import { formatPath, type PathStep } from './config-path.ts'
import { type Environment, substitute } from './environment.ts'
import type { Complaint, ConfigProblem, Place } from './problems.ts'
import type { YamlFile } from './yaml-syntax.ts'

export interface Origin {
  readonly value: Place
  /** Of the key; of the value itself for items of a list. */
  readonly key: Place
  /** A scalar as it stands in the file, before substitution; `null` for maps and lists. */
  readonly written: string | null
  /** Whether the value is exactly what is written: neither the environment nor another file had a part in it. */
  readonly literal: boolean
}

export interface SourceTree {
  readonly file: string
  /** Maps (without a prototype), arrays, strings, numbers, booleans, `undefined` for what is not set. */
  readonly value: unknown
  /** By formatted path. */
  readonly origins: Map<string, Origin>
  readonly blamed: Set<string>
  readonly problems: readonly ConfigProblem[]
}

/** What aliases may expand to; together with the depth it stops alias bombs and cycles. */
const maxValues = 50_000
const maxDepth = 40

export function readSourceTree(file: string, yaml: YamlFile, env: Environment): SourceTree {
  const reader = new TreeReader(file, yaml.lines, env)
  const value = yaml.document === null ? undefined : reader.read(yaml.document.contents, [], null)
  return { file, value, origins: reader.origins, blamed: reader.blamed, problems: [...yaml.problems, ...reader.problems] }
}

/** The empty tree of the built-in defaults. */
export function emptySourceTree(): SourceTree {
  return { file: 'built-in defaults', value: undefined, origins: new Map(), blamed: new Set(), problems: [] }
}

class TreeReader {
  readonly origins = new Map<string, Origin>()
  readonly blamed = new Set<string>()
  readonly problems: ConfigProblem[] = []
  readonly #file: string
  readonly #lines: LineCounter
  readonly #env: Environment
  /** Filled in the order of the text, as YAML defines anchors. */
  readonly #anchors = new Map<string, Node>()
  #values = 0
  #exhausted = false

  constructor(file: string, lines: LineCounter, env: Environment) {
    this.#file = file
    this.#lines = lines
    this.#env = env
  }

  read(node: unknown, path: readonly PathStep[], key: Place | null): unknown {
    const place = this.#placeOf(node) ?? key ?? { file: this.#file, line: 1, column: 1 }
    if (!this.#withinBounds(path.length, place)) return undefined
    const origin = { value: place, key: key ?? place, written: null, literal: true }
    this.origins.set(formatPath(path), origin)
    if (isAlias(node)) {
      const target = this.#anchors.get(node.source)
      if (target !== undefined) return this.read(target, path, key)
      return this.#complain(path, place, {
        reason: 'an alias (*) names no anchor (&) before it',
        fix: 'put text that begins with * in quotes',
      })
    }
    if (isMap(node)) {
      this.#remember(node)
      return this.#readMap(node, path)
    }
    if (isSeq(node)) {
      this.#remember(node)
      return node.items.map((item, i) => this.read(item, [...path, i], null))
    }
    if (!isScalar(node)) return undefined
    this.#remember(node)
    return this.#readScalar(node, path, origin)
  }

  #readMap(map: YAMLMap, path: readonly PathStep[]): unknown {
    const result: Record<string, unknown> = Object.create(null)
    const firstLine = new Map<string, number>()
    const merges: Pair[] = []
    for (const pair of map.items) {
      const key = this.#keyOf(pair.key, path)
      if (key === null) continue
      const place = this.#placeOf(pair.key) ?? { file: this.#file, line: 1, column: 1 }
      const before = firstLine.get(key)
      if (before !== undefined) {
        this.#complain([...path, key], place, { reason: `is written twice, first on line ${before}`, fix: 'keep one of the two' })
        continue
      }
      firstLine.set(key, place.line)
      if (isMergeKey(pair.key)) merges.push(pair)
      else result[key] = this.read(pair.value, [...path, key], place)
    }
    for (const pair of merges) this.#merge(result, pair, path, 0)
    return result
  }

  /** YAML merge keys: what a map says itself wins, then the earlier of several merged ones. */
  #merge(into: Record<string, unknown>, pair: Pair, path: readonly PathStep[], depth: number): void {
    const place = this.#placeOf(pair.key) ?? { file: this.#file, line: 1, column: 1 }
    if (!this.#withinBounds(depth, place)) return
    for (const source of isSeq(pair.value) ? pair.value.items : [pair.value]) {
      const node = isAlias(source) ? this.#anchors.get(source.source) : source
      if (!isMap(node)) {
        this.#complain(path, place, {
          reason: 'a merge key (<<) merges something that is no section',
          fix: 'merge an anchor (&name) of a section that stands before it: <<: *name',
        })
        continue
      }
      this.#remember(node)
      for (const item of node.items) {
        const key = this.#keyOf(item.key, path)
        if (key === null || key in into) continue
        if (isMergeKey(item.key)) this.#merge(into, item, path, depth + 1)
        else into[key] = this.read(item.value, [...path, key], place)
      }
    }
  }

  #keyOf(key: unknown, path: readonly PathStep[]): string | null {
    if (isScalar(key)) return typeof key.value === 'string' ? key.value : (key.source ?? String(key.value))
    const place = this.#placeOf(key) ?? { file: this.#file, line: 1, column: 1 }
    this.#complain(path, place, { reason: 'a key is no plain word', fix: 'write KEY: VALUE' })
    return null
  }

  #readScalar(node: Scalar, path: readonly PathStep[], origin: Origin): unknown {
    const { value } = node
    const written = node.source ?? String(value)
    this.origins.set(formatPath(path), { ...origin, written })
    if (value === null) return undefined
    if (typeof value === 'number' || typeof value === 'boolean') return value
    if (typeof value !== 'string')
      return this.#complain(path, origin.value, {
        reason: 'is a kind of value that means nothing here',
        fix: 'write text in quotes',
      })
    const substituted = substitute(value, this.#env)
    if (!substituted.ok) return this.#complain(path, origin.value, substituted)
    if (substituted.value.changed) this.origins.set(formatPath(path), { ...origin, written, literal: false })
    return substituted.value.absent ? undefined : substituted.value.text
  }

  #remember(node: Node & { anchor?: string }): void {
    if (node.anchor !== undefined) this.#anchors.set(node.anchor, node)
  }

  #complain(path: readonly PathStep[], place: Place, { reason, fix }: Complaint): undefined {
    this.blamed.add(formatPath(path))
    this.problems.push({ ...place, path: formatPath(path), reason, fix })
  }

  #withinBounds(depth: number, place: Place): boolean {
    this.#values += 1
    if (this.#values <= maxValues && depth <= maxDepth) return true
    if (!this.#exhausted)
      this.#complain([], place, { reason: 'is nested too deep, or repeats itself too much (*)', fix: 'write the values out' })
    this.#exhausted = true
    return false
  }

  #placeOf(node: unknown): Place | null {
    const range = isScalar(node) || isMap(node) || isSeq(node) || isAlias(node) ? node.range : null
    if (range === null || range === undefined) return null
    const { line, col } = this.#lines.linePos(range[0])
    return { file: this.#file, line, column: col }
  }
}

function isMergeKey(key: unknown): boolean {
  return isScalar(key) && key.value === '<<' && key.type === 'PLAIN'
}
