/** `/phone_lines`: collections of phone numbers, by location or team. */
import { z } from 'zod'
import { idSchema, pageFields } from './page.ts'
import { timestampFields } from './words.ts'

const writable = {
  name: z.string().min(1).max(255),
  /** Where the line's numbers are, or whose they are. */
  location: z.string().max(255).nullable(),
  enabled: z.boolean(),
}

/** `POST /phone_lines` */
export const newPhoneLineSchema = z.strictObject({
  phone_line: z.strictObject(writable).partial().required({ name: true }),
})
/** `PUT /phone_lines/{id}` */
export const phoneLineChangeSchema = z.strictObject({ phone_line: z.strictObject(writable).partial() })
export const phoneLineSchema = z.object({
  id: idSchema,
  ...writable,
  /** Ids of its phone numbers; a number is put in a line by its own `phone_line_id`. */
  phone_number_ids: z.array(idSchema),
  ...timestampFields,
})

export const phoneLineAnswerSchema = z.object({ phone_line: phoneLineSchema })
export const phoneLinesAnswerSchema = z.object({ phone_lines: z.array(phoneLineSchema), ...pageFields })

export type PhoneLine = z.infer<typeof phoneLineSchema>
export type NewPhoneLine = z.infer<typeof newPhoneLineSchema>['phone_line']
export type PhoneLineChange = z.infer<typeof phoneLineChangeSchema>['phone_line']
