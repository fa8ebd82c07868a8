/** Opens the way to the account of a configuration, or to the sandbox, for the time of a command. */
import type { Config } from '../../config/schema.ts'
import type { VoiceAccount } from '../../migration/provisioning/voice-account.ts'
import { bearer } from '../../zendesk/http/authorization.ts'
import { Connection } from '../../zendesk/http/connection.ts'
import { VoiceClient } from '../../zendesk/voice/voice-client.ts'
import { VoiceFailure } from '../../zendesk/voice/voice-failure.ts'
import type { CliContext } from '../context.ts'
import { CommandFailed } from '../failure.ts'
import { voiceAccount } from './voice-account.ts'

/** Rejects with CommandFailed for what the account answers: 130 when interrupted, 1 otherwise. */
export async function withAccount<T>(
  context: CliContext,
  config: Pick<Config, 'zendesk' | 'sandbox'>,
  use: (account: VoiceAccount) => Promise<T>,
): Promise<T> {
  const { baseUrl, token } = addressed(config)
  const connection = new Connection({
    baseUrl,
    authorization: bearer(token),
    userAgent: `tpe-bridge/${context.version}`,
    clock: Date.now,
  })
  try {
    return await use(voiceAccount(new VoiceClient({ connection, clock: Date.now }), context.interrupted))
  } catch (cause) {
    if (cause instanceof CommandFailed) throw cause
    if (context.interrupted.aborted) throw new CommandFailed(130, 'interrupted; nothing was changed', { cause })
    if (!(cause instanceof VoiceFailure)) throw cause
    const hint = config.zendesk.baseUrl === null ? '\nzendesk.base_url is not set, so this is the sandbox: is it running?' : ''
    throw new CommandFailed(1, `${cause.message}${hint}`, { cause })
  } finally {
    await connection.close()
  }
}

function addressed({ zendesk, sandbox }: Pick<Config, 'zendesk' | 'sandbox'>): {
  readonly baseUrl: string
  readonly token: string
} {
  if (zendesk.baseUrl === null) {
    const { host, port } = sandbox.listen
    return { baseUrl: `http://${host.includes(':') ? `[${host}]` : host}:${port}`, token: sandbox.token }
  }
  if (zendesk.api === 'calls') {
    throw new CommandFailed(
      2,
      'apply speaks to the Voice API (zendesk.api: partner-edition); the documented API of this account has no such endpoints',
    )
  }
  if (zendesk.token === null) {
    throw new CommandFailed(2, 'apply speaks to the Voice API, which wants an API token: set zendesk.token')
  }
  return { baseUrl: zendesk.baseUrl, token: zendesk.token }
}
