/**
 * Getting audio onto a ticket: the file goes up, a private comment attaches it, and a player shows it.
 *
 * An upload that no comment attaches within the hour is thrown away by Zendesk, so one whose answer was lost, or that ran out, is
 * simply made again. What is attached has a file name of its own, by which it is found.
 */
import type { AudioItem, EncodedAudio } from '../../events/recording.ts'
import type { TicketVoiceComment } from '../wire/documented/ticket.ts'
import { uploadKeptMs, uploadLimitBytes } from '../wire/documented/upload.ts'
import type { Desk } from './desk.ts'
import { Halt, reject } from './halt.ts'
import type { ItemNote } from './item-note.ts'
import { attachedFile, hasPlayer } from './look-up.ts'
import type { Note } from './note.ts'

/** The largest audio that goes up as a file; longer calls need a lower bit rate, or a link. */
const maxUploadBytes = uploadLimitBytes

/** Where audio that is too large for Zendesk can be heard, for ever; `null`: nowhere. Rejects when it cannot be kept at present. */
export type LinkTo = (item: AudioItem, audio: EncodedAudio) => Promise<string | null>

export interface AudioParts {
  readonly desk: Desk
  readonly item: AudioItem
  readonly audio: EncodedAudio
  readonly note: Note<ItemNote>
  readonly link: LinkTo
  /** Epoch ms. */
  readonly now: number
}

/** How long an upload must still be kept to begin attaching it. */
const marginMs = 5 * 60_000
/** An upload that Zendesk lost goes up again; a file that it does not want is not sent for ever. */
const uploadLimit = 3

/** The audio's address: uploaded, unless it is already and not lost since; too large, it is linked. */
export async function audioUrl({ desk, item, audio, note, link, now }: AudioParts): Promise<string> {
  const { url, token, attached, expiresAt } = note.value
  if (url !== null && (token === null || attached || expiresAt > now + marginMs)) return url
  if (audio.size > maxUploadBytes) {
    const address = await linked(link, item, audio)
    if (address === null) {
      const limit = Math.round(maxUploadBytes / 1_048_576)
      throw reject(
        `Zendesk takes files of at most ${limit} MB and this one has ${Math.ceil(audio.size / 1_048_576)}: configure archive, which gives longer audio an address, or a lower transcode.bitrate, and redrive`,
      )
    }
    await note.set({ url: address, token: null, attached: true })
    return address
  }
  const uploaded = await desk.upload(fileName(item), audio)
  // Whatever pointed at an upload before points at nothing now.
  await note.set({
    token: uploaded.token,
    uploads: note.value.uploads + 1,
    url: uploaded.url,
    expiresAt: uploaded.expiresAt ?? now + uploadKeptMs,
    linked: false,
    played: false,
  })
  return uploaded.url
}

/** An archive that is full, or away, is no fault of the delivery: it is tried again. */
async function linked(link: LinkTo, item: AudioItem, audio: EncodedAudio): Promise<string | null> {
  try {
    return await link(item, audio)
  } catch (cause) {
    if (cause instanceof Halt) throw cause
    const reason = `the archive does not keep it: ${cause instanceof Error ? cause.message : String(cause)}`
    throw new Halt({ kind: 'retry', afterMs: null, reason }, true)
  }
}

/**
 * Attaches the upload to the ticket by a private comment; a linked one has nothing to attach. A refusal (422) of an open ticket means
 * that the upload is gone: the next try sends it again.
 */
export async function attach({ desk, item, note }: AudioParts, ticketId: number, body: string): Promise<void> {
  const { token, attached, uploads } = note.value
  if (attached || token === null) return
  try {
    await note.once(
      {
        name: 'attach',
        look: () => attachedFile(desk, ticketId, fileName(item)),
        make: async () => {
          await desk.changeTicket(ticketId, { comment: { body, public: false, uploads: [token] } })
          return note.value.url
        },
      },
      url => ({ attached: true, url: url ?? note.value.url }),
    )
  } catch (cause) {
    const refused = cause instanceof Halt && cause.status === 422
    if (!refused || uploads >= uploadLimit || (await isClosed(desk, ticketId))) throw cause
    await note.set({ token: null, url: null, linked: false })
    throw new Halt({ kind: 'retry', afterMs: null, reason: `${cause.message}; the audio goes up again` }, true)
  }
}

/** Whether a refusal means that the ticket is closed. What is noted of it is forgotten: audio that comes days later needs another. */
export async function wasClosed({ desk, note }: AudioParts, cause: unknown, ticketId: number): Promise<boolean> {
  if (!(cause instanceof Halt) || (cause.status !== 422 && cause.status !== 404)) return false
  if (!(await isClosed(desk, ticketId))) return false
  await note.set({ chosenId: null, attached: false, played: false })
  return true
}

/** A ticket that takes nothing any more, or is gone. */
export async function isClosed(desk: Desk, ticketId: number): Promise<boolean> {
  const ticket = await desk.ticket(ticketId)
  return ticket === null || ticket.status === 'closed'
}

/** The player of an account without call records, or of audio that belongs to none. */
export async function play({ desk, note }: AudioParts, ticketId: number, voice: TicketVoiceComment): Promise<void> {
  const url = voice.recording_url
  if (note.value.played || typeof url !== 'string') return
  await note.once(
    {
      name: 'play',
      look: () => hasPlayer(desk, ticketId, url),
      make: async (): Promise<true> => {
        await desk.changeTicket(ticketId, { voice_comment: voice })
        return true
      },
    },
    () => ({ played: true }),
  )
}

/** `ITEM_ID.mp3`: the same at every try, and no other item's. */
export const fileName = ({ id }: Pick<AudioItem, 'id'>): string => `${id.replace(/[^A-Za-z0-9._-]/g, '_')}.mp3`

/** What was said, when somebody wrote it down. */
export const transcriptOf = ({ transcript }: Pick<AudioItem, 'transcript'>): string | null =>
  transcript?.kind === 'text' && transcript.text.trim() !== '' ? transcript.text : null
