/** Tickets with what was said on them, the documented API's call records, and what popped up on screens. Pure. */
import type { StoredAttachment } from '../support/attachments.ts'
import type { StoredComment } from '../support/ticket-history.ts'
import { clockTime, type Html, html, table, time } from './html.ts'
import type { PageData, ShownTicket } from './page-data.ts'
import { badge, callLink, player, ticketLink } from './sections.ts'

export function ticketSection(tickets: readonly ShownTicket[]): Html {
  const shown = tickets.length === 0 ? html`<p class="none">Nothing yet.</p>` : tickets.map(ticketArticle)
  return html`<h2>Tickets</h2>${shown}`
}

export function documentedCallSection({ documentedCalls }: PageData): Html | null {
  if (documentedCalls.length === 0) return null
  const rows = documentedCalls.map(({ id, ticketId, fields, createdAt, updatedAt }) => [
    id,
    time(createdAt),
    time(updatedAt),
    ticketLink(ticketId),
    Object.entries(fields).map(([name, value]) => html`<span class="field"><i>${name}</i> ${plain(value)}</span> `),
  ])
  return html`<h2>Call records (/api/v2/calls)</h2>${table(['Id', 'Made (UTC)', 'Changed', 'Ticket', 'Fields'], rows)}`
}

export function displaySection({ displays }: PageData): Html | null {
  if (displays.length === 0) return null
  const rows = displays.map(({ agentId, kind, targetId, at }) => [
    time(at),
    `agent ${agentId}`,
    kind === 'ticket' ? ticketLink(targetId) : `user ${targetId}`,
  ])
  return html`<h2>Shown to agents</h2>${table(['At (UTC)', 'Agent', 'What'], rows)}`
}

function ticketArticle({ ticket, comments }: ShownTicket): Html {
  const { id, fields, phoneCallId, phoneVoicemailId, createdAt } = ticket
  const { origin, assignee_id: assignee } = fields
  const facts = [
    phoneCallId === null ? null : html`call ${callLink(phoneCallId)}`,
    phoneVoicemailId === null ? null : html`voicemail ${phoneVoicemailId}`,
    origin === null ? null : html`caller ${origin.caller}, ${clockTime(origin.duration)}`,
    assignee === null ? null : html`assigned to ${assignee}`,
    fields.external_id === null ? null : html`external id ${fields.external_id}`,
    fields.tags.length === 0 ? null : html`tags ${fields.tags.join(' ')}`,
  ].flatMap(fact => (fact === null ? [] : [html`<span class="field">${fact}</span> `]))
  return html`<article id="ticket-${id}">
<h3>${ticketLink(id)} ${fields.subject} ${badge(fields.status)} ${fields.priority === null ? null : badge(fields.priority)}</h3>
<p class="facts">${time(createdAt)} ${facts}</p>
${comments.length === 0 ? html`<p class="comment">${fields.description}</p>` : comments.map(commentBlock)}
</article>
`
}

function commentBlock({ id, content, type, public: isPublic, authorId, attachments, createdAt }: StoredComment): Html {
  const kind = type === 'Comment' ? '' : ' voice'
  return html`<div class="comment${isPublic ? '' : ' private'}${kind}" id="comment-${id}">
<small>${time(createdAt)} by ${authorId}, ${isPublic ? 'public' : 'private'}${content.title === null ? '' : ` – ${content.title}`}</small>
<p>${content.body}</p>${Object.entries(content.data ?? {}).map(
    ([name, value]) => html`<span class="field"><i>${name}</i> ${plain(value)}</span> `,
  )}${attachments.map(attachmentLine)}
</div>
`
}

function attachmentLine({ fileName, contentType, size, secret }: StoredAttachment): Html {
  const address = `/attachments/token/${encodeURIComponent(secret)}`
  const listen = contentType.startsWith('audio/') ? player(address) : null
  return html`<p><a href="${address}">${fileName}</a> <small>${contentType}, ${Math.ceil(size / 1000)} kB</small> ${listen}</p>`
}

const plain = (value: unknown) => (typeof value === 'string' ? value : JSON.stringify(value))
