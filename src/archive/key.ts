/**
 * The names of archived audio and of what lies beside it: readable, the same for the same item, and never outside the archive. Pure.
 *
 *   hq/2026/11/22/rec_x.mp3         the audio
 *   hq/2026/11/22/rec_x.vcon.json   the record of the call (vcon.ts)
 *   hq/2026/11/22/rec_x.mp3.hold    a legal hold: while it is there, nothing deletes the other two
 */
import { createHash } from 'node:crypto'
import type { RecordingId } from '../events/recording.ts'

/** File systems take 255 bytes; a temporary name or an extension of a later version has room left. */
const longestName = 200

/**
 * `SITE/YYYY/MM/DD/ID.mp3`, the day in UTC. `startedAt` is epoch ms. Two ids never share a key.
 */
export function archiveKey(site: string, id: string, startedAt: number): string {
  const [year = '', month = '', day = ''] = new Date(startedAt).toISOString().slice(0, 10).split('-')
  return [segment(site), year, month, day, `${segment(id)}.mp3`].join('/')
}

/** Where the audio of a site lies, with a slash at its end. */
export const siteFolder = (site: string): string => `${segment(site)}/`

/** The record beside audio. */
export const recordKey = (key: string): string => key.replace(/\.mp3$/, '.vcon.json')

/** The marker that holds audio. */
export const holdKey = (key: string): string => `${key}.hold`

/** When the day of an audio's key began, epoch ms; `null` for anything that is no audio of the archive. */
export function dayOf(key: string): number | null {
  const [, year, month, day] = /^[^/.][^/]*\/(\d{4})\/(\d{2})\/(\d{2})\/[^/.][^/]*\.mp3$/.exec(key) ?? []
  if (year === undefined || month === undefined || day === undefined) return null
  const at = Date.parse(`${year}-${month}-${day}T00:00:00Z`)
  return Number.isNaN(at) ? null : at
}

/** Whose audio a key names. Throws for anything that is no audio of an archive. */
export function itemOf(key: string): RecordingId {
  audioKey(key)
  return key.slice(key.lastIndexOf('/') + 1, -'.mp3'.length) as RecordingId // the ids that we make have nothing to escape
}

/** Throws for anything that is no audio of an archive: a caller's mistake, which must not reach another file. */
export function audioKey(key: string): void {
  if (dayOf(key) === null) throw new TypeError(`${JSON.stringify(key)} is no key of archived audio`)
}

/** The address of a key below the archive's public address, which ends with a slash. */
export function addressOf(key: string, publicUrl: string): string {
  return new URL(key.split('/').map(encodeURIComponent).join('/'), publicUrl).href
}

/**
 * One part of a path: letters, digits, `.`, `_` and `-` stand for themselves, any other byte is written `~XX`; so is a dot at the
 * beginning, which would hide the file or lead out of the folder. What would be too long becomes its SHA-256.
 */
function segment(text: string): string {
  const written = [...Buffer.from(text, 'utf8')]
    .map((byte, index) => {
      const character = String.fromCharCode(byte)
      const plain = /[A-Za-z0-9_.-]/.test(character) && !(character === '.' && index === 0)
      return plain ? character : `~${byte.toString(16).padStart(2, '0')}`
    })
    .join('')
  if (written.length <= longestName && written !== '') return written
  return `~sha256-${createHash('sha256').update(text).digest('hex')}`
}
