/** A real sandbox on a free port, with a folder of its own, gone at the end of the test. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { Sandbox, type SandboxOptions } from '../../src/zendesk/sandbox/sandbox.ts'

const silent = { debug() {}, info() {}, warn() {}, error() {} }

/** Registers what follows a test; one that runs beside others has to name itself (vitest's test context). */
export type AtEnd = (clean: () => void | Promise<void>) => void

export async function temporaryFolder(atEnd: AtEnd = onTestFinished): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'tpe-zendesk-'))
  atEnd(() => rm(folder, { recursive: true, force: true }))
  return folder
}

/** The body of an answer. */
export const json = async (answer: Response) => JSON.parse(await answer.text())

export interface RunningSandbox {
  readonly url: string
  readonly token: string
  readonly dataDir: string
  readonly sandbox: Sandbox
  /** A request below /api/v2/channels/voice with the token. */
  call(path: string, init?: RequestInit): Promise<Response>
  /** `GET /_sandbox/state`. */
  state(): Promise<Record<string, unknown>>
  /** `POST /_sandbox/faults`: what happens to which requests. */
  fault(route: string, action: object, when?: { readonly times?: number; readonly every?: number }): Promise<void>
}

export async function runningSandbox(
  options: Partial<SandboxOptions> = {},
  atEnd: AtEnd = onTestFinished,
): Promise<RunningSandbox> {
  const dataDir = options.dataDir ?? (await temporaryFolder(atEnd))
  const sandbox = new Sandbox({
    listen: '127.0.0.1:0',
    token: 'sandbox-token',
    requestsPerMinute: 1_000_000,
    log: silent,
    clock: Date.now,
    version: '0.0.0-test',
    ...options,
    dataDir,
  })
  const { url, token } = await sandbox.start()
  atEnd(() => sandbox.stop())
  return {
    url,
    token,
    dataDir,
    sandbox,
    call: (path, init = {}) =>
      fetch(`${url}/api/v2/channels/voice${path}`, { ...init, headers: { authorization: `Bearer ${token}`, ...init.headers } }),
    async state() {
      return json(await fetch(`${url}/_sandbox/state`))
    },
    async fault(route, action, when = { times: 1 }) {
      const answer = await fetch(`${url}/_sandbox/faults`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        // biome-ignore lint/suspicious/noThenProperty: the key of the sandbox's API
        body: JSON.stringify({ route, ...when, then: action }),
      })
      if (answer.status !== 201) throw new Error(`the fault was refused: ${await answer.text()}`)
    },
  }
}
