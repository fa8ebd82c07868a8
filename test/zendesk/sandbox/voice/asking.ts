/** A real sandbox, asked in JSON. */
import type { EventType } from '../../../../src/events/event.ts'
import { phoneCallEventBody } from '../../../../src/zendesk/partner-edition/bodies.ts'
import type { WireCall } from '../../../../src/zendesk/wire/call-event.ts'
import { madeEvent, startedAt } from '../../made-events.ts'
import { json, runningSandbox } from '../../running-sandbox.ts'

/** The moment `seconds` after the calls of a test began. */
export const at = (seconds: number) => new Date(startedAt + seconds * 1000).toISOString()

/** A call in the words of the wire, changed. */
export const eventOf = (id: string, sequence: number, type: EventType, call: Partial<WireCall> = {}, seconds = sequence) => {
  const { phone_call_event: event } = phoneCallEventBody(madeEvent(id, sequence, type))
  return { phone_call_event: { ...event, occurred_at: at(seconds), call: { ...event.call, started_at: at(0), ...call } } }
}

export async function askingSandbox() {
  const sandbox = await runningSandbox()
  const ask = async (method: string, path: string, body?: object, key?: string) => {
    const answer = await sandbox.call(path, {
      method,
      headers: { ...(body && { 'content-type': 'application/json' }), ...(key !== undefined && { 'idempotency-key': key }) },
      ...(body && { body: JSON.stringify(body) }),
    })
    return { status: answer.status, body: answer.status === 204 ? null : await json(answer) }
  }
  return {
    sandbox,
    ask,
    get: async (path: string) => (await ask('GET', path)).body,
    put: (path: string, body: object) => ask('PUT', path, body),
    post: (path: string, body: object, key?: string) => ask('POST', path, body, key),
    delete: (path: string) => ask('DELETE', path),
    /** Reports an event; gives the answer's phone_call_event. */
    async report(event: ReturnType<typeof eventOf>) {
      const { status, body } = await ask('POST', '/phone_call_events', event, event.phone_call_event.id)
      if (status > 201) throw new Error(`the event was refused: ${JSON.stringify(body)}`)
      return body.phone_call_event
    },
  }
}
