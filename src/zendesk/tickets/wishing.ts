/** From a rule that fired, or from the call's own headers, to the wish: texts filled in, agents named. Pure. */
import type { CallDirectives } from './directives.ts'
import type { Occasion } from './occasion.ts'
import type { AgentChoice, TicketRule } from './rule.ts'
import { filled, filledTag, type ShowTime } from './template.ts'
import type { TicketWish } from './wish.ts'

const subjectLimit = 255
const textLimit = 32_000
const fieldLimit = 5_000
const tagLimit = 100

/** What a rule asks for on an occasion that it matches. */
export function wishOfRule(rule: TicketRule, occasion: Occasion, time: ShowTime): TicketWish {
  const { create, reuse } = rule
  const description = create === null ? null : filled(create.description, occasion, time, textLimit)
  return {
    rule: rule.name,
    choice: reuse === null ? { kind: 'new' } : { kind: 'recent', of: reuse.of, withinMs: reuse.withinMs },
    create:
      create === null || description === null
        ? null
        : {
            subject: filled(create.subject, occasion, time, subjectLimit).replaceAll('\n', ' '),
            description,
            priority: create.priority,
            tags: unique(create.tags.flatMap(tag => filledTag(tag, occasion, time) ?? [])),
            customFields: create.customFields.map(({ id, value }) => ({ id, value: filled(value, occasion, time, fieldLimit) })),
          },
    comment: rule.comment === null ? description : filled(rule.comment, occasion, time, textLimit),
    publicComment: rule.publicComment,
    assigneeId: agentOf(rule.assign, occasion),
    displayTo: agentOf(rule.display, occasion),
  }
}

/**
 * What the call asks for by itself, where no rule fires. A ticket of its own is made when the call is answered, or has ended without;
 * on one that exists it is logged at its end, and earlier only to show the ticket to somebody.
 */
export function wishOfHeaders(asked: CallDirectives, occasion: Occasion, time: ShowTime): TicketWish | null {
  if (asked.ticketId === null && asked.subject === null) return null
  const { moment } = occasion
  const early = moment === 'answered' && (asked.subject !== null || asked.display !== null)
  if (!early && moment !== 'missed' && moment !== 'abandoned' && moment !== 'ended') return null
  const line = filled(summary, occasion, time, textLimit)
  const wish: TicketWish = {
    rule: 'X-Zendesk headers',
    choice: { kind: 'new' },
    create:
      asked.subject === null ? null : { subject: asked.subject, description: line, priority: null, tags: [], customFields: [] },
    comment: line,
    publicComment: false,
    assigneeId: null,
    displayTo: null,
  }
  return overridden(wish, asked, occasion)
}

/** The wish with what the call's headers say in its place. */
export function overridden(wish: TicketWish, asked: CallDirectives, occasion: Occasion): TicketWish {
  const { create } = wish
  return {
    ...wish,
    choice: asked.ticketId === null ? wish.choice : { kind: 'given', ticketId: asked.ticketId },
    create:
      create === null
        ? null
        : {
            subject: asked.subject ?? create.subject,
            description: asked.description ?? create.description,
            priority: asked.priority ?? create.priority,
            tags: unique([...create.tags, ...asked.tags]),
            customFields: [
              ...create.customFields.filter(({ id }) => !asked.customFields.some(other => other.id === id)),
              ...asked.customFields,
            ],
          },
    comment: asked.comment ?? wish.comment,
    assigneeId: asked.assign === null ? wish.assigneeId : agentOf(asked.assign, occasion),
    displayTo: asked.display === null ? wish.displayTo : agentOf(asked.display, occasion),
  }
}

const summary = [
  'Phone call (',
  { field: 'direction' },
  ') from ',
  { field: 'caller' },
  ' to ',
  { field: 'called' },
  ' at ',
  { field: 'started' },
  ': ',
  { field: 'status' },
  ', ',
  { field: 'duration' },
  ', ',
  { field: 'agent' },
] as const

/** Of several phones that ring, none is the agent yet. */
function agentOf(choice: AgentChoice | null, { agents }: Occasion): number | null {
  if (choice !== 'agent') return choice
  return agents.length === 1 ? (agents[0]?.id ?? null) : null
}

function unique(tags: readonly string[]): readonly string[] {
  return [...new Set(tags)].slice(0, tagLimit)
}
