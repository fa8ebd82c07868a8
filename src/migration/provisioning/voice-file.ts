/**
 * The file that says what an account should have (config/voice.example.yaml). A key that is left out leaves the thing as it is;
 * `null` takes a value away. The Voice API's own words and limits, but with names in place of ids.
 */
import { z } from 'zod'

const capabilities = ['inbound', 'outbound', 'sms', 'mms'] as const
const menuActions = ['transfer', 'menu', 'voicemail', 'repeat', 'hangup'] as const
const overflowActions = ['voicemail', 'queue', 'agent', 'number', 'hangup'] as const

const name = z.string().trim().min(1).max(255)
const message = z.string().max(4000)
/** Extensions, mailboxes and keys are digits, which YAML reads as numbers. */
const digits = z.union([z.string().trim().min(1).max(255), z.int().min(0).transform(String)], {
  error: 'is neither a text nor a number',
})
const e164 = z.string().regex(/^\+[1-9]\d{4,14}$/, 'is no E.164 number; write it in quotes, with its country: "+14155550100"')

/** Where something leads: exactly one of these keys. `action` and `target_id` are the API's words, for what the others do not cover. */
const destination = {
  queue: name.optional(),
  /** An extension or a name from the bridge's configuration, or `agent-35436` with Zendesk's id. */
  agent: digits.optional(),
  number: e164.optional(),
  /** A mailbox; `true`: the usual one. */
  voicemail: z.union([z.literal(true), digits], { error: 'is neither a mailbox nor true' }).optional(),
  hangup: z.literal(true).optional(),
  target_id: z.string().min(1).max(255).nullable().optional(),
}

function leadsSomewhere<Key extends string>(keys: readonly Key[]) {
  return (value: { readonly [key in Key | 'action']?: unknown }, context: z.RefinementCtx): void => {
    const given = [...keys, 'action' as const].filter(key => value[key] !== undefined)
    if (given.length === 1) return
    const found = given.length === 0 ? 'leads nowhere' : `leads to ${given.join(' and ')}`
    context.addIssue({ code: 'custom', message: `${found}; write exactly one of ${keys.join(', ')}` })
  }
}

const option = z
  .strictObject({
    digit: digits.pipe(z.string().regex(/^[0-9*#]$/, 'must be one key of a telephone: 0 to 9, * or #')),
    label: name,
    ...destination,
    menu: name.optional(),
    repeat: z.literal(true).optional(),
    action: z.enum(menuActions).optional(),
  })
  .superRefine(leadsSomewhere(['queue', 'menu', 'agent', 'number', 'voicemail', 'repeat', 'hangup']))

const overflow = z
  .strictObject({ ...destination, action: z.enum(overflowActions).optional() })
  .superRefine(leadsSomewhere(['queue', 'agent', 'number', 'voicemail', 'hangup']))

const line = z.strictObject({ name, location: z.string().max(255).nullable().optional(), enabled: z.boolean().optional() })

const number = z.strictObject({
  number: e164,
  display_name: name.optional(),
  country_code: z
    .string()
    .regex(/^[A-Z]{2}$/, 'must be an ISO 3166-1 alpha-2 code in capitals, such as US; put NO in quotes')
    .optional(),
  /** The line's name. */
  line: name.nullable().optional(),
  enabled: z.boolean().optional(),
  capabilities: z.array(z.enum(capabilities)).min(1).max(capabilities.length).optional(),
  ivr: z
    .strictObject({ enabled: z.boolean().optional(), menu: name.nullable().optional(), queue: name.nullable().optional() })
    .optional(),
})

const menu = z.strictObject({
  name,
  greeting: message,
  options: z.array(option).max(12),
  repeat_message: message.nullable().optional(),
  invalid_message: message.nullable().optional(),
})

const queue = z.strictObject({
  name,
  members: z.array(digits).max(1000).optional(),
  /** Whole seconds. */
  max_wait_time: z.int().min(0).nullable().optional(),
  overflow: overflow.optional(),
})

export const voiceFileSchema = z.strictObject({
  phone_lines: z.array(line).max(1000).optional(),
  phone_numbers: z.array(number).max(10_000).optional(),
  ivr_menus: z.array(menu).max(1000).optional(),
  queues: z.array(queue).max(1000).optional(),
})

export type VoiceFile = z.output<typeof voiceFileSchema>
export type MenuOptionInFile = z.output<typeof option>
export type OverflowInFile = z.output<typeof overflow>
