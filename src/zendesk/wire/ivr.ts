/** `/phone_ivr_menus` and `/phone_numbers/{id}/ivr`: what a caller hears and where a key leads. */
import { z } from 'zod'
import { idSchema } from './page.ts'
import { timestampFields } from './words.ts'

/** What a key does. `target_id` names an agent, a queue, a menu or a mailbox: `queue-1`, `agent-35436`, `menu-2`; `null` for hangup and repeat. */
const ivrActions = ['transfer', 'menu', 'voicemail', 'repeat', 'hangup'] as const

const optionSchema = z.strictObject({
  digit: z.string().regex(/^[0-9*#]$/, 'must be one key of a telephone: 0 to 9, * or #'),
  label: z.string().min(1).max(255),
  action: z.enum(ivrActions),
  target_id: z.string().min(1).max(255).nullable().default(null),
})

const writable = {
  name: z.string().min(1).max(255).nullable(),
  greeting: z.string().max(4000),
  options: z.array(optionSchema).max(12),
  repeat_message: z.string().max(4000).nullable(),
  invalid_message: z.string().max(4000).nullable(),
}

/** `POST /phone_ivr_menus`: greeting and options must be given. Each digit at most once. */
export const newIvrMenuSchema = z.strictObject({
  ivr_menu: z.strictObject(writable).partial().required({ greeting: true, options: true }),
})
/** `PUT /phone_ivr_menus/{id}` */
export const ivrMenuChangeSchema = z.strictObject({ ivr_menu: z.strictObject(writable).partial() })
export const ivrMenuSchema = z.object({ id: idSchema, ...writable, ...timestampFields })
export const ivrMenuAnswerSchema = z.object({ ivr_menu: ivrMenuSchema })

/** `PUT /phone_numbers/{id}/ivr`: `menu_id` null and `enabled` false: no IVR. `queue_id`: where calls go without, or after, a menu. */
export const ivrSettingsSchema = z.strictObject({
  ivr: z.strictObject({
    enabled: z.boolean(),
    menu_id: idSchema.nullable(),
    queue_id: idSchema.nullable().default(null),
  }),
})
export const ivrSettingsAnswerSchema = z.object({
  ivr: z.object({
    phone_number_id: idSchema,
    enabled: z.boolean(),
    menu_id: idSchema.nullable(),
    queue_id: idSchema.nullable(),
    updated_at: z.string().nullable(),
  }),
})

export type IvrMenu = z.infer<typeof ivrMenuSchema>
export type NewIvrMenu = z.input<typeof newIvrMenuSchema>['ivr_menu']
export type IvrMenuChange = z.input<typeof ivrMenuChangeSchema>['ivr_menu']
export type IvrSettings = z.infer<typeof ivrSettingsAnswerSchema>['ivr']
export type IvrSettingsChange = z.input<typeof ivrSettingsSchema>['ivr']
