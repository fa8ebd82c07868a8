/** The names of archived audio: readable, the same for the same item, and never outside the archive. Pure. */
import { createHash } from 'node:crypto'

/** File systems take 255 bytes; a temporary name or an extension of a later version has room left. */
const longestName = 200

/**
 * `SITE/YYYY/MM/DD/ID.mp3`, the day in UTC. `startedAt` is epoch ms. Two ids never share a key.
 */
export function archiveKey(site: string, id: string, startedAt: number): string {
  const [year = '', month = '', day = ''] = new Date(startedAt).toISOString().slice(0, 10).split('-')
  return [segment(site), year, month, day, `${segment(id)}.mp3`].join('/')
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
