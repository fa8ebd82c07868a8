/** Agents as people call them: by extension, by name, or by Zendesk's id. Pure. */

export interface BookedAgent {
  /** Zendesk's. */
  readonly id: number
  readonly extension: string
  readonly name: string
}

export type AgentBook = readonly BookedAgent[]

export type FoundAgent =
  | { readonly ok: true; readonly id: number }
  | { readonly ok: false; readonly reason: string; readonly fix: string }

/** `1001`, `Alice`, `35436`, or `agent-35436` for an agent who has no extension here. */
export function findAgent(book: AgentBook, reference: string): FoundAgent {
  const explicit = /^agent-([1-9]\d{0,14})$/.exec(reference)
  if (explicit !== null) return { ok: true, id: Number(explicit[1]) }
  const byExtension = book.find(({ extension }) => extension === reference)
  if (byExtension !== undefined) return { ok: true, id: byExtension.id }
  const ids = new Set(book.filter(({ id, name }) => name === reference || String(id) === reference).map(({ id }) => id))
  const [id] = ids
  if (id !== undefined && ids.size === 1) return { ok: true, id }
  return ids.size > 1
    ? { ok: false, reason: `${reference} is the name of ${ids.size} agents`, fix: 'write the extension instead' }
    : {
        ok: false,
        reason: `no agent has the extension, name or id ${reference}`,
        fix: 'add the agent to agents of the configuration (-c), or write agent-ID with the id that Zendesk has',
      }
}

/** How the file calls an agent: the extension, if there is one. */
export function agentReference(book: AgentBook, id: number): string {
  return book.find(agent => agent.id === id)?.extension ?? `agent-${id}`
}

/** How people call an agent. */
export function agentTitle(book: AgentBook, id: number): string {
  const agent = book.find(other => other.id === id)
  return agent === undefined ? `agent ${id}` : `${agent.name} (${agent.extension})`
}
