/** The account as provisioning wants it: the Voice API's client, patient where it is asked to be. */
import { setTimeout as sleep } from 'node:timers/promises'
import { AccountChanged, type VoiceAccount } from '../../migration/provisioning/voice-account.ts'
import type { VoiceClient } from '../../zendesk/voice/voice-client.ts'
import { VoiceApiError } from '../../zendesk/voice/voice-failure.ts'

const longestPauseMs = 60_000
const usualPauseMs = 5000
/** With these pauses, longer than any rate limit's minute. */
const mostPauses = 20

/** Every request ends with `signal`. */
export function voiceAccount(client: VoiceClient, signal: AbortSignal): VoiceAccount {
  const { phoneLines, phoneNumbers, queues, ivr } = client
  const change = <T>(ask: () => Promise<T>): Promise<T> => patient(ask, signal).catch(explainConflict)
  return {
    lines: {
      list: () => patientList(() => phoneLines.list({ limit: 1000 }, signal), signal),
      create: line => change(() => phoneLines.create({ ...line }, signal)),
      update: (id, line) => change(() => phoneLines.update(id, { ...line }, signal)),
      delete: id => change(() => phoneLines.delete(id, signal)),
    },
    numbers: {
      list: () => patientList(() => phoneNumbers.list({ limit: 1000 }, signal), signal),
      create: ({ capabilities, ...number }) =>
        change(() => phoneNumbers.create({ ...number, ...copied({ capabilities }) }, signal)),
      update: (id, { capabilities, number: _fixed, ...number }) =>
        change(() => phoneNumbers.update(id, { ...number, ...copied({ capabilities }) }, signal)),
      delete: id => change(() => phoneNumbers.delete(id, signal)),
    },
    queues: {
      list: () => patientList(() => queues.list({ limit: 1000 }, signal), signal),
      create: ({ members, ...queue }) => change(() => queues.create({ ...queue, ...copied({ members }) }, signal)),
      update: (id, { members, ...queue }) => change(() => queues.update(id, { ...queue, ...copied({ members }) }, signal)),
      delete: id => change(() => queues.delete(id, signal)),
      addMember: (id, agent) => change(() => queues.addMember(id, agent, signal)),
      removeMember: (id, agent) => change(() => queues.removeMember(id, agent, signal)),
    },
    menus: {
      get: id => patient(() => ivr.menu(id, signal), signal).catch(nullIfMissing),
      create: (menu, idempotencyKey) =>
        change(() =>
          ivr.createMenu({ ...menu, options: [...menu.options] }, signal, idempotencyKey === undefined ? {} : { idempotencyKey }),
        ),
      update: (id, { options, ...menu }) => change(() => ivr.updateMenu(id, { ...menu, ...copied({ options }) }, signal)),
    },
    ivr: {
      get: number => patient(() => ivr.settings(number, signal), signal),
      set: (number, settings) => change(() => ivr.configure(number, settings, signal)),
    },
  }
}

/** The lists that are there, as lists of the caller's own. */
function copied<Key extends string, Item>(lists: { readonly [key in Key]: readonly Item[] | undefined }) {
  const result: { [key in Key]?: Item[] } = {}
  for (const key in lists) {
    const list = lists[key]
    if (list !== undefined) result[key] = [...list]
  }
  return result
}

/** What was refused for its time only was not done: it is asked again. Nothing else is. */
async function patient<T>(ask: () => Promise<T>, signal: AbortSignal): Promise<T> {
  for (let pauses = 0; ; pauses += 1) {
    try {
      return await ask()
    } catch (cause) {
      if (!(cause instanceof VoiceApiError) || cause.status !== 429 || pauses === mostPauses) throw cause
      await sleep(Math.min(cause.retryAfterMs ?? usualPauseMs, longestPauseMs), undefined, { signal })
    }
  }
}

/** A list is read again from its beginning: pages of before and after a pause need not fit together. */
async function* patientList<T>(list: () => AsyncIterable<T>, signal: AbortSignal): AsyncGenerator<T> {
  yield* await patient(() => collected(list()), signal)
}

async function collected<T>(list: AsyncIterable<T>): Promise<readonly T[]> {
  const items: T[] = []
  for await (const item of list) items.push(item)
  return items
}

function explainConflict(cause: unknown): never {
  if (cause instanceof VoiceApiError && (cause.status === 404 || cause.status === 409)) {
    throw new AccountChanged(cause.message, { cause })
  }
  throw cause
}

function nullIfMissing(cause: unknown): null {
  if (cause instanceof VoiceApiError && cause.status === 404) return null
  throw cause
}
