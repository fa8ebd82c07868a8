/** `/api/v2/users`: callers are end users; agents and admins are users, too. */
import { z } from 'zod'
import { numberId } from './words.ts'

const userRoles = ['end-user', 'agent', 'admin'] as const

/**
 * A telephone number of a user in any usual form, `(415) 555-0100 x12`: 3 to 15 digits (ITU-T E.164 section 6), and at most one
 * extension. Zendesk compares what it was given, so send E.164.
 */
const phone = z
  .string()
  .max(64)
  .regex(/^\+?(?:[\s().-]*\d){3,15}[\s().-]*(?:x\d{1,10})?$/, 'is not properly formatted')

const newUser = z.object({
  name: z.string().min(1).max(255),
  email: z.email().max(255).nullish(),
  phone: phone.nullish(),
  /** True for a number that several people share: it identifies nobody. */
  shared_phone_number: z.boolean().nullish(),
  external_id: z.string().min(1).max(255).nullish(),
  role: z.enum(userRoles).optional(),
  verified: z.boolean().optional(),
  skip_verify_email: z.boolean().optional(),
  notes: z.string().max(65_535).nullish(),
  details: z.string().max(65_535).nullish(),
  tags: z.array(z.string().min(1).max(255)).max(500).optional(),
  user_fields: z.record(z.string().max(255), z.union([z.string().max(65_535), z.number(), z.boolean(), z.null()])).optional(),
})

/** `POST /users`; and `POST /users/create_or_update`, which finds the user by `external_id` or `email`, never by `phone`. */
export const newUserSchema = z.object({ user: newUser })

/** `PUT /users/{id}` */
export const userChangesSchema = z.object({ user: newUser.partial() })

export const userSchema = z.looseObject({
  id: numberId,
  name: z.string(),
  email: z.string().nullish(),
  phone: z.string().nullish(),
  shared_phone_number: z.boolean().nullish(),
  external_id: z.string().nullish(),
  role: z.string(),
  active: z.boolean().nullish(),
  created_at: z.string().nullish(),
  updated_at: z.string().nullish(),
})

/** 200 for one that was there, 201 for a new one. */
export const userAnswerSchema = z.object({ user: userSchema })

/** `POST /users/{id}/identities`; a telephone number's value is E.164. */
export const newIdentitySchema = z.object({
  identity: z.object({
    type: z.enum(['email', 'twitter', 'facebook', 'google', 'phone_number', 'agent_forwarding']),
    value: z.string().min(1).max(255),
    verified: z.boolean().optional(),
    primary: z.boolean().optional(),
  }),
})

export type NewUser = z.input<typeof newUserSchema>['user']
export type User = z.infer<typeof userSchema>
