// biome-ignore-all lint/suspicious/noTemplateCurlyInString: examples of the file speak of ${NAME} references
/** The keys below `sip.auth`: who may use the trunk from an address that is not configured. */
import { z } from 'zod'
import { complain, duration, line, secret, word } from './fields.ts'

const user = z
  .strictObject({
    username: word(/^[^\s:"\\]{1,64}$/, 'is not a user name', 'write it without blanks, quotes and colons').meta({
      description: 'As the device sends it.',
      example: 'branch-office',
    }),
    password: secret().meta({ description: 'Its password.', example: '${BRANCH_SIP_PASSWORD}' }),
    side: z.enum(['pbx', 'carrier']).meta({ description: 'What it is then taken for.', example: 'pbx' }),
  })
  .describe('A device that may authenticate.')

export const auth = z
  .strictObject({
    realm: line()
      .prefault('tpe-bridge')
      .describe('The realm of the challenge; devices show it, and choose their password by it.'),
    users: z.array(user).max(100).prefault([]).meta({
      description:
        'Devices without a fixed address: a request from an address that is not in sip.trunk is challenged (digest, SHA-256 or MD5), and with the password of one of these users its address counts as a peer of that side for a while. Calls are not sent to it. Empty: such requests get 403.',
      example: [],
    }),
    remember: duration('1m', '1d')
      .prefault('1h')
      .describe(
        'How long an address that has authenticated is a peer; then it is challenged again. Whoever shares it (NAT) gets in with it.',
      ),
  })
  .superRefine(({ users }, context) => {
    for (const [i, { username }] of users.entries()) {
      if (users.findIndex(other => other.username === username) < i)
        context.addIssue({ code: 'custom', path: ['users', i, 'username'], message: complain('is listed twice', 'remove one') })
    }
  })
  .transform(({ realm, users, remember }) => ({ realm, users, rememberMs: remember }))
