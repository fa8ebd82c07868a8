// biome-ignore-all lint/suspicious/noTemplateCurlyInString: examples of the file speak of ${NAME} references
/** Part of the section about signalling: extensions that are watched by dialog-state subscriptions. */
import { z } from 'zod'
import { complain, duration, field, secret, word } from './fields.ts'
import { type Parsed, parsed, refused } from './problems.ts'

/** The most extensions that one bridge watches. */
export const maxWatched = 2_000

/** An extension's SIP URI: who, at which PBX. */
function parseExtension(text: string): Parsed<string> {
  const example = 'write the extension and the PBX: sip:1001@192.0.2.10:5060'
  const match =
    /^sip:([^@:;?\s<>"|]{1,64})@(\[[0-9A-Fa-f:.]{2,45}\]|[^[\]:;?\s<>"|@]{1,253})(?::(\d{1,5}))?((?:;[^;?\s<>"|]*)*)$/i.exec(text)
  if (match === null) return refused(/^sips:/i.test(text) ? 'is a sips: URI' : 'is not the SIP URI of an extension', example)
  const port = match[3] === undefined ? 5060 : Number(match[3])
  if (port < 1 || port > 65_535) return refused('has a port that is none', 'write a port from 1 to 65535, or none for 5060')
  for (const parameter of (match[4] ?? '').toLowerCase().split(';').slice(1)) {
    if (!/^transport=(udp|tcp|tls)$/.test(parameter))
      return refused('has a parameter that means nothing here', 'leave only ;transport=udp, ;transport=tcp or ;transport=tls')
  }
  return parsed(text)
}

export const dialogs = z
  .strictObject({
    subscribe: z
      .array(field(parseExtension, '^sip:[^@]+@.+$'))
      .max(maxWatched)
      .prefault([])
      .meta({
        description:
          'The extensions to watch, at most 2000: whether they ring or talk becomes their agents’ presence, and calls are seen where the PBX names them (FreeSWITCH, Kamailio). Asterisk needs a hint for each.',
        example: ['sip:1001@127.0.0.1:5070'],
      }),
    username: word(/^[^\s@:"<>]{1,64}$/, 'is not a user name', 'write the user part alone, such as bridge')
      .optional()
      .meta({ description: 'The PBX’s user who may subscribe. Absent: the PBX asks for none.', example: 'bridge' }),
    password: secret().optional().meta({ description: 'Its password (SIP digest).', example: '${PBX_PASSWORD}' }),
    expires: duration('1m', '24h')
      .prefault('10m')
      .describe(
        'How long a subscription is asked to last before it is refreshed; a PBX that forgot its subscriptions is noticed within that time.',
      ),
  })
  .superRefine(({ subscribe }, context) => {
    const first = new Map<string, number>()
    for (const [i, uri] of subscribe.entries()) {
      const other = first.get(uri.toLowerCase())
      if (other === undefined) first.set(uri.toLowerCase(), i)
      else context.addIssue({ code: 'custom', path: ['subscribe', i], message: complain('is listed twice', 'remove one') })
    }
  })
  .superRefine(({ username, password }, context) => {
    if (password !== undefined && username === undefined)
      context.addIssue({
        code: 'custom',
        path: ['username'],
        message: complain('is missing: sip.dialogs.password is set', 'add the user name that the password belongs to'),
      })
  })
  .transform(({ subscribe, username, password, expires }) => ({
    subscribe,
    username: username ?? null,
    password: password ?? null,
    expiresMs: expires,
  }))
