/** Whether Zendesk answers, and takes these credentials: one request that reads and changes nothing. */
import type { Config } from '../../config/schema.ts'
import { errorIn } from '../../zendesk/http/answer.ts'
import { type Authorization, bearer } from '../../zendesk/http/authorization.ts'
import { apiToken } from '../../zendesk/http/basic.ts'
import { Connection } from '../../zendesk/http/connection.ts'
import { networkReason } from '../../zendesk/http/network-failure.ts'
import type { Finding } from '../check.ts'

const patienceMs = 10_000

/** None for the bridge's own sandbox: `check` says that there is no account. */
export async function accountFindings(
  { zendesk }: Pick<Config, 'zendesk'>,
  version: string,
  interrupted: AbortSignal,
): Promise<readonly Finding[]> {
  const { baseUrl, api } = zendesk
  if (baseUrl === null) return []
  const what = `zendesk: ${baseUrl}`
  if (zendesk.oauth !== null)
    return [
      {
        level: 'ok',
        text: `${what} was not asked: with zendesk.oauth the refresh token is the bridge's to use; the part uploads of a running one says how it fares`,
      },
    ]
  const authorization = authorizationOf(zendesk)
  const userAgent = `tpe-bridge/${version}`
  const timeouts = { connectMs: patienceMs, headersMs: patienceMs, bodyMs: patienceMs }
  const connection = new Connection({ baseUrl, authorization, userAgent, clock: Date.now, connections: 1, timeouts })
  try {
    const signal = AbortSignal.any([AbortSignal.timeout(patienceMs), interrupted])
    const answer = await connection.send({ method: 'GET', path: harmless[api], signal })
    const { status } = answer
    if (status === 200) return [{ level: 'ok', text: `${what} answers, and takes these credentials` }]
    const named = errorIn(answer)?.error
    const said = connection.withoutSecrets(`${status}${typeof named === 'string' ? ` ${named}` : ''}`)
    if (status === 401 || status === 403)
      return [{ level: 'error', text: `${what} refuses these credentials (${said}): ${credentialsFix[api]}` }]
    if (status === 429 || status >= 500)
      return [
        { level: 'warning', text: `${what} answers ${said}: deliveries wait until that is over; see Zendesk's status page` },
      ]
    return [
      {
        level: 'error',
        text: `${what} answers ${said} to ${harmless[api]}: correct zendesk.base_url, or zendesk.api if the account has the other API`,
      },
    ]
  } catch (error) {
    const why = error instanceof Error && error.name === 'TimeoutError' ? 'no answer in time' : networkReason(error)
    return [
      {
        level: 'error',
        text: `${what} cannot be reached: ${connection.withoutSecrets(why)}: correct zendesk.base_url, or open the way out (firewall, NODE_EXTRA_CA_CERTS)`,
      },
    ]
  } finally {
    await connection.close()
  }
}

function authorizationOf({ api, token, email }: Config['zendesk']): Authorization {
  return api === 'calls' && email !== null ? apiToken(email, token ?? '') : bearer(token ?? '')
}

/** What every account of that dialect answers, however little the token's owner may see. */
const harmless: Readonly<Record<Config['zendesk']['api'], string>> = {
  'partner-edition': '/api/v2/channels/voice/phone_numbers',
  calls: '/api/v2/users/search?external_id=tpe-bridge-doctor',
}

const credentialsFix: Readonly<Record<Config['zendesk']['api'], string>> = {
  'partner-edition': 'correct zendesk.token, and see that API tokens are switched on (Admin Center, Apps and integrations)',
  calls:
    'correct zendesk.email and zendesk.token, and see that API tokens are switched on (Admin Center, Apps and integrations) and the agent is active',
}
