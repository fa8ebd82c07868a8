/** How the documented API shows what the sandbox stores. Pure; `base` is the `http://host:port` the asker used. */
import { callFields } from '../../wire/documented/call.ts'
import { documentedTime, supportPath, viaIds } from '../../wire/documented/words.ts'
import { type AgentStatus, statusNames } from './agent-statuses.ts'
import type { StoredAttachment } from './attachments.ts'
import type { StoredDocumentedCall } from './documented-calls.ts'
import type { StoredAudit, StoredComment } from './ticket-history.ts'
import type { StoredTicket } from './tickets.ts'
import type { StoredIdentity, StoredUser } from './users.ts'

/** The account's number; there is only one here. */
const accountId = 1

export function callView({ id, ticketId, fields, createdAt, updatedAt }: StoredDocumentedCall) {
  return {
    id,
    account_id: accountId,
    ...noCallFields,
    ...fields,
    ticket_id: ticketId,
    created_at: documentedTime(createdAt),
    updated_at: documentedTime(updatedAt),
  }
}

const noCallFields: Readonly<Record<string, null>> = Object.fromEntries(Object.keys(callFields).map(name => [name, null]))

export function ticketView({ id, fields, createdAt, updatedAt }: StoredTicket, base: string) {
  const { via_id, links: _links, origin: _origin, ...rest } = fields
  return {
    url: `${base}${supportPath}/tickets/${id}.json`,
    id,
    ...rest,
    raw_subject: fields.subject,
    via: viaOf(via_id),
    organization_id: null,
    created_at: documentedTime(createdAt),
    updated_at: documentedTime(updatedAt),
  }
}

function viaOf(viaId: number | null) {
  if (viaId === null) return { channel: 'api', source: { from: {}, to: {}, rel: null } }
  const rel = viaId === viaIds.voicemail ? 'voicemail' : viaId === viaIds.outbound ? 'outbound' : 'inbound'
  return { channel: 'voice', source: { from: {}, to: {}, rel } }
}

export function commentView(comment: StoredComment, base: string) {
  const { id, auditId, type, authorId, content, attachments, createdAt } = comment
  return {
    id,
    type,
    author_id: authorId,
    body: content.body,
    html_body: `<div class="zd-comment">${htmlOf(content.body)}</div>`,
    plain_body: content.body,
    public: comment.public,
    attachments: attachments.map(attachment => attachmentView(attachment, base)),
    audit_id: auditId,
    created_at: documentedTime(createdAt),
    ...(content.title === null ? {} : { title: content.title }),
    ...(content.data === null ? {} : voiceFields(content.data)),
  }
}

/** What a voice comment shows beside a comment's own fields. */
function voiceFields(data: Readonly<Record<string, unknown>>) {
  const { from_line, to_line, from, to, transcript, transcription_text } = data
  return {
    data,
    formatted_from: from_line ?? from ?? null,
    formatted_to: to_line ?? to ?? null,
    transcription_visible: typeof (transcript ?? transcription_text) === 'string',
  }
}

export function auditView({ id, ticketId, authorId, changes, comments, createdAt }: StoredAudit, base: string) {
  return {
    id,
    ticket_id: ticketId,
    author_id: authorId,
    created_at: documentedTime(createdAt),
    events: [
      ...comments.map(comment => commentView(comment, base)),
      ...Object.entries(changes).map(([field_name, value]) => ({ type: 'Change', field_name, value })),
    ],
  }
}

export function attachmentView({ id, secret, fileName, contentType, size }: StoredAttachment, base: string) {
  const content_url = `${base}/attachments/token/${secret}/?name=${encodeURIComponent(fileName)}`
  return {
    url: `${base}${supportPath}/attachments/${id}.json`,
    id,
    file_name: fileName,
    content_url,
    mapped_content_url: content_url,
    content_type: contentType,
    size,
    inline: false,
    deleted: false,
    malware_scan_result: 'malware_not_found',
    thumbnails: [],
  }
}

export function userView({ id, role, fields, createdAt, updatedAt }: StoredUser, base: string) {
  const { name, email, phone, shared_phone_number, external_id, verified, notes, details, tags, user_fields } = fields
  return {
    url: `${base}${supportPath}/users/${id}.json`,
    id,
    name,
    email: email ?? null,
    phone: phone ?? null,
    shared_phone_number: phone == null ? null : (shared_phone_number ?? false),
    external_id: external_id ?? null,
    role,
    verified: verified ?? false,
    active: true,
    suspended: false,
    notes: notes ?? null,
    details: details ?? null,
    tags: tags ?? [],
    user_fields: user_fields ?? {},
    organization_id: null,
    created_at: documentedTime(createdAt),
    updated_at: documentedTime(updatedAt),
  }
}

export function identityView({ id, userId, type, value, verified, createdAt }: StoredIdentity, base: string) {
  return {
    url: `${base}${supportPath}/users/${userId}/identities/${id}.json`,
    id,
    user_id: userId,
    type,
    value,
    verified,
    primary: false,
    created_at: documentedTime(createdAt),
  }
}

export function availabilityView(agentId: number, { statusId, reason, version, updatedAt }: AgentStatus) {
  const agent_status = {
    id: statusId,
    name: statusNames.get(statusId)?.name.toLowerCase() ?? 'unknown',
    reason,
    updated_at: new Date(updatedAt).toISOString(),
  }
  return {
    data: {
      id: `agent_availabilities|${agentId}`,
      type: 'agent_availabilities',
      attributes: { agent_id: agentId, agent_status, group_ids: [], skills: [], version },
    },
  }
}

const htmlOf = (text: string) => text.replace(/[&<>]/g, character => entities.get(character) ?? '').replaceAll('\n', '<br>')
const entities: ReadonlyMap<string, string> = new Map([
  ['&', '&amp;'],
  ['<', '&lt;'],
  ['>', '&gt;'],
])
