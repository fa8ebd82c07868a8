/** The compact form of a response without body (RFC 3261 section 7.3.3), for where each byte counts. */
const SHORT: Readonly<Record<string, string>> = { via: 'v', from: 'f', to: 't', 'call-id': 'i', 'content-length': 'l' }

/** The same head with short header names; `head`: a whole message that has no body. */
export function abbreviated(head: Buffer): Buffer {
  const text = head.toString('latin1').replace(/^([A-Za-z-]+): /gm, (field, name: string) => {
    const short = SHORT[name.toLowerCase()]
    return short === undefined ? field : `${short}:`
  })
  return Buffer.from(text, 'latin1')
}
