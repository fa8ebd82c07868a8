/**
 * Which tag of a dialog is whose. RFC 4235 section 4.1.1 names them after the watched extension; FreeSWITCH (mod_sofia,
 * sofia_presence.c) always writes the To tag of its INVITE as `local-tag` and the From tag as `remote-tag`, so that they are
 * the wrong way round for calls that the extension made. Pure.
 */
import type { DialogInfo } from './dialog-info.ts'

/** The document as RFC 4235 means it; `userAgent` is the NOTIFY's header, '' when it has none. */
export function withTagsOfRfc4235(info: DialogInfo, userAgent: string): DialogInfo {
  if (!/freeswitch/i.test(userAgent)) return info
  const dialogs = info.dialogs.map(dialog =>
    dialog.direction === 'initiator' ? { ...dialog, localTag: dialog.remoteTag, remoteTag: dialog.localTag } : dialog,
  )
  return { ...info, dialogs }
}
