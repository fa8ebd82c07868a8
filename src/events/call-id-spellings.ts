/** A Call-ID as recorders write it into names of files. Pure. */

/**
 * The Call-IDs that this text may stand for, the likeliest first; at most three. Recorders cannot write every character of a
 * Call-ID (RFC 3261 section 25.1: word [ "@" word ]) into a file name. Percent escapes can be undone, and so can an `@`
 * written as `_` where there is only one place for it; anything else is ambiguous and left alone. Each is looked up as an exact key.
 */
export function callIdSpellings(sipCallId: string): readonly string[] {
  const spellings = [sipCallId]
  if (/%[0-9a-f]{2}/i.test(sipCallId)) {
    const decoded = percentDecoded(sipCallId)
    if (decoded !== null) spellings.push(decoded)
  }
  if (!sipCallId.includes('@') && sipCallId.split('_').length === 2) spellings.push(sipCallId.replace('_', '@'))
  return spellings
}

function percentDecoded(text: string): string | null {
  try {
    const decoded = decodeURIComponent(text)
    return /^[!-~]+$/.test(decoded) ? decoded : null
  } catch {
    // decodeURIComponent has no other way to say that the escapes are not UTF-8.
    return null
  }
}
