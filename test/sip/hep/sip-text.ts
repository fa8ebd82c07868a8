/** The shortest SIP messages that a parser accepts. */

/** A request with a body that makes it as long as wanted. */
export function sipRequest(callId: string, { method = 'INVITE', cseq = 1, transport = 'UDP', body = '' } = {}): string {
  return [
    `${method} sip:1002@192.0.2.20 SIP/2.0`,
    `Via: SIP/2.0/${transport} 192.0.2.10;branch=z9hG4bK${callId}${cseq}`,
    'From: <sip:1001@192.0.2.10>;tag=a',
    'To: <sip:1002@192.0.2.20>',
    `Call-ID: ${callId}`,
    `CSeq: ${cseq} ${method}`,
    `Content-Length: ${Buffer.byteLength(body)}`,
    '',
    body,
  ].join('\r\n')
}
