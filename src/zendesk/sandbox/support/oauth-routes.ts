/** `POST /oauth/tokens`: a refresh token for an access token and the next refresh token. */
import type { FastifyInstance } from 'fastify'
import { oauthTokensPath, refreshRequestSchema } from '../../wire/documented/oauth.ts'
import type { SupportParts } from './support-scope.ts'

export function oauthRoutes(app: FastifyInstance, { account, commits, clock }: SupportParts): void {
  app.post(oauthTokensPath, async (request, reply) => {
    // RFC 6749 section 5.1: nobody keeps these on the way.
    reply.header('cache-control', 'no-store')
    const parsed = refreshRequestSchema.safeParse(request.body)
    if (!parsed.success) {
      const fields = parsed.error.issues.map(({ path }) => path.join('.')).join(', ')
      return reply.code(400).send({ error: 'invalid_request', error_description: `Not valid: ${fields || 'the body'}` })
    }
    const { refresh_token, scope = 'read write', expires_in, refresh_token_expires_in } = parsed.data
    const lives = { expiresIn: expires_in, refreshExpiresIn: refresh_token_expires_in }
    const tokens = await commits.run(() => account.credentials.refresh(refresh_token, lives, clock()))
    if (tokens === null) {
      const error_description = 'The provided authorization grant is invalid, expired, revoked or was issued to another client.'
      return reply.code(400).send({ error: 'invalid_grant', error_description })
    }
    return reply.code(200).send({
      access_token: tokens.access,
      refresh_token: tokens.refresh,
      token_type: 'bearer',
      scope,
      expires_in: tokens.expiresIn,
      refresh_token_expires_in: tokens.refreshExpiresIn,
    })
  })
}
