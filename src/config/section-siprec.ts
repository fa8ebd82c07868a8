/** The key sip.siprec: recording sessions (SIPREC) that a PBX, SBC or phone system opens to the bridge. */
import { isIP } from 'node:net'
import { z } from 'zod'
import { complain, duration, field, integer } from './fields.ts'
import { type Parsed, parsed, refused } from './problems.ts'

interface PortRange {
  readonly first: number
  readonly last: number
}

/** `20000-20999`: whole pairs, RTP on the even port and RTCP on the odd one above. */
function parsePortRange(text: string): Parsed<PortRange> {
  const [, from, to] = /^(\d{1,5})-(\d{1,5})$/.exec(text) ?? []
  const fix = 'write FIRST-LAST, such as 20000-20999'
  if (from === undefined || to === undefined) return refused('is not a range of ports', fix)
  const [first, last] = [Number(from), Number(to)]
  if (first < 1024 || last > 65_535) return refused('reaches below 1024 or above 65535', fix)
  if (first % 2 !== 0 || last % 2 === 0) return refused('does not begin with an even port and end with an odd one', fix)
  if (last < first) return refused('ends before it begins', fix)
  return parsed({ first, last })
}

/** `192.0.2.10`, `192.0.2.0/24`, `2001:db8::/32`. */
function parseNetwork(text: string): Parsed<string> {
  const [, address = '', bits] = /^([0-9A-Fa-f:.]{2,45})(?:\/(\d{1,3}))?$/.exec(text) ?? []
  const family = isIP(address)
  if (family === 0) return refused('is neither an IP address nor a network', 'write it like 192.0.2.10 or 192.0.2.0/24')
  const longest = family === 6 ? 128 : 32
  if (bits !== undefined && Number(bits) > longest)
    return refused(`has a prefix above ${longest}`, `write a prefix from 0 to ${longest} behind the slash`)
  return parsed(text)
}

/** `192.0.2.10`: what clients are told to send audio to. */
function parseAddress(text: string): Parsed<string> {
  return isIP(text) === 0
    ? refused('is not an IP address', 'write the address that the clients reach, such as 192.0.2.50')
    : parsed(text)
}

const media = z
  .strictObject({
    ports: field(parsePortRange, '^\\d{1,5}-\\d{1,5}$')
      .prefault('20000-20999')
      .describe('UDP ports for audio. Each stream takes two (RTP and RTCP), each call one stream or two.'),
    listen: field(parseAddress).prefault('0.0.0.0').describe('The address on which audio is received.'),
    advertise: field(parseAddress).optional().meta({
      description:
        'The address that clients are told to send audio to. Absent: that of sip.siprec.media.listen; set it when that is 0.0.0.0 or behind a NAT.',
      example: '192.0.2.50',
    }),
  })
  .transform(({ ports, listen, advertise }) => ({ ports, listen, advertise: advertise ?? null }))

export const siprec = z
  .strictObject({
    peers: z
      .array(field(parseNetwork, '^[0-9A-Fa-f:.]+(/\\d{1,3})?$'))
      .max(256)
      .prefault([])
      .meta({
        description:
          'Who may have calls recorded here: IP addresses and networks of recording clients (Cisco CUBE and Unified CM, Oracle, Ribbon, AudioCodes, Avaya SBCE, BroadWorks, Metaswitch, OpenSIPS). Empty: nobody.',
        example: ['192.0.2.10', '192.0.2.0/24'],
      }),
    media: media.prefault({}).describe('Where the audio of recording sessions is received.'),
    max_sessions: integer(1, 10_000)
      .prefault(500)
      .describe('So many recording sessions at a time; further ones get 503, so that the client takes another recorder.'),
    orphan_after: duration('1m', '24d')
      .prefault('12h')
      .describe('A recording session of which nothing was heard for this long (a lost BYE) is ended.'),
  })
  .superRefine(({ peers, media }, context) => {
    if (peers.length === 0 || media.advertise !== null || !/^(0\.0\.0\.0|::)$/.test(media.listen)) return
    context.addIssue({
      code: 'custom',
      path: ['media', 'advertise'],
      message: complain(
        `is missing: clients cannot send audio to ${media.listen}`,
        'set it, or sip.siprec.media.listen, to the address of this machine that they reach',
      ),
    })
  })
  .transform(({ peers, media, max_sessions, orphan_after }) => ({
    peers,
    media,
    maxSessions: max_sessions,
    orphanAfterMs: orphan_after,
  }))
