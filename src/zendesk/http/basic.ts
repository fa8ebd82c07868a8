/** `Authorization: Basic base64(EMAIL/token:TOKEN)`: how Zendesk's documentation lets an API token act as one of the agents. */
import type { Authorization } from './authorization.ts'

/** `email`: of the agent that the token acts as. */
export function apiToken(email: string, token: string): Authorization {
  const credentials = Buffer.from(`${email}/token:${token}`).toString('base64')
  return { header: async () => `Basic ${credentials}`, secrets: () => [token, credentials] }
}
