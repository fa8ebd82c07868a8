/**
 * Text to a session description (RFC 8866). Total and linear: whatever comes gets a description or a reason. Tolerant of what real
 * recorders and SBCs do (bare line feeds, blank lines, indentation, unknown or misplaced lines); strict only about the `m=` lines,
 * since an answer has to answer each of them.
 */
import { isUtf8 } from 'node:buffer'
import type { Attribute, Direction, MediaDescription, Origin, SessionDescription } from './description.ts'
import { attributeOf } from './description.ts'
import { payloadsOf } from './payloads.ts'

/** Why text is no session description. A closed set, so that it can label a metric. */
export type SdpProblem = 'too-long' | 'too-many-lines' | 'no-version' | 'media-line' | 'too-many-media'

export type SdpResult =
  | { readonly ok: true; readonly sdp: SessionDescription }
  | { readonly ok: false; readonly reason: SdpProblem }

/** A SIP message is not longer either. */
const MAX_BYTES = 65_536
const MAX_LINES = 2_000
const MAX_MEDIA = 64
/** RTP has 128 payload types. */
const MAX_FORMATS = 256

const refused = (reason: SdpProblem): SdpResult => ({ ok: false, reason })

/** What was read of a block: the session, or one `m=` line with what follows it. */
interface Block {
  address: string | null
  readonly attributes: Attribute[]
}

interface MediaBlock extends Block {
  readonly line: Pick<MediaDescription, 'kind' | 'port' | 'protocol' | 'formats'>
}

export function parseSdp(body: Buffer): SdpResult {
  if (body.length > MAX_BYTES) return refused('too-long')
  const lines = body.toString(isUtf8(body) ? 'utf8' : 'latin1').split(/\r\n|\n|\r/)
  if (lines.length > MAX_LINES) return refused('too-many-lines')
  const session: Block = { address: null, attributes: [] }
  const media: MediaBlock[] = []
  let origin: Origin | null = null
  let hasVersion = false
  let block: Block = session
  for (const raw of lines) {
    const line = raw.trim()
    if (line.charCodeAt(1) !== 61) continue
    const value = line.slice(2).trim()
    switch (line[0]) {
      case 'v':
        hasVersion = true
        break
      case 'o':
        origin ??= parseOrigin(value)
        break
      case 'c':
        block.address ??= parseConnection(value)
        break
      case 'a':
        block.attributes.push(parseAttribute(value))
        break
      case 'm': {
        const parsed = parseMediaLine(value)
        if (parsed === null) return refused('media-line')
        if (media.length === MAX_MEDIA) return refused('too-many-media')
        const next: MediaBlock = { line: parsed, address: null, attributes: [] }
        media.push(next)
        block = next
        break
      }
    }
  }
  if (!hasVersion) return refused('no-version')
  const direction = directionIn(session.attributes) ?? 'sendrecv'
  return {
    ok: true,
    sdp: {
      origin,
      address: session.address,
      attributes: session.attributes,
      media: media.map(each => described(each, session.address, direction)),
    },
  }
}

function described(
  { line, address, attributes }: MediaBlock,
  sessionAddress: string | null,
  direction: Direction,
): MediaDescription {
  const rtcpMux = attributeOf(attributes, 'rtcp-mux') !== null
  const rtcp = /^(\d{1,5})(?!\d)/.exec(attributeOf(attributes, 'rtcp') ?? '')?.[1]
  const ptime = /^(\d{1,4})(?:\.\d+)?$/.exec(attributeOf(attributes, 'ptime') ?? '')?.[1]
  const label = attributeOf(attributes, 'label')
  return {
    ...line,
    payloads: /^(?:UDP\/TLS\/|TCP\/)?(?:DTLS\/)?(?:RTP|SRTP)\//i.test(line.protocol) ? payloadsOf(line.formats, attributes) : [],
    address: address ?? sessionAddress,
    direction: directionIn(attributes) ?? direction,
    label: label === null || label === '' ? null : label,
    rtcpPort: rtcpMux || line.port === 0 ? line.port : (portIn(rtcp) ?? Math.min(line.port + 1, 65_535)),
    rtcpMux,
    ptimeMs: ptime === undefined || Number(ptime) === 0 ? null : Number(ptime),
    attributes,
  }
}

function portIn(digits: string | undefined): number | null {
  const port = Number(digits ?? Number.NaN)
  return port >= 1 && port <= 65_535 ? port : null
}

/** `<media> <port>[/<number of ports>] <proto> <fmt> …` (RFC 8866 section 5.14). */
function parseMediaLine(value: string): MediaBlock['line'] | null {
  const [kind = '', ports = '', protocol = '', ...formats] = value.split(/[ \t]+/)
  const port = /^(\d{1,5})(?:\/\d{1,5})?$/.exec(ports)?.[1]
  if (port === undefined || Number(port) > 65_535) return null
  if (!/^[A-Za-z0-9!#$%&'*+.^_`{|}~-]+$/.test(kind) || protocol === '') return null
  if (formats.length === 0 || formats.length > MAX_FORMATS) return null
  return { kind: kind.toLowerCase(), port: Number(port), protocol, formats }
}

/** `<username> <sess-id> <sess-version> <nettype> <addrtype> <unicast-address>`. */
function parseOrigin(value: string): Origin | null {
  const [username, sessionId, version, , , address] = value.split(/[ \t]+/)
  if (username === undefined || sessionId === undefined || version === undefined || address === undefined) return null
  return { username, sessionId, version, address }
}

/** `IN IP4 192.0.2.1[/ttl]`. */
function parseConnection(value: string): string | null {
  const address = value.split(/[ \t]+/)[2]?.split('/')[0]
  return address === undefined || address === '' ? null : address
}

function parseAttribute(value: string): Attribute {
  const colon = value.indexOf(':')
  if (colon === -1) return { name: value.toLowerCase(), value: null }
  return { name: value.slice(0, colon).toLowerCase(), value: value.slice(colon + 1).trim() }
}

function directionIn(attributes: readonly Attribute[]): Direction | null {
  for (const { name } of attributes) {
    if (name === 'sendrecv' || name === 'sendonly' || name === 'recvonly' || name === 'inactive') return name
  }
  return null
}
