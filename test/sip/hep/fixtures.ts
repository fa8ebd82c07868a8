/** The captures of a real Asterisk in test/fixtures/asterisk-hep: each file is `uint32 length, one HEPv3 datagram`, repeated. */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** Name and number of datagrams of every capture. */
export const asteriskCaptures: readonly (readonly [string, number])[] = [
  ['00-plain-call', 13],
  ['01-answered', 39],
  ['02-wav49', 53],
  ['03-rx-tx', 39],
  ['04-voicemail-noanswer', 47],
  ['06-abandoned', 37],
  ['07-hold', 49],
  ['10-trunk-b2bua-out', 33],
]

/** The whole file. */
export function asteriskCapture(name: string): Buffer {
  return readFileSync(fileURLToPath(new URL(`../../fixtures/asterisk-hep/${name}.lp`, import.meta.url)))
}

/** Its datagrams. */
export function asteriskDatagrams(name: string): Buffer[] {
  const bytes = asteriskCapture(name)
  const datagrams: Buffer[] = []
  for (let at = 0; at < bytes.length; ) {
    const length = bytes.readUInt32BE(at)
    datagrams.push(bytes.subarray(at + 4, at + 4 + length))
    at += 4 + length
  }
  return datagrams
}
