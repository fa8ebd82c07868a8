/** A session description (SDP, RFC 8866) as plain data. What the bridge does not understand is kept as attributes. */

export type Direction = 'sendrecv' | 'sendonly' | 'recvonly' | 'inactive'

export interface Attribute {
  /** In lower case; SDP's own spelling of names is lower case throughout. */
  readonly name: string
  /** Behind the colon; `null` for a property attribute such as `a=rtcp-mux`. */
  readonly value: string | null
}

/** One format of an RTP `m=` line: what a payload type means. */
export interface Payload {
  /** RTP payload type, 0 to 127. */
  readonly type: number
  /** Encoding name in upper case (`PCMA`, `TELEPHONE-EVENT`); `null` for a dynamic type that no rtpmap explains. */
  readonly encoding: string | null
  /** Hz, as rtpmap says: G.722's is 8000 although it samples at 16,000 (RFC 3551 section 4.5.2). */
  readonly clockRate: number
  readonly channels: number
  /** Format parameters (`a=fmtp`), as written. */
  readonly parameters: string | null
}

export interface MediaDescription {
  /** `audio`, `video`, `application`… in lower case. */
  readonly kind: string
  /** 0: refused or removed (RFC 3264 section 8.2). */
  readonly port: number
  /** As written: `RTP/AVP`, `RTP/SAVP`… */
  readonly protocol: string
  /** The formats as written, in the sender's order of preference. */
  readonly formats: readonly string[]
  /** The formats that are payload types, with what they mean; empty for protocols other than RTP. */
  readonly payloads: readonly Payload[]
  /** The address of this line's `c=`, or else the session's; `null` when neither has one. */
  readonly address: string | null
  /** Of this line, or else of the session, or else `sendrecv`. */
  readonly direction: Direction
  /** RFC 4574. */
  readonly label: string | null
  /** Where RTCP goes (RFC 3605); the port above RTP's when nothing is said, RTP's own with rtcp-mux. */
  readonly rtcpPort: number
  /** RFC 5761. */
  readonly rtcpMux: boolean
  /** Milliseconds of audio in a packet, when said. */
  readonly ptimeMs: number | null
  readonly attributes: readonly Attribute[]
}

export interface Origin {
  readonly username: string
  readonly sessionId: string
  readonly version: string
  readonly address: string
}

export interface SessionDescription {
  readonly origin: Origin | null
  readonly address: string | null
  readonly attributes: readonly Attribute[]
  /** In the order of the `m=` lines: an answer has to have as many (RFC 3264 section 6). */
  readonly media: readonly MediaDescription[]
}

/** The value of the first attribute of that name; '' for a property attribute, `null` when there is none. */
export function attributeOf(attributes: readonly Attribute[], name: string): string | null {
  for (const attribute of attributes) if (attribute.name === name) return attribute.value ?? ''
  return null
}
