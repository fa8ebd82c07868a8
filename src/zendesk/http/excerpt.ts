/** Cutting what a far side said down to what fits into a reason. Pure. */

/** The readable start of a body: no tags, no control characters, single spaces, at most `limit` characters. */
export function excerpt(text: string, limit = 120): string {
  const plain = text
    // Bounded, so that a megabyte of `<` costs nothing.
    .slice(0, 8192)
    .replace(/<(script|style)\b[^>]*>[^<]*<\/\1>/gi, ' ')
    .replace(/<[^<>]*>/g, ' ')
    .replace(/[\p{Cc}\p{Cf}\s]+/gu, ' ')
    .trim()
  return plain.length <= limit ? plain : `${plain.slice(0, limit - 1)}…`
}

/** Whether a body is a web page rather than an answer of the API. */
export function looksLikeHtml(contentType: string | null, text: string): boolean {
  return /\bhtml\b/i.test(contentType ?? '') || /^\s*<(?:!doctype|html|head|body)\b/i.test(text.slice(0, 512))
}
