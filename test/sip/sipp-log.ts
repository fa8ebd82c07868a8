import { readFileSync } from 'node:fs'
import type { SeenMessage } from '../../src/sip/message/message.ts'
import { parseMessage } from '../../src/sip/message/parse.ts'

/** Reads a sipp message trace of the calling phone as the trunk would have seen it: what the phone sent was received. */
export function seenInSippLog(path: string): SeenMessage[] {
  const entries = readFileSync(path, 'utf8').matchAll(
    /^-{20,} (\S+) (\S+)\nUDP message (sent|received) .*\n\n([\s\S]*?)(?=^-{20,}|$(?![\s\S]))/gm,
  )
  return Array.from(entries, ([, day, time, verb, text = '']) => {
    const parsed = parseMessage(Buffer.from(text.replace(/\r?\n/g, '\r\n')))
    if (!parsed.ok) throw new Error(`${parsed.reason}: ${text}`)
    return {
      at: Date.parse(`${day}T${time}Z`),
      direction: verb === 'sent' ? 'received' : 'sent',
      peer: { transport: 'udp', address: '127.0.0.1', port: 5081 },
      message: parsed.message,
    }
  })
}
