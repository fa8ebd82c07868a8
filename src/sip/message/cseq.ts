/** The CSeq header (RFC 3261 section 20.16): a sequence number and the method that it numbers. */

export interface CSeq {
  /** 0 to 2^32-1 (8.1.1.5 asks senders to stay below 2^31; some do not). */
  readonly seq: number
  readonly method: string
}

const CSEQ = /^(\d{1,20})[ \t]+([A-Za-z0-9\-.!%*_+`'~]+)$/

/** `null` when the value is no CSeq or its number is out of range. */
export function parseCSeq(value: string): CSeq | null {
  const match = CSEQ.exec(value)
  const digits = match?.[1]
  const method = match?.[2]
  if (digits === undefined || method === undefined) return null
  const seq = Number(digits)
  return seq <= 0xffff_ffff ? { seq, method } : null
}
