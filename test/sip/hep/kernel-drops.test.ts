import { expect, test } from 'vitest'
import { dropsIn } from '../../../src/sip/hep/kernel-drops.ts'

const udp = `   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
  351: 0100007F:2364 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 27614 2 0000000000000000 41
 3010: 0A0200C0:2364 00000000:0000 07 00000000:00000000 00:00000000 00000000   101        0 20304 2 0000000000000000 7
 3011: 0A0200C0:2364 00000000:0000 07 00000000:00000000 00:00000000 00000000   101        0 20305 2 0000000000000000 1
`
const udp6 = `  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
 1: B80D0120000000000000000001000000:2364 00000000000000000000000000000000:0000 07 00000000:00000000 00:00000000 00000000 0 0 1 2 0 5
 2: 00000000000000000000000001000000:2364 00000000000000000000000000000000:0000 07 00000000:00000000 00:00000000 00000000 0 0 1 2 0 6
 3: 0000000000000000FFFF00000A0200C0:2364 00000000000000000000000000000000:0000 07 00000000:00000000 00:00000000 00000000 0 0 1 2 0 8
`

test.each([
  [udp, '127.0.0.1', 9060, 41],
  [udp, '192.0.2.10', 9060, 8],
  [udp, '127.0.0.1', 9061, null],
  [udp6, '2001:db8::1', 9060, 5],
  [udp6, '::1', 9060, 6],
  [udp6, '::ffff:192.0.2.10', 9060, 8],
  ['', '127.0.0.1', 9060, null],
])('the drops of a socket are found by its address (%#)', (table, address, port, drops) => {
  expect(dropsIn(table, address, port)).toBe(drops)
})
