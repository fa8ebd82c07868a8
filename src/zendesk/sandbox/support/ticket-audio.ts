/**
 * Audio of ours on a ticket: the ticket gets the file itself, so it is still there when the voicemail or recording is deleted (the
 * Voice API's voicemail workflow ends with just that). Any other address stays a link.
 */
import { voicePath } from '../../wire/words.ts'
import type { MediaFolder } from '../media-folder.ts'
import { deleted, invalidField } from '../problem.ts'
import type { AudioShelf, StoredRecording, StoredVoicemail } from '../voice/audio/audio-shelf.ts'
import type { Account } from './account.ts'
import type { NewAttachment } from './attachments.ts'

export interface AudioSources {
  readonly recordings: AudioShelf<StoredRecording['metadata']>
  readonly voicemails: AudioShelf<StoredVoicemail['metadata']>
}

/** What to attach: files that are in place already but that no row names yet, and links. */
export interface TicketAudio {
  readonly files: readonly NewAttachment[]
  readonly links: readonly string[]
}

export const noAudio: TicketAudio = { files: [], links: [] }

/** Copies what `urls` names of ours. Throws a 422 for audio of ours that is gone; leaves nothing then. */
export async function audioAt(
  urls: readonly string[],
  base: string,
  shelves: AudioSources,
  account: Account,
  media: MediaFolder,
  now: number,
): Promise<TicketAudio> {
  const files: NewAttachment[] = []
  const links: string[] = []
  try {
    for (const url of urls) {
      const own = ownAudio(url, base)
      if (own === null) {
        links.push(url)
        continue
      }
      const stored = own.kind === 'voicemail' ? shelves.voicemails.get(own.id) : shelves.recordings.get(own.id)
      if (stored === null || stored.deleted) throw invalidField('ticket.attachments', `there is no audio at ${url}`)
      files.push(await copyOf(stored.file, `${own.kind}-${own.id}.mp3`, account, media, now))
    }
  } catch (cause) {
    await dropFiles({ files, links }, media)
    throw cause
  }
  return { files, links }
}

/** Copies one file. Throws a 410 when it went away meanwhile. */
export async function copyOf(
  file: string,
  fileName: string,
  account: Account,
  media: MediaFolder,
  now: number,
): Promise<NewAttachment> {
  const { newToken } = account
  const copy = `ticket-${newToken()}.mp3`
  try {
    const { size } = await media.keepAlso(file, copy)
    const expiresAt = now + account.settings.current.upload_kept_ms
    return { token: newToken(), secret: newToken(), fileName, contentType: 'audio/mpeg', size, file: copy, expiresAt }
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') throw deleted('Voicemail')
    throw cause
  }
}

/** Removes copies that no ticket took. */
export async function dropFiles({ files }: TicketAudio, media: MediaFolder): Promise<void> {
  for (const { file } of files) await media.remove(file)
}

function ownAudio(url: string, base: string): { readonly kind: 'voicemail' | 'recording'; readonly id: number } | null {
  const start = `${base}${voicePath}/`
  if (!url.startsWith(start)) return null
  const match = /^(?:phone_voicemails\/(\d{1,15})\/audio|phone_recordings\/(\d{1,15})\/download)(?:[?#].*)?$/.exec(
    url.slice(start.length),
  )
  if (match === null) return null
  const [, voicemail, recording] = match
  return voicemail === undefined ? { kind: 'recording', id: Number(recording) } : { kind: 'voicemail', id: Number(voicemail) }
}
