/**
 * The JSON in what mod_json_cdr posts or writes: bare, percent-encoded (`encode: true`) or in base64 (`encode: base64`), with or without
 * the form's `cdr=`. Total: what is in none of them is answered as it is, for the JSON reader to refuse.
 * https://developer.signalwire.com/freeswitch/FreeSWITCH-Explained/Modules/mod_json_cdr_5046544/
 */
export function plainRecord(text: string): string {
  const bare = text.trim().replace(/^cdr=/, '')
  if (/^[{[]/.test(bare)) return bare
  if (/^%(?:7b|5b)/i.test(bare)) return percentDecoded(bare)
  if (/^[A-Za-z0-9+/\s]+={0,2}\s*$/.test(bare)) {
    const decoded = Buffer.from(bare, 'base64').toString()
    if (/^\s*[{[]/.test(decoded)) return decoded
  }
  return bare
}

function percentDecoded(text: string): string {
  try {
    // A form may write a blank as a plus; mod_json_cdr writes a plus as %2B.
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    // decodeURIComponent has no other way to say that the escapes are not UTF-8.
    return text
  }
}
