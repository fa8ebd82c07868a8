/** The places that an erasure empties, each in the words of the erasure stage. */
import { type Archive, ArchiveError } from '../archive/archive.ts'
import { failed } from '../archive/delivery.ts'
import type { Outcome, Place } from '../erasure/place.ts'
import { eraseSources, type SourceErasingOptions } from '../recordings/erasing/source-files.ts'
import { describe, errorCode } from '../recordings/failure.ts'
import type { Intake } from '../recordings/intake/intake.ts'
import { CallsEraser, type CallsEraserOptions } from '../zendesk/calls/erase.ts'
import { PartnerEditionEraser } from '../zendesk/partner-edition/erase.ts'

const busyMs = 5_000

/** The bridge's own copies: the MP3, and an upload as it came. */
export const spoolPlace = (intake: Pick<Intake, 'erase'>): Place => ({
  name: 'spool',
  erase: async ({ id }) => {
    try {
      if (await intake.erase(id)) return { kind: 'erased', told: 'emptied', byHand: null }
      return { kind: 'wait', reason: 'it is being encoded at this moment', afterMs: busyMs }
    } catch (cause) {
      if (errorCode(cause) === null) throw cause
      return { kind: 'retry', reason: `the bridge's own copy cannot be deleted: ${describe(cause)}`, afterMs: null }
    }
  },
})

/** The PBX's own files. */
export const sourcesPlace = (options: SourceErasingOptions): Place => ({
  name: 'sources',
  erase: async (item, { keepSources, files, elsewhere }, signal) => {
    if (keepSources) return { kind: 'erased', told: 'kept, as asked for', byHand: null }
    const result = await eraseSources(item, files, options, signal)
    if (result.kind === 'left') return { kind: 'reject', reason: result.reason }
    // The same path is taken for the same file, on a folder that the machines share.
    const mine = new Set([item.sourcePath, ...files.map(({ path }) => path)])
    const others = elsewhere.filter(({ path }) => !mine.has(path))
    const byHand = others.map(({ bridge, path }) => `delete ${path} on the machine of bridge ${bridge} by hand`)
    return { kind: 'erased', told: `${result.deleted} files deleted`, byHand: byHand.length === 0 ? null : byHand.join('; ') }
  },
})

/** The audio and the record beside it. */
export const archivePlace = (archive: Archive | null): Place => ({
  name: 'archive',
  erase: async (item, { archiveKey }, signal) => {
    if (archive === null) {
      if (archiveKey === null) return { kind: 'erased', told: 'no archive', byHand: null }
      return {
        kind: 'reject',
        reason: `it was archived as ${archiveKey}, and no archive is configured any more: configure it, then redrive`,
      }
    }
    const key = archiveKey ?? archive.keyOf(item)
    try {
      const deletion = await archive.delete(key, signal)
      if (deletion !== 'held')
        return { kind: 'erased', told: deletion === 'deleted' ? `deleted ${key}` : 'not there', byHand: null }
      return { kind: 'reject', reason: `${key} is held in the archive: release it (tpe-bridge hold --release), then redrive` }
    } catch (cause) {
      if (signal.aborted) return { kind: 'retry', reason: 'given up before the archive answered', afterMs: null }
      if (cause instanceof ArchiveError) return ofThisOne(failed(cause))
      throw cause
    }
  },
})

export const zendeskPlace = (api: 'partner-edition' | 'calls', options: CallsEraserOptions): Place => {
  const eraser = api === 'calls' ? new CallsEraser(options) : new PartnerEditionEraser(options)
  return {
    name: 'zendesk',
    erase: async (item, errand, signal) => {
      const result = await eraser.erase(item, errand, signal)
      return result.kind === 'erased' ? result : ofThisOne(result)
    },
  }
}

/** One place that is away is no reason to keep other erasures from the places that are there: nothing waits but this one. */
const ofThisOne = (result: Exclude<ReturnType<typeof failed>, { readonly kind: 'delivered' }>): Outcome =>
  result.kind === 'wait' ? { kind: 'wait', reason: result.reason, afterMs: result.afterMs } : result
