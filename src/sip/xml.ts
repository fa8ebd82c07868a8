/**
 * Small XML documents of strangers (dialog-info, rs-metadata) as trees. Total and bounded: what is too large, too deep, not well
 * formed or brings a document type is refused with a reason, and no entity beyond XML's own five is ever expanded.
 *
 * Namespaces are read by their local names only: vendors declare them wrongly, or not at all.
 */
import { SaxesParser } from 'saxes'

export interface XmlElement {
  /** What stands before the colon of the name; '' when there is none. */
  readonly prefix: string
  /** The local name, as written. */
  readonly name: string
  /** Values by local name, of two the first; those with a prefix by `prefix:name` too. Namespace declarations are left out. */
  readonly attributes: ReadonlyMap<string, string>
  readonly children: readonly XmlElement[]
  /** The element's own text and CDATA, without that of its children, trimmed. */
  readonly text: string
}

/** What could be read of a document that is perhaps faulty. */
export interface XmlReading {
  /** `null` when there is not even one element. */
  readonly root: XmlElement | null
  /** The first fault, with its line and column as a rule; `null` for a sound document. */
  readonly fault: string | null
}

export type XmlResult = { readonly ok: true; readonly root: XmlElement } | { readonly ok: false; readonly reason: string }

/** What a document may have at most: characters, elements within elements, elements, attributes of one element. */
export const xmlLimits = { characters: 262_144, depth: 32, elements: 8_000, attributes: 64 } as const

interface Open {
  readonly prefix: string
  readonly name: string
  readonly attributes: ReadonlyMap<string, string>
  readonly children: XmlElement[]
  text: string
}

/** Why the parser stopped; thrown by the handlers below and caught by `readXml`, nowhere else. */
class Refusal extends Error {}

/** Parses one document. Never throws. */
export function parseXml(text: string): XmlResult {
  const { root, fault } = readXml(text, 0)
  if (fault !== null) return { ok: false, reason: fault }
  return root === null ? { ok: false, reason: 'has no element' } : { ok: true, root }
}

/**
 * Reads as much of a document as there is in front of its fault, and goes on behind up to `tolerated` faults, such as an element that
 * is not closed; with any tolerance a bare `&` (`<name>Smith & Sons</name>`) is read as itself. What breaks a limit or brings a
 * document type ends there. Never throws.
 */
export function readXml(text: string, tolerated: number): XmlReading {
  if (text.length > xmlLimits.characters) return { root: null, fault: `has more than ${xmlLimits.characters} characters` }
  const asWritten = attempt(text, tolerated)
  if (asWritten.fault === null || tolerated === 0) return asWritten
  // The parser takes everything from a bare & up to the next semicolon, elements and all, for the name of an entity.
  const mended = text.replace(BARE_AMPERSAND, '&amp;')
  if (mended === text) return asWritten
  return { root: attempt(mended, tolerated).root, fault: asWritten.fault }
}

const BARE_AMPERSAND = /&(?!(?:amp|lt|gt|quot|apos|#\d{1,7}|#x[0-9A-Fa-f]{1,6});)/g

function attempt(text: string, tolerated: number): XmlReading {
  const reading: { root: XmlElement | null; fault: string | null } = { root: null, fault: null }
  let faults = 0
  try {
    const onFault = (error: Error): void => {
      reading.fault ??= error.message
      faults += 1
      if (faults > tolerated) throw error
    }
    const onRoot = (root: XmlElement): void => {
      reading.root ??= root
    }
    read(text, onRoot, onFault)
  } catch (error) {
    reading.fault ??= error instanceof Error ? error.message : String(error)
  }
  return reading
}

/** The first child of that local name; `null` when there is none. */
export function child(element: XmlElement, name: string): XmlElement | null {
  return element.children.find(each => each.name === name) ?? null
}

/** All children of that local name, in order. */
export function childrenNamed(element: XmlElement, name: string): readonly XmlElement[] {
  return element.children.filter(each => each.name === name)
}

function read(text: string, onRoot: (root: XmlElement) => void, onFault: (error: Error) => void): void {
  const parser = new SaxesParser({ xmlns: false })
  const open: Open[] = []
  let elements = 0
  let attributes = 0
  const addText = (more: string): void => {
    const current = open.at(-1)
    if (current !== undefined) current.text += more
  }
  parser.on('error', onFault)
  parser.on('doctype', () => {
    throw new Refusal('has a document type declaration')
  })
  parser.on('opentagstart', () => {
    elements += 1
    attributes = 0
    if (elements > xmlLimits.elements) throw new Refusal(`has more than ${xmlLimits.elements} elements`)
    if (open.length >= xmlLimits.depth) throw new Refusal(`is more than ${xmlLimits.depth} elements deep`)
  })
  parser.on('attribute', () => {
    attributes += 1
    if (attributes > xmlLimits.attributes) throw new Refusal(`has an element with more than ${xmlLimits.attributes} attributes`)
  })
  parser.on('text', addText)
  parser.on('cdata', addText)
  parser.on('opentag', tag => {
    const [prefix, name] = parts(tag.name)
    const element: Open = { prefix, name, attributes: attributesOf(tag.attributes), children: [], text: '' }
    const parent = open.at(-1)
    if (parent === undefined) onRoot(element)
    else parent.children.push(element)
    open.push(element)
  })
  parser.on('closetag', () => {
    const closed = open.pop()
    if (closed !== undefined) closed.text = closed.text.trim()
  })
  // SIP senders leave blank lines before and zero bytes after a body; XML allows neither.
  parser.write(withoutEdges(text)).close()
}

/** Not by a regular expression: `\s+$` takes the square of the length of each run of blanks. */
function withoutEdges(text: string): string {
  let end = text.length
  while (end > 0 && text.charCodeAt(end - 1) <= 32) end--
  return text.slice(0, end).trim()
}

function attributesOf(given: Readonly<Record<string, string>>): ReadonlyMap<string, string> {
  const attributes = new Map<string, string>()
  for (const [written, value] of Object.entries(given)) {
    const [prefix, name] = parts(written)
    if (prefix === 'xmlns' || written === 'xmlns') continue
    if (!attributes.has(name)) attributes.set(name, value)
    if (prefix !== '') attributes.set(written, value)
  }
  return attributes
}

function parts(written: string): readonly [prefix: string, name: string] {
  const colon = written.indexOf(':')
  return colon === -1 ? ['', written] : [written.slice(0, colon), written.slice(colon + 1)]
}
