/** The key recordings.consent: which recordings may be kept. */
import { z } from 'zod'
import { complain, pattern } from './fields.ts'

const policy = z.enum(['always', 'opt_out', 'opt_in', 'never'])

const rule = z
  .strictObject({
    number: pattern().optional().meta({
      description:
        'For whom: a regular expression on the far side’s number, as the bridge reports it (+4930901820, anonymous). Of a call within the house either extension counts.',
      example: '^\\+49',
    }),
    line: pattern().optional().meta({
      description: 'And, or instead: on our side’s number, the one that was dialled or the extension that spoke.',
      example: '^(1007|\\+18005550100)$',
    }),
    policy: policy.meta({
      description: 'always, opt_out (unless the caller said no), opt_in (only if the caller said yes) or never.',
      example: 'opt_in',
    }),
  })
  .superRefine(({ number, line }, context) => {
    if (number !== undefined || line !== undefined) return
    context.addIssue({
      code: 'custom',
      message: complain('does not say for whom it is', 'add number or line, or make it recordings.consent.default'),
    })
  })
  .transform(({ number, line, policy }) => ({ number: number ?? null, line: line ?? null, policy }))

export const consent = z.strictObject({
  default: policy
    .prefault('always')
    .describe(
      'Which recordings are kept where no rule says otherwise: always; opt_out: unless the caller said no; opt_in: only if the caller said yes; never. What the caller said comes from X-Zendesk-Consent, the group consent of match, the form field, or a sidecar. What may not be kept is neither encoded nor sent anywhere.',
    ),
  rules: z
    .array(rule)
    .max(200)
    .prefault([])
    .describe(
      'For certain numbers, in order: the first that fits a party is its own, and of several parties the strictest counts.',
    ),
})
