/** How the bridge shows who it is: what every request carries, and what can be wrong with it. */

export interface Authorization {
  /** The value of the Authorization header; may first have to refresh it. */
  header(signal: AbortSignal): Promise<string>
  /** Zendesk refused this header (401). True: another one can be had, so asking again makes sense. */
  refused?(header: string): boolean
  /** Texts that must never appear in a reason or a log. */
  secrets(): readonly string[]
}

/** `Authorization: Bearer TOKEN`. */
export const bearer = (token: string): Authorization => ({
  header: async () => `Bearer ${token}`,
  secrets: () => [token],
})

/** Zendesk will give no more tokens for the refresh token there is: only a person can go on. */
export class AuthorizationLost extends Error {
  override readonly name = 'AuthorizationLost'
}
