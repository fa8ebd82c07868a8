import { readFile } from 'node:fs/promises'
import { describe, expect, test } from 'vitest'
import { placeOf, readHost, roleOf, supposedPbx } from '../../../src/cli/trace/hosts.ts'
import { readCapture } from '../../../src/sip/hep/capture-file.ts'
import type { HopAddress } from '../../../src/sip/message/message.ts'
import { type Captured, carrier, dialog, pbx, pcapOf, phone } from './lab.ts'

test.each([
  ['192.0.2.10', { address: '192.0.2.10', port: null }],
  ['192.0.2.10:5070', { address: '192.0.2.10', port: 5070 }],
  ['2001:db8::1', { address: '2001:db8::1', port: null }],
  ['[2001:db8::1]:5070', { address: '2001:db8::1', port: 5070 }],
  ['pbx.example', null],
  ['192.0.2.10:0', null],
  ['', null],
])('%s is read as an address', (text, host) => {
  expect(readHost(text)).toEqual(host)
})

describe('the name of an address in the ladder', () => {
  const hosts = { pbx: [{ address: '192.0.2.10', port: 5070 }], carrier: [{ address: '198.51.100.7', port: null }] }
  const hop = (address: string, port: number, transport: HopAddress['transport'] = 'udp'): HopAddress => ({
    transport,
    address,
    port,
  })

  test.each([
    ['a port that another service has', hop('192.0.2.10', 5099), '192.0.2.10:5099', ''],
    ['a port of its own choice over TCP', hop('192.0.2.10', 40_123, 'tcp'), '192.0.2.10:5070', 'PBX'],
    ['any port of a host that is known without one', hop('198.51.100.7', 5061, 'tls'), '198.51.100.7', 'carrier'],
    ['whoever is not known', hop('2001:db8::9', 5060), '[2001:db8::9]:5060', ''],
  ])('of %s', (_, from, name, role) => {
    expect(placeOf(from, hosts)).toBe(name)
    expect(roleOf(name, hosts)).toBe(role)
  })
})

describe('the PBX that a capture suggests', () => {
  const items = async (messages: readonly Captured[]) => {
    const read = readCapture(await readFile(await pcapOf(messages)))
    if (!read.ok) throw new Error(read.reason)
    return read.capture.items
  }
  const invite = (id: string) => dialog(id, '1001', '1002').invite()

  test('is who takes calls and makes others', async () => {
    const captured = [
      { at: 0, from: phone, to: pbx, text: invite('a') },
      { at: 1, from: pbx, to: carrier, text: invite('b') },
    ]
    expect(supposedPbx(await items(captured))).toEqual({ address: pbx.address, port: pbx.port })
  })

  test('is nobody who only passes calls on', async () => {
    const captured = [
      { at: 0, from: phone, to: pbx, text: invite('a') },
      { at: 1, from: pbx, to: carrier, text: invite('a') },
    ]
    expect(supposedPbx(await items(captured))).toBeNull()
  })

  test('is nobody where two do as much', async () => {
    const captured = [
      { at: 0, from: phone, to: pbx, text: invite('a') },
      { at: 1, from: pbx, to: carrier, text: invite('b') },
      { at: 2, from: carrier, to: phone, text: invite('c') },
    ]
    expect(supposedPbx(await items(captured))).toBeNull()
  })
})
