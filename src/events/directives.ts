/**
 * What the PBX's dialplan asks for a call, in `X-Zendesk-*` headers: by the lower-case name behind that prefix. The model carries it
 * along and knows two: `tags`, and (for conditions and the call log) `queue`. What the others mean, the sinks know.
 */
export type Directives = Readonly<Record<string, string>>

const maxDirectives = 20
const maxTags = 20
const maxTagLength = 100

/**
 * Both together. What is known stays, so that a repeated or late message changes nothing; the same object when nothing is new.
 * At most 20 in all.
 */
export function joinDirectives(known: Directives | undefined, more: Directives | undefined): Directives | undefined {
  if (more === undefined) return known
  const room = maxDirectives - Object.keys(known ?? {}).length
  const isNew = ([name]: readonly [string, string]) => known === undefined || !Object.hasOwn(known, name)
  const fresh = Object.entries(more).filter(isNew).slice(0, room)
  return fresh.length === 0 ? known : Object.fromEntries([...Object.entries(known ?? {}), ...fresh])
}

/** `vip, Berlin office` as tags: one word each, in lower case, as Zendesk keeps them. At most 20. */
export function tagsIn(text: string | undefined): readonly string[] {
  const tags = (text ?? '').split(/[,;]/).map(part => oneWord(part.trim().toLowerCase()))
  return [...new Set(tags.filter(tag => tag !== ''))].slice(0, maxTags)
}

function oneWord(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what it takes out
  return text.replace(/[\s"{}\u0000-\u001f\u007f]+/g, '_').slice(0, maxTagLength)
}
