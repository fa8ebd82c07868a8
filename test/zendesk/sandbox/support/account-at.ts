/** A running sandbox as the documented API's client sees it, with a clock that a test moves. */
import { onTestFinished } from 'vitest'
import type { EventType } from '../../../../src/events/event.ts'
import { bearer } from '../../../../src/zendesk/http/authorization.ts'
import { Connection } from '../../../../src/zendesk/http/connection.ts'
import { PartnerEditionSink } from '../../../../src/zendesk/partner-edition/sink.ts'
import type { SandboxOptions } from '../../../../src/zendesk/sandbox/sandbox.ts'
import { madeEvent, madeRecording, madeVoicemail } from '../../made-events.ts'
import { madeMp3 } from '../../made-mp3.ts'
import { type RunningSandbox, runningSandbox, temporaryFolder } from '../../running-sandbox.ts'

export interface Asked {
  readonly status: number
  readonly headers: Headers
  /** JSON; text when it is none; `null` when empty. */
  readonly body: ReturnType<typeof JSON.parse>
}

export interface AccountAt extends RunningSandbox {
  /** `ask('POST', '/calls', { call })` below /api/v2; a path that begins otherwise (`/_sandbox`, `/oauth`, http:) as it is. */
  ask(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Asked>
  /** Raw bytes to /uploads. */
  upload(name: string, bytes: Uint8Array<ArrayBuffer>, type?: string): Promise<Asked>
  /** Later than the machine's clock by this, from now on. */
  later(ms: number): void
}

export async function accountAt(options: Partial<SandboxOptions> = {}): Promise<AccountAt> {
  let ahead = 0
  const running = await runningSandbox({ clock: () => Date.now() + ahead, ...options })
  const authorization = `Bearer ${running.token}`
  const send = async (url: string, init: RequestInit): Promise<Asked> => {
    const answer = await fetch(url, init)
    const text = await answer.text()
    return { status: answer.status, headers: answer.headers, body: text === '' ? null : parsed(text) }
  }
  return {
    ...running,
    ask: (method, path, body, headers = {}) =>
      send(addressOf(path, running.url), {
        method,
        headers: { authorization, ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      }),
    upload: (name, bytes, type = 'audio/mpeg') =>
      send(`${running.url}/api/v2/uploads?filename=${encodeURIComponent(name)}`, {
        method: 'POST',
        headers: { authorization, 'content-type': type },
        body: bytes,
      }),
    later(ms) {
      ahead += ms
    },
  }
}

/** The Voice API's deliveries, as the bridge sends them. */
export function deliveriesTo({ url, token }: RunningSandbox) {
  const connection = new Connection({ baseUrl: url, authorization: bearer(token), userAgent: 'test', clock: Date.now })
  onTestFinished(() => connection.close())
  const sink = new PartnerEditionSink({ connection, clock: Date.now })
  const { signal } = new AbortController()
  return {
    async event(call: string, sequence = 1, type: EventType = 'call.started', changes = {}) {
      const event = madeEvent(call, sequence, type, changes)
      await sink.deliver({ kind: 'event', idempotencyKey: event.id, event }, signal)
    },
    async recording(id: string, call: string) {
      const audio = await madeMp3(await temporaryFolder(), `${id}.mp3`)
      await sink.deliver(
        { kind: 'recording', idempotencyKey: id, site: 'hq', item: madeRecording(id, audio, call), audio },
        signal,
      )
    },
    async voicemail(id: string) {
      const audio = await madeMp3(await temporaryFolder(), `${id}.mp3`)
      await sink.deliver({ kind: 'voicemail', idempotencyKey: id, site: 'hq', item: madeVoicemail(id, audio), audio }, signal)
    },
  }
}

/** The least a call must say. */
export const aCall = {
  app_id: 1,
  from_line: '+14155550100',
  to_line: '+14155550199',
  call_started_at: '2026-11-22T09:30:00Z',
  direction: 'inbound',
}

export const aTicket = { subject: 'Printer', comment: { body: 'It is on fire' } }

/** `Authorization: Basic EMAIL/token:TOKEN`. */
export const basic = (email: string, token: string) => ({
  authorization: `Basic ${Buffer.from(`${email}/token:${token}`).toString('base64')}`,
})

function addressOf(path: string, url: string): string {
  if (path.startsWith('http:')) return path
  return /^\/(?:_sandbox|oauth|attachments)\b/.test(path) ? `${url}${path}` : `${url}/api/v2${path}`
}

function parsed(text: string): ReturnType<typeof JSON.parse> {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
