/** A call as a comment: what it says, from the call's fields at this moment. Pure. */
import type { z } from 'zod'
import { callFields } from '../../wire/documented/call.ts'
import type { newVoiceCommentSchema } from '../../wire/documented/voice-comment.ts'
import { viaIds } from '../../wire/documented/words.ts'
import type { Actor } from './account.ts'
import type { CallFields, StoredDocumentedCall } from './documented-calls.ts'
import { invalidValue } from './refusals.ts'
import type { NewComment } from './ticket-history.ts'

const showable: ReadonlySet<string> = new Set([
  ...Object.keys(callFields),
  'app_id',
  'from_line',
  'to_line',
  'call_started_at',
  'direction',
])

/** Throws a 422 for a name that is no field of a call. */
export function checkShownFields(names: readonly string[]): void {
  const unknown = names.find(name => !showable.has(name))
  if (unknown !== undefined) throw invalidValue('call_fields', `Call fields: ${unknown.slice(0, 64)} is not a field of a call`)
}

/** Private, as Zendesk's are. */
export function voiceComment(
  { id, fields }: StoredDocumentedCall,
  { title, call_fields = [], author_id }: z.output<typeof newVoiceCommentSchema>,
  actor: Actor,
): NewComment & { readonly data: Readonly<Record<string, unknown>> } {
  const authorId = author_id ?? actor.userId
  const shown = call_fields.map(name => [name, fields[name] ?? null] as const)
  const heading = title ?? 'Call'
  const data = {
    app_id: fields.app_id,
    app_name: 'Telephony',
    author_id: authorId,
    call_id: id,
    ...Object.fromEntries(shown),
    external_id: fields.external_id ?? null,
    title: heading,
    via_id: viaIdOf(fields),
    recording_url: fields.recording_url ?? '',
  }
  const body = [
    heading,
    ...shown.map(([name, value]) => `${name.replaceAll('_', ' ')}: ${value === null ? '' : String(value)}`),
  ].join('\n')
  return { type: 'TpeVoiceComment', authorId, public: false, title: heading, body, data }
}

function viaIdOf({ voicemail, direction }: CallFields): number {
  if (voicemail === true) return viaIds.voicemail
  return direction === 'outbound' ? viaIds.outbound : viaIds.inbound
}
