/** `POST /oauth/tokens`, at the root of the account: a refresh token, which works once, for an access token and the next one. */
import { z } from 'zod'

export const oauthTokensPath = '/oauth/tokens'

const lifetime = z.int().min(1).max(31_536_000)

export const refreshRequestSchema = z.object({
  grant_type: z.literal('refresh_token'),
  refresh_token: z.string().min(1).max(1024),
  client_id: z.string().min(1).max(255),
  client_secret: z.string().min(1).max(1024).optional(),
  scope: z.string().max(1024).optional(),
  /** Seconds. */
  expires_in: lifetime.optional(),
  refresh_token_expires_in: lifetime.optional(),
})

export const tokensAnswerSchema = z.looseObject({
  access_token: z.string().min(1),
  /** Absent where the account does not rotate: the old one goes on. */
  refresh_token: z.string().min(1).nullish(),
  token_type: z.string().nullish(),
  scope: z.string().nullish(),
  /** Seconds; absent or `null`: it does not expire. */
  expires_in: z.number().nullish(),
  refresh_token_expires_in: z.number().nullish(),
})

/** A refusal (RFC 6749 section 5.2): `invalid_grant` means that a person has to authorize the bridge again. */
export const oauthErrorSchema = z.object({ error: z.string(), error_description: z.string().nullish() })

export type RefreshRequest = z.input<typeof refreshRequestSchema>
