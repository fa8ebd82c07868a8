// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the fixes under test hold references
import { describe, expect, test } from 'vitest'
import { redactedConfig } from '../../src/config/redact.ts'
import { accepted, complaints } from './loading.ts'

const at = 'base_url: "https://example.zendesk.com"'

describe('the documented dialect', () => {
  test('needs nothing at all while it delivers to the sandbox', async () => {
    expect((await accepted('zendesk: { api: calls }\n')).zendesk).toEqual({
      api: 'calls',
      baseUrl: null,
      token: null,
      email: null,
      oauth: null,
      appId: null,
      licence: 'partner-edition',
      brandId: null,
      callers: { create: true, anonymous: 'no-ticket', ambiguous: 'most-recent', name: 'display' },
      display: 'ringing',
      recordingsWithoutTicket: 'ticket',
      requestsPerMinute: 600,
    })
  })

  test.each([
    [
      'no credentials and no app',
      `{ api: calls, ${at} }`,
      [
        'zendesk.app_id: is missing: every call record names the app that made it — fix: upload a private app and add its id, or write licence: none to make tickets only',
        'zendesk.token: is missing: zendesk.base_url is set — fix: add the API token of the account: token: "${ZENDESK_TOKEN}"',
      ],
    ],
    [
      'a token of nobody',
      `{ api: calls, ${at}, token: "\${T}", app_id: 7 }`,
      [
        'zendesk.email: is missing: with zendesk.api calls a token belongs to an agent — fix: add the agent’s address: email: bridge@example.com',
      ],
    ],
    [
      'an address that is none',
      `{ api: calls, ${at}, token: "\${T}", email: "a:b@c", app_id: 7 }`,
      ['zendesk.email: "a:b@c" is no e-mail address — fix: write the address of the agent that the token acts as'],
    ],
    [
      'both a token and an OAuth client',
      `{ api: calls, ${at}, token: "\${T}", email: "a@b.c", app_id: 7, oauth: { client_id: c, refresh_token: "\${T}" } }`,
      ['zendesk.oauth: is set, and so is zendesk.token — fix: keep the one that Zendesk shall know the bridge by'],
    ],
    [
      'an OAuth client without a refresh token',
      `{ api: calls, ${at}, licence: none, oauth: { client_id: c } }`,
      ['zendesk.oauth.refresh_token: is missing — fix: add it, such as refresh_token: "${ZENDESK_REFRESH_TOKEN}"'],
    ],
  ])('with an account is refused with %s', async (_, section, expected) => {
    const lines = await complaints(`zendesk: ${section}\n`, { env: { T: 'abc' } })
    expect(lines.map(line => line.replace(/^config\/bridge.yaml:\d+:\d+ /, ''))).toEqual(expected)
  })

  test('is accepted with an agent’s token, with an OAuth client, and without the licence', async () => {
    const given = { env: { T: 'abc' }, files: { 'config/secret': 'client-secret\n' } }
    const byToken = await accepted(`zendesk: { api: calls, ${at}, token: "\${T}", email: "a@b.c", app_id: 7 }\n`, given)
    expect(byToken.zendesk).toMatchObject({ email: 'a@b.c', appId: 7 })
    const oauth = 'oauth: { client_id: bridge, client_secret_file: secret, refresh_token: "${T}" }'
    const byClient = await accepted(`zendesk: { api: calls, ${at}, licence: none, ${oauth} }\n`, given)
    expect(byClient.zendesk.oauth).toEqual({ clientId: 'bridge', clientSecret: 'client-secret', refreshToken: 'abc' })
    const shown = JSON.stringify(redactedConfig(byClient))
    expect(shown).not.toContain('client-secret')
    expect(shown).not.toContain('"abc"')
  })
})
