// biome-ignore-all lint/suspicious/noTemplateCurlyInString: examples of the file speak of ${NAME} references
/** The section about capture agents (HEP): the way to watch a PBX without standing in the way of its calls. */
import { isIP } from 'node:net'
import { z } from 'zod'
import { parseSipListener } from './addresses.ts'
import { complain, duration, field, secret, size } from './fields.ts'
import { type Parsed, parsed, refused } from './problems.ts'

interface HepListen {
  readonly transport: 'udp' | 'tcp'
  readonly host: string
  readonly port: number
}

/** `udp://127.0.0.1:9060`: the form of SIP's listeners, without TLS, which HEP agents hardly speak. */
function parseHepListener(text: string): Parsed<HepListen> {
  const fix = 'write udp://ADDRESS:PORT or tcp://ADDRESS:PORT, such as udp://127.0.0.1:9060'
  if (!/^(udp|tcp):\/\//i.test(text)) return refused('is not a HEP listener', fix)
  const listener = parseSipListener(text)
  if (!listener.ok) return listener
  const { transport, host, port } = listener.value
  return transport === 'udp' || transport === 'tcp' ? parsed({ transport, host, port }) : refused('is not a HEP listener', fix)
}

/** `192.0.2.10`, `192.0.2.0/24`, `2001:db8::/32`. */
function parseNetwork(text: string): Parsed<string> {
  const [, address = '', bits] = /^([0-9A-Fa-f:.]{2,45})(?:\/(\d{1,3}))?$/.exec(text) ?? []
  const family = isIP(address)
  if (family === 0)
    return refused(
      'is neither an IP address nor a network',
      'write the address of the agent’s machine, such as 192.0.2.10 or 192.0.2.0/24',
    )
  const longest = family === 6 ? 128 : 32
  if (bits !== undefined && Number(bits) > longest)
    return refused(`has a prefix above ${longest}`, `write a prefix from 0 to ${longest} behind the slash`)
  return parsed(text)
}

/** `192.0.2.10`, `192.0.2.10:5070`, `[2001:db8::1]:5070`. */
function parseHost(text: string): Parsed<{ readonly address: string; readonly port: number | null }> {
  const [, bracketed, plain, port] = /^(?:\[([0-9A-Fa-f:.]+)\]|([0-9.]+)|)(?::(\d{1,5}))?$/.exec(text) ?? []
  const address = bracketed ?? plain ?? (isIP(text) === 6 ? text : '')
  if (isIP(address) === 0 || (port !== undefined && (Number(port) < 1 || Number(port) > 65_535)))
    return refused(
      'is no IP address, with or without a port',
      'write the address that the PBX has in its SIP messages, such as 192.0.2.10 or 192.0.2.10:5070',
    )
  return parsed({ address, port: port === undefined ? null : Number(port) })
}

const hosts = () => z.array(field(parseHost, '^[0-9A-Fa-f:.\\[\\]]+$')).max(256).prefault([])

export const hep = z
  .strictObject({
    listen: z
      .array(field(parseHepListener, '^(udp|tcp)://.+:\\d+$'))
      .max(16)
      .prefault([])
      .meta({
        description:
          'Where capture agents send HEPv3: Asterisk, FreeSWITCH, Kamailio, OpenSIPS, drachtio-server, heplify. Without an address there is no listener. TCP loses nothing; UDP may, when the bridge is busy.',
        example: ['udp://127.0.0.1:9060', 'tcp://127.0.0.1:9060'],
      }),
    peers: z
      .array(field(parseNetwork, '^[0-9A-Fa-f:.]+(/\\d{1,3})?$'))
      .max(256)
      .prefault(['127.0.0.0/8', '::1'])
      .meta({
        description: 'Who may send: IP addresses and networks. Everyone else is ignored, and counted.',
        example: ['127.0.0.1', '192.0.2.0/24'],
      }),
    pbx: hosts().meta({
      description:
        'The addresses that the PBX has in the messages, with a port where others share the address. Needed to tell the phones’ legs from those that the PBX makes.',
      example: ['192.0.2.10'],
    }),
    carrier: hosts().meta({
      description: 'The addresses of the carriers, likewise. Whoever is neither is a phone.',
      example: ['198.51.100.7'],
    }),
    auth_key: secret().optional().meta({
      description: 'The password that agents must send (capture_password, auth_key). Absent: none is asked for.',
      example: '${HEP_KEY}',
    }),
    receive_buffer: size()
      .prefault('4MiB')
      .describe(
        'What the kernel shall hold for each UDP listener while the bridge is busy; it gives no more than net.core.rmem_max, and the log says what it gave.',
      ),
    max_age: duration('10s', '30d')
      .prefault('24h')
      .describe('What was captured longer ago is dropped. An agent that was cut off may send its backlog until then.'),
  })
  .superRefine(({ listen }, context) => {
    const key = ({ transport, host, port }: HepListen): string => `${transport} ${host} ${port}`
    for (const [i, listener] of listen.entries()) {
      if (listener.port !== 0 && listen.findIndex(other => key(other) === key(listener)) < i)
        context.addIssue({ code: 'custom', path: ['listen', i], message: complain('is listed twice', 'remove one') })
    }
  })
  .superRefine(({ listen, pbx }, context) => {
    if (listen.length > 0 && pbx.length === 0)
      context.addIssue({
        code: 'custom',
        path: ['pbx'],
        message: complain('is missing: hep.listen is set', 'name the addresses of the PBX, as its SIP messages show them'),
      })
  })
  .transform(({ listen, peers, pbx, carrier, auth_key, receive_buffer, max_age }) => ({
    listen,
    peers,
    pbx,
    carrier,
    authKey: auth_key ?? null,
    receiveBufferBytes: receive_buffer,
    maxAgeMs: max_age,
  }))
