/** The whole bridge, as an operator runs it: the agents' status follows calls through a restart, and recordings are listened to. */
import { join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { z } from 'zod'
import { tone, wav } from '../recordings/wav.ts'
import { patience, type RunningBridge } from './running-bridge.ts'
import { Site } from './site.ts'

const boardSchema = z.object({
  agents: z.array(
    z.object({ id: z.number(), phone: z.string(), zendesk: z.string().nullable(), returns_to: z.string().nullable() }),
  ),
  unmapped: z.array(z.object({ extension: z.string(), calls: z.number() })),
})

const board = async (bridge: RunningBridge) => boardSchema.parse(await (await fetch(`${bridge.admin}/v1/agents`)).json())

test('a call shows at its agent, survives a kill, and is given back', { timeout: 60_000 }, async () => {
  const agentStatus = { report: true, after_call_work: '1s' }
  const transcripts = { command: ['sh', '-c', 'test -s "$1" && echo "words of a call"', 'sh', '{file}'], min_duration: '0s' }
  const site = await Site.open({ config: { agent_status: agentStatus, transcripts } })
  onTestFinished(() => site.close())
  const first = await site.start()
  const { port } = first.sip('udp')
  await site.configure({
    sip: { listen: [`udp://127.0.0.1:${port}`], trunk: site.trunk() },
    agent_status: agentStatus,
    transcripts,
  })
  expect(await board(first)).toMatchObject({ agents: [{ id: 35436, phone: 'idle', zendesk: null }], unmapped: [] })

  const call = site.carrier.call({ callId: 'seen@phones', from: '+14155550100', to: '1001', via: first.sip('udp') })
  expect(await call.final).toBe(200)
  const onCall = { id: 35436, phone: 'on_call', zendesk: 'on_call', returns_to: 'available' }
  await vi.waitFor(async () => expect((await board(first)).agents).toMatchObject([onCall]), patience)
  await first.kill()

  const second = await site.start()
  await vi.waitFor(async () => expect((await board(second)).agents).toMatchObject([onCall]), patience)
  expect(await call.hangUp()).toBe(200)
  await vi.waitFor(async () => expect((await board(second)).agents).toMatchObject([{ phone: 'after_call_work' }]), patience)
  const free = { phone: 'idle', zendesk: 'available', returns_to: null }
  await vi.waitFor(async () => expect((await board(second)).agents).toMatchObject([free]), patience)
  expect((await second.readiness()).parts.agents).toEqual({ state: 'ok', reason: null })

  await site.leave(join(site.monitor, '1_seen@phones.wav'), wav({ data: tone(1) }))
  await second.counts('tpe_bridge_transcripts_transcribed_total', 1)
  await vi.waitFor(async () => expect(await second.sandbox.recordings()).toHaveLength(1), patience)
})
