import { expect, test } from 'vitest'
import { LOOPBACK, PeerList } from '../../../src/sip/hep/peer-list.ts'

const peers = new PeerList(['192.0.2.10', '198.51.100.0/24', '2001:db8::/32', 'fe80::/10'])

test.each([
  ['192.0.2.10', true],
  ['::ffff:192.0.2.10', true],
  ['192.0.2.11', false],
  ['198.51.100.255', true],
  ['198.51.101.0', false],
  ['2001:db8:ffff::1', true],
  ['2001:db9::1', false],
  ['fe80::1%eth0', true],
  ['127.0.0.1', false],
  ['pbx.example', false],
  ['', false],
])('%s may send: %s', (address, may) => {
  expect(peers.has(address)).toBe(may)
})

test('this machine, and only this machine, is its own agent unless told', () => {
  const list = new PeerList(LOOPBACK)
  expect(['127.0.0.1', '127.1.2.3', '::1', '::ffff:127.0.0.1'].map(each => list.has(each))).toEqual([true, true, true, true])
  expect(['10.0.0.1', '::2'].map(each => list.has(each))).toEqual([false, false])
})
