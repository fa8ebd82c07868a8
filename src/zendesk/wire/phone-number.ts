/** `/phone_numbers`: numbers that callers dial. */
import { z } from 'zod'
import { idSchema, pageFields } from './page.ts'
import { e164Schema, timestampFields } from './words.ts'

export const capabilities = ['inbound', 'outbound', 'sms', 'mms'] as const

/** ISO 3166-1 alpha-2: `US`. */
const countryCodeSchema = z.string().regex(/^[A-Z]{2}$/, 'must be an ISO 3166-1 alpha-2 code in capitals, such as US')

const writable = {
  number: e164Schema,
  display_name: z.string().min(1).max(255),
  country_code: countryCodeSchema,
  phone_line_id: idSchema.nullable(),
  enabled: z.boolean(),
  capabilities: z.array(z.enum(capabilities)).min(1).max(capabilities.length),
}

/** `POST /phone_numbers`: only the number must be given; its country follows from it. */
export const newPhoneNumberSchema = z.strictObject({
  phone_number: z.strictObject(writable).partial().required({ number: true }),
})
/** `PUT /phone_numbers/{id}`: what is left out stays. The number itself cannot change. */
export const phoneNumberChangeSchema = z.strictObject({
  phone_number: z.strictObject(writable).omit({ number: true }).partial(),
})
export const phoneNumberSchema = z.object({ id: idSchema, ...writable, ...timestampFields })

export const phoneNumberAnswerSchema = z.object({ phone_number: phoneNumberSchema })
export const phoneNumbersAnswerSchema = z.object({ phone_numbers: z.array(phoneNumberSchema), ...pageFields })

export type PhoneNumber = z.infer<typeof phoneNumberSchema>
export type NewPhoneNumber = z.infer<typeof newPhoneNumberSchema>['phone_number']
export type PhoneNumberChange = z.infer<typeof phoneNumberChangeSchema>['phone_number']
