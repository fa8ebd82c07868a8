/** Which of our people are on a call. Agents are known by their extension; who is internal decides where to look for it. */
import type { Call } from './call.ts'
import type { AgentOnCall, CallParty } from './event.ts'
import { calleesOf, callersOf, partiesOf } from './story.ts'

export interface AgentDirectory {
  /** The agent at a party's extension; `null` for anybody else. */
  agentOf(party: CallParty): AgentOnCall | null
}

/** A directory of the configured agents. Throws when two share an extension: a call of it could be laid to either. */
export function agentDirectory(agents: readonly AgentOnCall[]): AgentDirectory {
  const byExtension = new Map<string, AgentOnCall>()
  for (const agent of agents) {
    const other = byExtension.get(agent.extension)
    if (other !== undefined) {
      throw new Error(
        `agents: extension ${agent.extension} belongs to ${other.name} and to ${agent.name}; give it to one of them`,
      )
    }
    byExtension.set(agent.extension, agent)
  }
  return { agentOf: party => (party.kind === 'extension' ? (byExtension.get(party.value) ?? null) : null) }
}

/**
 * The agents of a call, each once. An outbound call is its caller's. An inbound one belongs to the phones that ring, and from
 * the answer on only to those that answered. An internal call has both.
 */
export function agentsOf({ sipCalls }: Pick<Call, 'sipCalls'>, directory: AgentDirectory): readonly AgentOnCall[] {
  const { direction } = partiesOf(sipCalls)
  const [caller, ...others] = callersOf(sipCalls)
  const callees = direction === 'outbound' ? [] : calleesOf(sipCalls)
  const callers = direction === 'inbound' || caller === undefined ? others : [caller, ...others]
  const agents = new Map<number, AgentOnCall>()
  for (const party of [...callers, ...callees]) {
    const agent = directory.agentOf(party)
    if (agent !== null) agents.set(agent.id, agent)
  }
  return [...agents.values()]
}
