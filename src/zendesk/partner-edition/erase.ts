/**
 * Erasing a recording or voicemail where the Partner Edition keeps it: `DELETE /phone_recordings/{id}`, `/phone_voicemails/{id}`, and with
 * it its transcript. Without a noted id it is looked up by the id that we gave it, because a delivery whose answer was lost may have got
 * through. Tickets that were made of it stay; what was said is in none of them but by a rule's own template.
 */
import type { AudioItem } from '../../events/recording.ts'
import { neverSent, type ZendeskErasure, type ZendeskErrand } from '../erasure.ts'
import type { Connection } from '../http/connection.ts'
import { VoiceClient } from '../voice/voice-client.ts'
import { VoiceApiError, VoiceFailure } from '../voice/voice-failure.ts'
import type { Id } from '../wire/page.ts'

/** Zendesk's clock may be behind ours: how much earlier than it was found something can seem to have been made, ms. */
const clockSlackMs = 86_400_000
const perPage = 1_000
const configurationMs = 60_000
const tooManyMs = 10_000

export class PartnerEditionEraser {
  readonly #client: VoiceClient
  readonly #connection: Connection

  constructor({ connection, clock }: { readonly connection: Connection; readonly clock: () => number }) {
    this.#client = new VoiceClient({ connection, clock })
    this.#connection = connection
  }

  /** One attempt, safe to repeat. Throws only for a bug of ours. */
  async erase(item: AudioItem, { remoteId, wasSent }: ZendeskErrand, signal: AbortSignal): Promise<ZendeskErasure> {
    if (!wasSent) return neverSent
    try {
      const ids = remoteId === null ? await this.#find(item, signal) : [remoteId]
      let deleted = 0
      for (const id of ids) deleted += (await this.#delete(item, id, signal)) ? 1 : 0
      return { kind: 'erased', told: deleted === 0 ? 'not there' : `deleted (${ids.join(', ')})`, byHand: null }
    } catch (cause) {
      if (signal.aborted) return { kind: 'retry', afterMs: null, reason: 'given up before Zendesk answered' }
      if (cause instanceof VoiceFailure) return unfinished(cause, this.#connection)
      throw cause
    }
  }

  /** False: it was gone. */
  async #delete(item: AudioItem, id: Id, signal: AbortSignal): Promise<boolean> {
    try {
      await (item.kind === 'recording' ? this.#client.recordings : this.#client.voicemails).delete(id, signal)
      return true
    } catch (cause) {
      if (cause instanceof VoiceApiError && (cause.status === 404 || cause.status === 410)) return false
      throw cause
    }
  }

  async #find(item: AudioItem, signal: AbortSignal): Promise<readonly Id[]> {
    const { recordings, voicemails, phoneCalls } = this.#client
    if (item.kind === 'voicemail') return await named(item, voicemails.list({ limit: perPage }, signal))
    if (item.callId === null) return await named(item, recordings.list({ limit: perPage }, signal))
    const found: Id[] = []
    for await (const call of phoneCalls.list({ external_id: item.callId }, signal)) {
      found.push(...(await named(item, phoneCalls.recordings(call.id, { limit: perPage }, signal))))
    }
    return found
  }
}

interface Shown {
  readonly id: Id
  readonly external_id: string
  readonly created_at: string
}

/** Those of a list, newest first, that are this item; what was made before it was found need not be looked at. */
const named = async ({ id, foundAt }: AudioItem, list: AsyncIterable<Shown>): Promise<readonly Id[]> => {
  const found: Id[] = []
  for await (const shown of list) {
    if (shown.external_id === id) found.push(shown.id)
    if (Date.parse(shown.created_at) < foundAt - clockSlackMs) break
  }
  return found
}

const unfinished = (failure: VoiceFailure, connection: Connection): ZendeskErasure => {
  const reason = connection.withoutSecrets(failure.message)
  const { retryAfterMs: afterMs, retryable } = failure
  const status = failure instanceof VoiceApiError ? failure.status : null
  if (status === 429) return { kind: 'wait', scope: 'sink', afterMs: afterMs ?? tooManyMs, reason }
  if (status === 401 || status === 403) {
    return { kind: 'wait', scope: 'sink', afterMs: configurationMs, reason: `${reason}: set zendesk.token to a valid one` }
  }
  // The lists and calls themselves: what is not there of one recording is no failure.
  if (status === 404 || status === 405 || (status !== null && status >= 300 && status < 400)) {
    return { kind: 'wait', scope: 'sink', afterMs: configurationMs, reason: `${reason}: check zendesk.base_url` }
  }
  return retryable || status === null ? { kind: 'retry', afterMs, reason } : { kind: 'reject', reason }
}
