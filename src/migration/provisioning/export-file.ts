/** What an account has, as a file that `apply` takes: pushing it back changes nothing. Pure. */
import { type AgentBook, agentReference } from './agent-book.ts'
import type { MenuOptionInFile, OverflowInFile, VoiceFile } from './voice-file.ts'
import type { AccountState, CommonTarget, MenuOption, OverflowTarget } from './voice-state.ts'

/** Everything that the file's schema takes, in its order. */
export function exportFile({ lines, numbers, queues, menus }: AccountState, agents: AgentBook): VoiceFile {
  return {
    phone_lines: [...lines].map(([name, line]) => ({ name, ...line })),
    phone_numbers: [...numbers].map(([number, { capabilities, ivr, ...rest }]) => ({
      number,
      ...rest,
      capabilities: [...capabilities],
      ivr,
    })),
    ivr_menus: [...menus].map(([name, { greeting, options, ...messages }]) => ({
      name,
      greeting,
      options: options.map(option => optionInFile(option, agents)),
      ...messages,
    })),
    queues: [...queues].map(([name, { members, max_wait_time, overflow }]) => ({
      name,
      members: members.map(id => agentReference(agents, id)),
      max_wait_time,
      overflow: overflowInFile(overflow, agents),
    })),
  }
}

function optionInFile({ digit, label, target }: MenuOption, agents: AgentBook): MenuOptionInFile {
  switch (target.to) {
    case 'menu':
      return { digit, label, menu: target.name }
    case 'repeat':
      return { digit, label, repeat: true }
    case 'other':
      return { digit, label, action: target.action, target_id: target.target }
    default:
      return { digit, label, ...destination(target, agents) }
  }
}

function overflowInFile(target: OverflowTarget, agents: AgentBook): OverflowInFile {
  return target.to === 'other' ? { action: target.action, target_id: target.target } : destination(target, agents)
}

function destination(target: CommonTarget, agents: AgentBook) {
  switch (target.to) {
    case 'queue':
      return { queue: target.name }
    case 'agent':
      return { agent: agentReference(agents, target.id) }
    case 'number':
      return { number: target.number }
    case 'voicemail':
      return { voicemail: target.mailbox ?? (true as const) }
    case 'hangup':
      return { hangup: true as const }
    default:
      return target satisfies never
  }
}
