/** What arrived in the sandbox, asked over its API as any client would, with every MP3 downloaded and measured. */
import { request } from 'undici'
import { z } from 'zod'
import { Mp3Meter } from '../../recordings/audio/mp3.ts'
import type { SandboxAddress } from '../../zendesk/sandbox/sandbox.ts'

const callsAnswer = z.object({
  phone_calls: z.array(
    z.object({
      id: z.number(),
      from: z.string(),
      to: z.string(),
      direction: z.string(),
      status: z.string().nullable(),
      reason: z.string().nullable(),
      duration: z.number(),
      hold_time: z.number(),
    }),
  ),
})
const eventsAnswer = z.object({ phone_call_events: z.array(z.object({ type: z.string(), sequence: z.number() })) })
const recordingsAnswer = z.object({
  phone_recordings: z.array(z.object({ call_id: z.number().nullable(), download_url: z.string() })),
})
const voicemailsAnswer = z.object({
  phone_voicemails: z.array(z.object({ from: z.string(), mailbox: z.string(), audio_url: z.string() })),
})

export interface ArrivedCall {
  readonly id: number
  readonly from: string
  readonly to: string
  readonly direction: string
  readonly status: string | null
  readonly reason: string | null
  readonly holdSeconds: number
  /** In the order in which they arrived, without the `call.` before. */
  readonly events: readonly string[]
  readonly inOrder: boolean
}

export interface ArrivedAudio {
  readonly kind: 'recording' | 'voicemail'
  readonly of: string
  /** Measured from the MP3's frames. */
  readonly durationMs: number
}

export interface Arrivals {
  readonly calls: readonly ArrivedCall[]
  readonly audio: readonly ArrivedAudio[]
}

export async function arrivalsIn({ url, token }: SandboxAddress): Promise<Arrivals> {
  const headers = { authorization: `Bearer ${token}` }
  const get = async <T>(schema: z.ZodType<T>, path: string): Promise<T> => {
    const { statusCode, body } = await request(`${url}${path}`, { headers })
    if (statusCode !== 200) throw new Error(`the sandbox answered ${statusCode} to ${path}: ${await body.text()}`)
    return schema.parse(await body.json())
  }
  const voice = '/api/v2/channels/voice'
  const { phone_calls } = await get(callsAnswer, `${voice}/phone_calls`)
  const calls = await Promise.all(
    phone_calls.map(async ({ id, hold_time, ...call }): Promise<ArrivedCall> => {
      const { phone_call_events: events } = await get(eventsAnswer, `/_sandbox/phone_calls/${id}/events`)
      const inOrder = events.every((event, index) => event.sequence === index + 1)
      return { id, ...call, holdSeconds: hold_time, events: events.map(({ type }) => type.replace('call.', '')), inOrder }
    }),
  )
  const { phone_recordings } = await get(recordingsAnswer, `${voice}/phone_recordings`)
  const { phone_voicemails } = await get(voicemailsAnswer, `${voice}/phone_voicemails`)
  const audio = await Promise.all([
    ...phone_recordings.map(async ({ call_id, download_url }): Promise<ArrivedAudio> => {
      const call = calls.find(({ id }) => id === call_id)
      const of = call === undefined ? `call ${call_id}` : `${call.from} → ${call.to}`
      return { kind: 'recording', of, ...(await measure(download_url, headers)) }
    }),
    ...phone_voicemails.map(async ({ from, mailbox, audio_url }): Promise<ArrivedAudio> => {
      return { kind: 'voicemail', of: `${from} → mailbox ${mailbox}`, ...(await measure(audio_url, headers)) }
    }),
  ])
  return { calls, audio }
}

async function measure(url: string, headers: Record<string, string>): Promise<{ durationMs: number }> {
  const { statusCode, body } = await request(url, { headers })
  if (statusCode !== 200) throw new Error(`the sandbox answered ${statusCode} to ${url}`)
  const meter = new Mp3Meter()
  for await (const piece of body) {
    const chunk: Buffer = piece
    meter.push(chunk)
  }
  const report = meter.finish()
  return { durationMs: report.kind === 'mp3' ? report.durationMs : 0 }
}
