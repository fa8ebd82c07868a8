import fc from 'fast-check'
import { expect, test } from 'vitest'
import { isLoopback, parseHostPort, parseOrigin, parseSipListener, parseSipPeer } from '../../src/config/addresses.ts'
import { parseAgentTable } from '../../src/config/agents-file.ts'
import { closest } from '../../src/config/closest.ts'
import { parseFileNamePattern } from '../../src/config/patterns.ts'
import { parseDuration, parseSize } from '../../src/config/units.ts'

test.for([
  ['500ms', 500],
  ['10s', 10_000],
  ['1.5h', 5_400_000],
  ['7d', 604_800_000],
  ['0s', 0],
  ['10', null],
  ['10 s', null],
  ['-1s', null],
  ['1h30m', null],
  ['1w', null],
  ['', null],
] as const)('the duration %s is %s ms', ([text, expected]) => {
  const result = parseDuration(text)
  expect(result.ok ? result.value : null).toBe(expected)
})

test.for([
  ['1GiB', 2 ** 30],
  ['1.5MiB', 1_572_864],
  ['100MB', 100_000_000],
  ['7B', 7],
  ['1G', null],
  ['1024', null],
] as const)('the size %s is %s bytes', ([text, expected]) => {
  const result = parseSize(text)
  expect(result.ok ? result.value : null).toBe(expected)
})

test.for([
  ['127.0.0.1:8080', { host: '127.0.0.1', port: 8080 }],
  ['[::1]:0', { host: '::1', port: 0 }],
  ['bridge.example:1', { host: 'bridge.example', port: 1 }],
  ['::1:8080', 'put an IPv6 address in brackets: [::1]:8080'],
  [':8080', 'name the address to listen on: 127.0.0.1 for this machine, 0.0.0.0 for all'],
  ['8080', 'name the address to listen on: 127.0.0.1 for this machine, 0.0.0.0 for all'],
  ['http://127.0.0.1:1', 'leave out the scheme: 127.0.0.1:8080'],
  ['127.0.0.1', 'write it like 127.0.0.1:8080'],
  ['127.0.0.1:65536', 'write a port from 0 (any free one) to 65535'],
  ['999.0.0.1:80', 'write an IP address or a host name before the port'],
  ['[127.0.0.1]:80', 'write an IP address or a host name before the port'],
] as const)('the address %s', ([text, expected]) => {
  const result = parseHostPort(text)
  expect(result.ok ? result.value : result.fix).toEqual(expected)
})

test.for([
  ['sip:127.0.0.1:5070', { host: '127.0.0.1', port: 5070, transport: 'udp' }],
  ['sip:pbx.example', { host: 'pbx.example', port: 5060, transport: 'udp' }],
  ['SIP:[::1];Transport=TCP', { host: '::1', port: 5060, transport: 'tcp' }],
  ['sip:[2001:db8::1]:5080', { host: '2001:db8::1', port: 5080, transport: 'udp' }],
  ['sip:[2001:DB8:0:0::1]', { host: '2001:db8::1', port: 5060, transport: 'udp' }],
  ['sips:pbx.example', { host: 'pbx.example', port: 5061, transport: 'tls' }],
  ['sip:[::1];transport=TLS', { host: '::1', port: 5061, transport: 'tls' }],
  ['sip:pbx.example:5060;transport=tls', { host: 'pbx.example', port: 5060, transport: 'tls' }],
  ['sips:pbx.example;transport=udp', 'asks for TLS and for another transport'],
  ['sip:pbx.example;transport=sctp', 'has a parameter that means nothing here'],
  ['sip:1001@pbx.example', 'names a user'],
  ['sip:pbx.example;lr', 'has a parameter that means nothing here'],
  ['sip:pbx.example?Subject=x', 'carries URI headers'],
  ['sip:pbx.example:0', 'has port 0'],
  ['127.0.0.1:5070', 'is not the SIP URI of a peer'],
  ['sip:', 'is not the SIP URI of a peer'],
  ['sip:a b', 'is not the SIP URI of a peer'],
] as const)('the peer %s', ([text, expected]) => {
  const result = parseSipPeer(text)
  if (typeof expected === 'string') expect(result.ok ? result.value : result.reason).toBe(expected)
  else expect(result.ok ? result.value : result.reason).toEqual({ uri: text, ...expected })
})

test('a SIP listener is an address, not a name', () => {
  expect(parseSipListener('udp://0.0.0.0:5060').ok).toBe(true)
  expect(parseSipListener('tcp://[::1]:0').ok).toBe(true)
  expect(parseSipListener('tcp://localhost:0').ok).toBe(false)
  expect(parseSipListener('udp://[fe80::1%eth0]:5060').ok).toBe(false)
  expect(parseSipListener('udp://pbx.example:5060').ok).toBe(false)
  expect(parseSipListener('127.0.0.1:5060').ok).toBe(false)
})

test('an account is named by its origin', () => {
  expect(parseOrigin('https://example.zendesk.com/')).toEqual({ ok: true, value: 'https://example.zendesk.com' })
  expect(parseOrigin('http://[::1]:8090')).toEqual({ ok: true, value: 'http://[::1]:8090' })
  expect(parseOrigin('https://example.zendesk.com/api/v2').ok).toBe(false)
  expect(parseOrigin('ftp://example.com').ok).toBe(false)
  expect(parseOrigin('example.zendesk.com').ok).toBe(false)
})

test('loopback is what only this machine can reach', () => {
  expect(['127.0.0.1', '127.9.9.9', '::1', 'localhost'].every(isLoopback)).toBe(true)
  expect(['0.0.0.0', '::', '10.0.0.1', '127.example.com', 'localhost.example'].some(isLoopback)).toBe(false)
})

test.for([
  ['trnk', 'trunk'],
  ['caller', null],
  ['dataDir', 'data_dir'],
  ['tokne', 'token'],
  ['x', null],
] as const)('%s is taken for %s', ([word, expected]) => {
  expect(closest(word, ['trunk', 'data_dir', 'token', 'listen'])).toBe(expected)
})

test('no text makes a parser throw', () => {
  const text = fc.oneof(fc.string(), fc.string({ unit: fc.constantFrom(...'sip:udp//[]@;?=.0159ms()<>|"\n,') }))
  fc.assert(
    fc.property(text, given => {
      for (const parse of [
        parseDuration,
        parseSize,
        parseHostPort,
        parseSipListener,
        parseSipPeer,
        parseOrigin,
        parseFileNamePattern,
      ]) {
        const result = parse(given)
        if (!result.ok) expect(result.reason.length > 0 && result.fix.length > 0).toBe(true)
      }
      const { rows } = parseAgentTable(`extension,zendesk_id,name\n${given}`)
      expect(rows.every(row => row.line >= 2)).toBe(true)
    }),
    { numRuns: 1000 },
  )
})

test('a table of agents written by the rules is read back, cell by cell', () => {
  const cell = fc.string({ unit: fc.constantFrom(...'ab",;\n 1') }).map(text => `x${text.trim()}`)
  fc.assert(
    fc.property(fc.array(fc.tuple(cell, cell, cell), { maxLength: 5 }), records => {
      const csv = records.map(record => record.map(text => `"${text.replaceAll('"', '""')}"`).join(',')).join('\r\n')
      const { rows, problems } = parseAgentTable(`extension,zendesk_id,name\r\n${csv}`)
      expect(problems).toEqual([])
      expect(rows.map(({ cells }) => [...cells.values()].map(({ text }) => text))).toEqual(records)
    }),
  )
})
