/** What a sandbox shows of what arrived, and the faults that it can be told to have. */
import { z } from 'zod'

const stateSchema = z.object({
  phone_calls: z.number(),
  phone_call_events: z.number(),
  out_of_order: z.number(),
  gaps: z.number(),
  phone_recordings: z.number(),
  phone_voicemails: z.number(),
  repeats: z.number(),
  sequences: z.record(z.string(), z.array(z.number())),
})
const pageSchema = z.looseObject({ next_page: z.string().nullable() })
const callSchema = z.object({
  id: z.number(),
  external_id: z.string(),
  status: z.string().nullable(),
  reason: z.string().nullable(),
  answered_at: z.string().nullable(),
  from: z.string(),
  to: z.string(),
  direction: z.string(),
  hold_time: z.number(),
  legs: z.array(z.looseObject({ sip_call_id: z.string() })),
})
const eventSchema = z.object({ id: z.string(), type: z.string(), sequence: z.number(), occurred_at: z.string() })
const recordingSchema = z.object({
  id: z.number(),
  call_id: z.number().nullable(),
  external_id: z.string(),
  external_call_id: z.string().nullable(),
  duration: z.number(),
  consent: z.boolean().nullable(),
})
const voicemailSchema = recordingSchema.extend({
  from: z.string(),
  to: z.string(),
  mailbox: z.string(),
  received_at: z.string(),
})

export type PhoneCall = z.infer<typeof callSchema>
export type PhoneCallEvent = z.infer<typeof eventSchema>
export type PhoneRecording = z.infer<typeof recordingSchema>
export type PhoneVoicemail = z.infer<typeof voicemailSchema>

/** The token that every sandbox of these tests asks for. */
export const sandboxToken = 'sandbox-token'

export interface FaultPlan {
  readonly route: string
  readonly every?: number
  readonly times?: number
}

export class SandboxView {
  readonly url: string
  readonly #token: string

  constructor(url: string, token = sandboxToken) {
    this.url = url
    this.#token = token
  }

  async state(): Promise<z.infer<typeof stateSchema>> {
    return stateSchema.parse(await (await fetch(`${this.url}/_sandbox/state?limit=100000`)).json())
  }

  /** Makes requests fail: `action` is one of the kinds in src/zendesk/sandbox/faults.ts. */
  async fault(plan: FaultPlan, action: object): Promise<void> {
    const body = JSON.stringify(Object.fromEntries([...Object.entries(plan), ['then', action]]))
    const answer = await fetch(`${this.url}/_sandbox/faults`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
    })
    if (answer.status !== 201) throw new Error(`the fault was refused: ${await answer.text()}`)
  }

  async heal(): Promise<void> {
    await fetch(`${this.url}/_sandbox/faults`, { method: 'DELETE' })
  }

  async calls(): Promise<readonly PhoneCall[]> {
    return await this.#all('phone_calls', callSchema)
  }

  async recordings(): Promise<readonly PhoneRecording[]> {
    return await this.#all('phone_recordings', recordingSchema)
  }

  async voicemails(): Promise<readonly PhoneVoicemail[]> {
    return await this.#all('phone_voicemails', voicemailSchema)
  }

  /** The call with this id of the bridge's, or `null`. */
  async call(externalId: string): Promise<PhoneCall | null> {
    const body = await this.#get(`/phone_calls?external_id=${encodeURIComponent(externalId)}`)
    return z.object({ phone_calls: z.array(callSchema) }).parse(body).phone_calls[0] ?? null
  }

  /** A call's events in the order in which they came. */
  async events(id: number): Promise<readonly PhoneCallEvent[]> {
    const answer = await fetch(`${this.url}/_sandbox/phone_calls/${id}/events`)
    return z.object({ phone_call_events: z.array(eventSchema) }).parse(await answer.json()).phone_call_events
  }

  async #all<T>(name: string, schema: z.ZodType<T>): Promise<readonly T[]> {
    const rows: T[] = []
    let path = `/${name}?limit=1000`
    for (;;) {
      const body = await this.#get(path)
      const { next_page: next, ...lists } = pageSchema.parse(body)
      rows.push(...z.array(schema).parse(lists[name]))
      if (next === null) return rows
      path = next.slice(next.indexOf(`/${name}?`))
    }
  }

  async #get(path: string): Promise<unknown> {
    const answer = await fetch(`${this.url}/api/v2/channels/voice${path}`, {
      headers: { authorization: `Bearer ${this.#token}` },
    })
    if (!answer.ok) throw new Error(`the sandbox answered ${answer.status}: ${await answer.text()}`)
    return await answer.json()
  }
}
