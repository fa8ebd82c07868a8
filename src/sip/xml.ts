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

/** Why the parser stopped; thrown by the handlers below and caught by `parseXml`, nowhere else. */
class Refusal extends Error {}

/** Parses one document. Never throws. */
export function parseXml(text: string): XmlResult {
  if (text.length > xmlLimits.characters) return { ok: false, reason: `has more than ${xmlLimits.characters} characters` }
  try {
    return { ok: true, root: read(text) }
  } catch (error) {
    return { ok: false, reason: error instanceof Error ? error.message : String(error) }
  }
}

/** The first child of that local name; `null` when there is none. */
export function child(element: XmlElement, name: string): XmlElement | null {
  return element.children.find(each => each.name === name) ?? null
}

/** All children of that local name, in order. */
export function childrenNamed(element: XmlElement, name: string): readonly XmlElement[] {
  return element.children.filter(each => each.name === name)
}

function read(text: string): XmlElement {
  const parser = new SaxesParser({ xmlns: false })
  const open: Open[] = []
  let root: XmlElement | null = null
  let elements = 0
  let attributes = 0
  const addText = (more: string): void => {
    const current = open.at(-1)
    if (current !== undefined) current.text += more
  }
  parser.on('error', error => {
    throw error
  })
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
    open.push({ prefix, name, attributes: attributesOf(tag.attributes), children: [], text: '' })
  })
  parser.on('closetag', () => {
    const closed = open.pop()
    if (closed === undefined) return
    const element: XmlElement = { ...closed, text: closed.text.trim() }
    const parent = open.at(-1)
    if (parent === undefined) root = element
    else parent.children.push(element)
  })
  // SIP senders leave blank lines before and zero bytes after a body; XML allows neither.
  parser.write(text.replace(/^\s+|[\s\0]+$/g, '')).close()
  if (root === null) throw new Refusal('has no element')
  return root
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
