// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the texts speak of ${NAME} references
/**
 * YAML text to nodes with positions, and the parser's errors in our words: the library's own quote the text, which may be a secret.
 *
 * The library is recursive in depth and takes seconds for a megabyte of odd tokens, so the tokens are counted first.
 */
import { type Document, isAlias, isMap, isScalar, isSeq, Lexer, LineCounter, parseDocument, type YAMLError } from 'yaml'
import type { Complaint, ConfigProblem } from './problems.ts'

export interface YamlFile {
  readonly document: Document.Parsed | null
  readonly lines: LineCounter
  readonly problems: readonly ConfigProblem[]
}

const maxTokens = 100_000
const maxDepth = 32

export function parseYaml(file: string, text: string): YamlFile {
  const lines = new LineCounter()
  const problem = (line: number, column: number, { reason, fix }: Complaint): ConfigProblem => ({
    file,
    line,
    column,
    path: '',
    reason,
    fix,
  })
  const excess = excessOf(text)
  if (excess !== null) return { document: null, lines, problems: [problem(0, 0, excess)] }

  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: false })
  const problems: ConfigProblem[] = []
  for (const error of [...document.errors, ...document.warnings]) {
    const { line, col } = lines.linePos(error.pos[0])
    // What follows an error on its line is mostly its echo.
    if (!problems.some(other => other.line === line)) problems.push(problem(line, col, complaintOf(error.code)))
  }
  const { contents } = document
  const isNode = contents === null || isMap(contents) || isSeq(contents) || isScalar(contents) || isAlias(contents)
  return { document: isNode && problems.length === 0 ? document : null, lines, problems }
}

/** Why a text is refused before it is parsed. */
function excessOf(text: string): Complaint | null {
  const fix = 'keep the file to what a configuration needs; many agents go to a file of their own (agents_file)'
  let tokens = 0
  let depth = 0
  let indicatorsInRow = 0
  for (const token of new Lexer().lex(text)) {
    tokens += 1
    if (token === '[' || token === '{') depth += 1
    if (token === ']' || token === '}') depth -= 1
    if (token === '-' || token === '?') indicatorsInRow += 1
    else if (token.trim() !== '') indicatorsInRow = 0
    if (depth > maxDepth || indicatorsInRow > maxDepth) return { reason: `is nested more than ${maxDepth} deep`, fix }
    if (tokens > maxTokens) return { reason: `has more than ${maxTokens} YAML tokens`, fix }
  }
  return null
}

function complaintOf(code: YAMLError['code']): Complaint {
  switch (code) {
    case 'TAB_AS_INDENT':
      return { reason: 'a tab indents this line', fix: 'indent with spaces' }
    case 'BAD_INDENT':
      return {
        reason: 'this line does not stand where its neighbours do, or a bracket is not closed',
        fix: 'give the keys of a section the same indentation, and close every [ and {',
      }
    case 'BAD_DQ_ESCAPE':
      return {
        reason: 'a backslash begins no escape in a "double-quoted" text',
        fix: "double the backslash (\\\\d), or use 'single quotes', where it stands for itself",
      }
    case 'BLOCK_AS_IMPLICIT_KEY':
      return { reason: 'two keys stand on one line', fix: 'put a text that holds ": " in quotes' }
    case 'MISSING_CHAR':
      return {
        reason: 'a closing quote, a comma or a colon is missing',
        fix: 'add it; every key is followed by a colon and a space',
      }
    case 'UNEXPECTED_TOKEN':
      return {
        reason: 'something stands here that YAML does not expect',
        fix: 'check the commas and quotes; within { } and [ ] a value such as ${NAME} must be in quotes',
      }
    case 'BAD_SCALAR_START':
      return { reason: 'an unquoted text may not begin with this character', fix: 'put the text in quotes' }
    case 'MULTIPLE_DOCS':
      return { reason: 'a second YAML document begins here', fix: 'remove the line ---; a configuration is one document' }
    case 'TAG_RESOLVE_FAILED':
      return { reason: 'a tag (!…) means nothing here', fix: 'remove the tag; a text that begins with ! is put in quotes' }
    case 'RESOURCE_EXHAUSTION':
      return { reason: 'is nested too deep', fix: 'indent as in config/bridge.example.yaml' }
    default:
      return {
        reason: `is not valid YAML (${code.toLowerCase().replaceAll('_', ' ')})`,
        fix: 'compare with config/bridge.example.yaml',
      }
  }
}
