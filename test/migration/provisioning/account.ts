/** The real command against a real sandbox, and what it printed. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import type { ExitCode } from '../../../src/cli/context.ts'
import { run } from '../../../src/cli/program.ts'
import { bearer } from '../../../src/zendesk/http/authorization.ts'
import { Connection } from '../../../src/zendesk/http/connection.ts'
import { VoiceClient } from '../../../src/zendesk/voice/voice-client.ts'
import { type RunningSandbox, runningSandbox } from '../../zendesk/running-sandbox.ts'

export interface Applied {
  readonly code: ExitCode
  readonly out: string
  readonly err: string
}

export interface Account {
  readonly sandbox: RunningSandbox
  readonly client: VoiceClient
  /** `apply VERB voice.yaml …` with this text as the file; `answer` is what the person at the terminal writes. */
  apply(verb: string, yaml: string, flags?: readonly string[], asked?: Asked): Promise<Applied>
}

interface Asked {
  readonly answer?: (question: string) => Promise<string>
  readonly terminal?: boolean
  readonly interrupted?: AbortSignal
}

export const unhurried = new AbortController().signal

export async function account(): Promise<Account> {
  const sandbox = await runningSandbox()
  const config = join(sandbox.dataDir, 'bridge.yaml')
  const voice = join(sandbox.dataDir, 'voice.yaml')
  await writeFile(
    config,
    `zendesk: { base_url: "${sandbox.url}", token: "${sandbox.token}" }
agents:
  - { extension: "1001", zendesk_id: 35436, name: Alice }
  - { extension: "1002", zendesk_id: 35437, name: Bob }
`,
  )
  const connection = new Connection({
    baseUrl: sandbox.url,
    authorization: bearer(sandbox.token),
    userAgent: 'test',
    clock: Date.now,
  })
  onTestFinished(() => connection.close())
  return {
    sandbox,
    client: new VoiceClient({ connection, clock: Date.now }),
    async apply(verb, yaml, flags = [], { answer, terminal = false, interrupted = unhurried } = {}) {
      await writeFile(voice, yaml)
      const out: string[] = []
      const err: string[] = []
      const code = await run(['apply', verb, ...(verb === 'pull' ? [] : [voice]), '-c', config, ...flags], {
        env: {},
        version: '0.0.0-test',
        actor: 'test@here',
        stdout: { write: text => void out.push(text), isTerminal: terminal },
        stderr: { write: text => void err.push(text) },
        interrupted,
        ...(answer === undefined ? {} : { ask: answer }),
      })
      return { code, out: out.join(''), err: err.join('').replaceAll(voice, 'voice.yaml') }
    },
  }
}
