/** The section about reconciliation: what should be there, and what the PBX's records say. */
import { z } from 'zod'
import { complain, duration, line, path, pattern } from './fields.ts'

const recordings = z
  .strictObject({
    expected: z
      .enum(['auto', 'all', 'named', 'none'])
      .prefault('auto')
      .describe(
        'Which answered calls should have a recording: all, those whose CDR names one (named), or none. auto: all where recordings.folders are set, else named.',
      ),
    directions: z
      .array(z.enum(['inbound', 'outbound', 'internal']))
      .min(1)
      .prefault(['inbound', 'outbound', 'internal'])
      .describe('Of these directions only.'),
    numbers: z
      .array(pattern())
      .max(100)
      .prefault([])
      .meta({
        description: 'Only calls of which a party (E.164, or an extension) matches one of these. Empty: any.',
        example: ['^10\\d\\d$'],
      }),
    min_talk: duration('0s', '1h').prefault('5s').describe('Calls with less talk need no recording.'),
    tolerance: duration('0s', '1h')
      .prefault('10s')
      .describe('By how much a recording may be shorter or longer than its call; a tenth of the length is allowed in any case.'),
  })
  .transform(section => ({
    expected: section.expected,
    directions: section.directions,
    numbers: section.numbers,
    minTalkMs: section.min_talk,
    toleranceMs: section.tolerance,
  }))

const cdr = z
  .strictObject({
    path: path().meta({
      description: 'For asterisk the file that cdr_csv writes, for freeswitch the err-log-dir (or log-dir) of mod_json_cdr.',
      example: '/var/log/asterisk/cdr-csv/Master.csv',
    }),
    format: z.enum(['asterisk', 'freeswitch']).meta({ description: 'Whose records they are.', example: 'asterisk' }),
    timezone: line().optional().meta({
      description: 'Of times without one (asterisk). Absent: that of this machine.',
      example: 'Europe/Berlin',
    }),
  })
  .superRefine(({ timezone }, context) => {
    if (timezone === undefined || isTimezone(timezone)) return
    context.addIssue({
      code: 'custom',
      path: ['timezone'],
      message: complain('is no time zone', 'write one such as Europe/Berlin or UTC'),
    })
  })
  .transform(section => ({ path: section.path, format: section.format, timezone: section.timezone ?? null }))

function isTimezone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name })
    return true
  } catch {
    // There is no other way to ask.
    return false
  }
}

export const reconciliation = z
  .strictObject({
    every: duration('1m', '7d').prefault('1h').describe('How often the bridge looks for what is missing.'),
    window: duration('1h', '90d')
      .prefault('24h')
      .describe(
        'Of which time it looks at calls, before every and the graces; as long as a call may last. What waits is found however old it is.',
      ),
    grace: duration('1m', '7d')
      .prefault('10m')
      .describe('Nothing younger is missing yet; recordings have recordings.match_wait, too.'),
    recordings: recordings.prefault({}).describe('Which calls should have a recording, and how long it should be.'),
    cdr: z
      .array(cdr)
      .max(16)
      .prefault([])
      .describe('The PBX’s records of calls, as the truth. mod_json_cdr may post them to POST /v1/cdrs, too.'),
  })
  .transform(section => ({
    everyMs: section.every,
    windowMs: section.window,
    graceMs: section.grace,
    recordings: section.recordings,
    cdr: section.cdr,
  }))
