// biome-ignore-all lint/suspicious/noTemplateCurlyInString: examples of the file speak of ${NAME} references
/** The sections about signalling: sip, calls, numbers, agents. */
import { isSupportedCountry } from 'libphonenumber-js/max'
import { z } from 'zod'
import { complain, duration, integer, line, pattern, secret, sipListener, sipPeer, word } from './fields.ts'
import { dialogs } from './section-dialogs.ts'
import { auth } from './section-sip-auth.ts'
import { connections, tls } from './section-sip-transport.ts'
import { siprec } from './section-siprec.ts'

/** User-Agent texts of tools that look for open SIP servers. */
const scanners = [
  'friendly-scanner',
  'sipvicious',
  'sipcli',
  'VaxSIPUserAgent',
  'pplsip',
  'sip-scan',
  'sundayddr',
  'iWar',
  'Nmap',
]

const peers = () => z.array(sipPeer()).max(64)

const trunk = z
  .strictObject({
    pbx: peers()
      .prefault([])
      .meta({
        description:
          'The PBX: one address, or several in order of preference. Without a transport it is UDP; ;transport=tcp and ;transport=tls are the others. Requests go that way however long they are: for more than 1,300 bytes TCP is better. Without a port it is 5060, with TLS 5061.',
        example: ['sip:127.0.0.1:5070'],
      }),
    carrier: peers()
      .prefault([])
      .meta({
        description: 'The carrier (SIP trunk provider), likewise.',
        example: ['sip:127.0.0.1:5080', 'sip:127.0.0.1:5081;transport=tcp'],
      }),
    no_answer: duration('500ms', '32s')
      .prefault('4s')
      .describe('An address that has sent no response at all for this long has failed; the call goes to the next one.'),
    scanners: z
      .array(line())
      .max(100)
      .prefault(scanners)
      .describe(
        'Requests of strangers whose User-Agent holds one of these texts (in any case) are dropped without an answer. Other strangers get 403.',
      ),
  })
  .superRefine(({ pbx, carrier }, context) => {
    if ((pbx.length === 0) === (carrier.length === 0)) return
    const [missing, given] = pbx.length === 0 ? ['pbx', 'carrier'] : ['carrier', 'pbx']
    context.addIssue({
      code: 'custom',
      path: [given],
      message: complain(`is set, but sip.trunk.${missing} is not`, `add sip.trunk.${missing}: calls pass between the two`),
    })
  })
  .superRefine(({ pbx, carrier }, context) => {
    const key = (peer: { host: string; port: number; transport: string }) =>
      `${peer.host.toLowerCase()} ${peer.port} ${peer.transport}`
    const known = new Set(pbx.map(key))
    for (const [i, peer] of carrier.entries()) {
      if (known.has(key(peer)))
        context.addIssue({
          code: 'custom',
          path: ['carrier', i],
          message: complain('is in sip.trunk.pbx as well', 'remove one: a call from it could go either way'),
        })
    }
  })
  .transform(({ pbx, carrier, no_answer, scanners }) => ({ pbx, carrier, noAnswerMs: no_answer, scanners }))

export const sip = z
  .strictObject({
    server: z
      .enum(['embedded', 'drachtio'])
      .prefault('embedded')
      .describe('The SIP server: the one within the bridge, or a drachtio-server of yours.'),
    listen: z
      .array(sipListener())
      .min(1)
      .max(16)
      .prefault(['udp://127.0.0.1:5060', 'tcp://127.0.0.1:5060'])
      .describe(
        'Where the embedded server listens: udp://, tcp:// or tls://, an IPv6 address in brackets. [::] is every IPv6 address and no IPv4 one: for those add 0.0.0.0. Port 0 takes a free port. Only configured peers are served.',
      ),
    tls: tls
      .prefault({})
      .describe(
        'SIP over TLS, of the embedded server: needed for tls:// listeners and for peers with ;transport=tls. The files are read at start.',
      ),
    connections: connections.prefault({}).describe('Bounds on TCP and TLS connections.'),
    drachtio: z
      .strictObject({
        host: word(/^[^\s:/@]{1,253}$|^[0-9A-Fa-f:]{2,45}$/, 'is not a host', 'write an IP address or a host name')
          .prefault('127.0.0.1')
          .describe('Host of the drachtio-server.'),
        port: integer(1, 65_535).prefault(9022).describe('Its port for applications.'),
        secret: secret().optional().meta({ description: 'Its shared secret.', example: '${DRACHTIO_SECRET}' }),
      })
      .transform(({ host, port, secret }) => ({ host, port, secret: secret ?? null }))
      .prefault({})
      .describe('The drachtio-server to use with `server: drachtio`.'),
    trunk: trunk
      .prefault({})
      .describe('The in-path trunk: the bridge passes calls between the PBX and the carrier and sees all of their signalling.'),
    auth: auth
      .prefault({})
      .describe('Devices that may use the trunk from addresses that are not configured. Of the embedded server.'),
    siprec: siprec.prefault({}).describe('Recording sessions (SIPREC): clients that have their calls recorded by the bridge.'),
    dialogs: dialogs.prefault({}).describe('Dialog-state subscriptions (RFC 4235): extensions that the PBX is asked to tell of.'),
    unique_headers: z
      .array(word(/^[A-Za-z0-9.!%*_+`'~-]{1,64}$/, 'is not a header name', 'write the name alone, such as X-Unique-ID'))
      .max(32)
      .prefault(['X-Asterisk-Linkedid', 'X-Unique-ID', 'X-Call-Uuid'])
      .meta({
        description:
          'Header fields in which the PBX names the call: SIP calls with the same name are one call, and recordings whose file name holds it (group `unique`) are tied to it. The default depends on `pbx`.',
        example: ['X-Asterisk-Linkedid', 'X-Unique-ID', 'X-Call-Uuid'],
      }),
    call_id_headers: z
      .array(word(/^[A-Za-z0-9.!%*_+`'~-]{1,64}$/, 'is not a header name', 'write the name alone, such as X-Orig-Call-ID'))
      .max(32)
      .prefault(['X-Orig-Call-ID', 'X-CID'])
      .meta({
        description:
          'Header fields in which the PBX names the Call-ID of another of its SIP calls: both are one call. The default depends on `pbx`.',
        example: ['X-Orig-Call-ID', 'X-CID'],
      }),
  })
  .superRefine(({ listen }, context) => {
    for (const [i, listener] of listen.entries()) {
      if (listener.port !== 0 && listen.findIndex(other => other.uri === listener.uri) < i)
        context.addIssue({ code: 'custom', path: ['listen', i], message: complain('is listed twice', 'remove one') })
    }
  })
  .superRefine(({ server, listen, tls, trunk }, context) => {
    if (server !== 'embedded') return
    const refuse = (path: (string | number)[], why: string, fix: string) =>
      context.addIssue({ code: 'custom', path, message: complain(why, fix) })
    const secure = listen.findIndex(({ transport }) => transport === 'tls')
    if (secure !== -1 && tls === null)
      refuse(['listen', secure], 'needs a certificate', 'set sip.tls.cert and sip.tls.key, or use udp:// or tcp://')
    for (const side of ['pbx', 'carrier'] as const) {
      const peer = trunk[side].findIndex(({ transport }) => transport === 'tls')
      if (peer !== -1 && secure === -1)
        refuse(
          ['trunk', side, peer],
          'is reached by TLS, and nothing listens by TLS for its answers',
          'add a tls:// listener to sip.listen',
        )
    }
  })
  .superRefine(({ server, drachtio }, context) => {
    if (server === 'drachtio' && drachtio.secret === null)
      context.addIssue({
        code: 'custom',
        path: ['drachtio', 'secret'],
        message: complain('is missing: sip.server is drachtio', 'set it to the <admin secret="…"> of drachtio.conf.xml'),
      })
  })
  .transform(({ server, listen, tls, connections, drachtio, trunk, auth, siprec, dialogs, unique_headers, call_id_headers }) => ({
    server,
    listen,
    tls,
    connections,
    drachtio,
    trunk,
    auth,
    siprec,
    dialogs,
    uniqueHeaders: unique_headers,
    callIdHeaders: call_id_headers,
  }))

export const calls = z
  .strictObject({
    orphan_after: duration('1m')
      .prefault('4h')
      .describe('An answered call about which nothing was heard for this long (a lost BYE) is ended as `lost-signalling`.'),
    ring_orphan_after: duration('10s').prefault('5m').describe('The same for a call that was not answered.'),
  })
  .transform(({ orphan_after, ring_orphan_after }) => ({ orphanAfterMs: orphan_after, ringOrphanAfterMs: ring_orphan_after }))

export const numbers = z.strictObject({
  country: z
    .string()
    .meta({ pattern: '^[A-Z]{2}$' })
    .transform((text, context) => {
      if (isSupportedCountry(text)) return text
      context.addIssue({
        code: 'custom',
        message: complain('is not a country', 'write its two letters in capitals (ISO 3166), such as US, GB or DE'),
      })
      return z.NEVER
    })
    .prefault('US')
    .describe('The country whose national numbers are written without a country code (ISO 3166).'),
  internal: z
    .array(pattern())
    .max(64)
    .prefault(['^(?!(?:[1-9]11|112|988|999)$)[1-9]\\d{2,4}$'])
    .describe(
      'Who is internal: regular expressions for extensions. They are kept as they are; everything else becomes E.164. The default: three to five digits, save emergency and service numbers.',
    ),
})

const agent = z
  .strictObject({
    extension: word(
      /^[\w.*#+-]{1,64}$/,
      'is not an extension',
      'write the digits (or the SIP user name) alone, in quotes: "1001"',
    ).meta({ description: 'Always in quotes.', example: '1001' }),
    zendesk_id: integer(1, Number.MAX_SAFE_INTEGER).meta({ description: 'The agent’s user id in Zendesk.', example: 35436 }),
    name: line().meta({ description: 'As shown in calls.', example: 'Alice' }),
  })
  .transform(({ extension, zendesk_id, name }) => ({ extension, id: zendesk_id, name }))

export const agents = z
  .array(agent)
  .max(10_000)
  .superRefine((list, context) => {
    const first = new Map<string, number>()
    for (const [i, { extension }] of list.entries()) {
      const other = first.get(extension)
      if (other === undefined) first.set(extension, i)
      else
        context.addIssue({
          code: 'custom',
          path: [i, 'extension'],
          message: complain(`belongs to agents[${other}] already`, 'give an extension to one agent only'),
        })
    }
  })
