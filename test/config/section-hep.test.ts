// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the files under test hold references
import { expect, test } from 'vitest'
import { redactedConfig } from '../../src/config/redact.ts'
import { accepted, complaints } from './loading.ts'

test('without a section there is no HEP listener, and with one only this machine may send', async () => {
  expect((await accepted('site: hq\n')).hep).toEqual({
    listen: [],
    peers: ['127.0.0.0/8', '::1'],
    pbx: [],
    carrier: [],
    authKey: null,
    receiveBufferBytes: 4_194_304,
    maxAgeMs: 86_400_000,
  })
})

test('every key of the section is taken, and the key never shown', async () => {
  const config = await accepted(
    [
      'hep:',
      '  listen: ["udp://0.0.0.0:9060", "tcp://[::1]:0"]',
      '  peers: [192.0.2.10, 2001:db8::/32]',
      '  pbx: [192.0.2.10, "192.0.2.11:5070", "[2001:db8::1]:5060", 2001:db8::2]',
      '  carrier: [198.51.100.7]',
      '  auth_key: labhep',
      '  receive_buffer: 8MiB',
      '  max_age: 30d',
      '',
    ].join('\n'),
  )
  expect(config.hep).toEqual({
    listen: [
      { transport: 'udp', host: '0.0.0.0', port: 9060 },
      { transport: 'tcp', host: '::1', port: 0 },
    ],
    peers: ['192.0.2.10', '2001:db8::/32'],
    pbx: [
      { address: '192.0.2.10', port: null },
      { address: '192.0.2.11', port: 5070 },
      { address: '2001:db8::1', port: 5060 },
      { address: '2001:db8::2', port: null },
    ],
    carrier: [{ address: '198.51.100.7', port: null }],
    authKey: 'labhep',
    receiveBufferBytes: 8_388_608,
    maxAgeMs: 2_592_000_000,
  })
  expect(JSON.stringify(redactedConfig(config))).not.toContain('labhep')
})

test.each([
  [
    'a listener without a word about the PBX',
    'hep: { listen: ["udp://127.0.0.1:9060"] }\n',
    '1:1 hep.pbx: is missing: hep.listen is set — fix: name the addresses of the PBX, as its SIP messages show them',
  ],
  [
    'a PBX by name',
    'hep: { pbx: [pbx.example] }\n',
    '1:14 hep.pbx[0]: "pbx.example" is no IP address, with or without a port — fix: write the address that the PBX has in its SIP messages, such as 192.0.2.10 or 192.0.2.10:5070',
  ],
  [
    'a TLS listener',
    'hep: { listen: ["tls://127.0.0.1:9061"] }\n',
    '1:17 hep.listen[0]: "tls://127.0.0.1:9061" is not a HEP listener — fix: write udp://ADDRESS:PORT or tcp://ADDRESS:PORT, such as udp://127.0.0.1:9060',
  ],
  [
    'a host name among the peers',
    'hep: { peers: [pbx.example] }\n',
    '1:16 hep.peers[0]: "pbx.example" is neither an IP address nor a network — fix: write the address of the agent’s machine, such as 192.0.2.10 or 192.0.2.0/24',
  ],
  [
    'a network of more bits than an address has',
    'hep: { peers: [192.0.2.0/33] }\n',
    '1:16 hep.peers[0]: "192.0.2.0/33" has a prefix above 32 — fix: write a prefix from 0 to 32 behind the slash',
  ],
  [
    'a listener that is listed twice',
    'hep: { listen: ["udp://127.0.0.1:9060", "udp://127.0.0.1:9060"], pbx: [192.0.2.10] }\n',
    '1:41 hep.listen[1]: "udp://127.0.0.1:9060" is listed twice — fix: remove one',
  ],
])('%s is refused, and the operator is told what to write', async (_name, text, complaint) => {
  expect(await complaints(text)).toEqual([`config/bridge.yaml:${complaint}`])
})
