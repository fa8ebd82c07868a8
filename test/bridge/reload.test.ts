import { writeFile } from 'node:fs/promises'
import { kill } from 'node:process'
import { expect, onTestFinished, test, vi } from 'vitest'
import { z } from 'zod'
import { patience } from './running-bridge.ts'
import { Site } from './site.ts'

const answerSchema = z.object({ changed: z.array(z.unknown()), needs_restart: z.array(z.string()) })

test('SIGHUP takes over what can change, names what cannot, and leaves the bridge alone when the file is broken', {
  timeout: 60_000,
}, async () => {
  const site = await Site.open()
  onTestFinished(() => site.close())
  const bridge = await site.start()
  const hangUp = () => kill(bridge.program.pid, 'SIGHUP')

  await site.configure({
    site: 'elsewhere',
    zendesk: { requests_per_minute: 50_000 },
    uploads: { concurrency: 3, retry: { base: '50ms', cap: '500ms' } },
    log: { level: 'debug' },
  })
  hangUp()
  const changed = await bridge.logged('configuration changed', line => line.path === 'zendesk.requests_per_minute')
  expect(changed).toMatchObject({ before: '100000', after: '50000', actor: 'SIGHUP' })
  expect(bridge.lines('configuration changed').map(({ path }) => path)).toContain('log.level')
  const { paths } = await bridge.logged('configuration changed where it needs a restart')
  expect(paths).toEqual(['site'])

  await writeFile(site.configFile, '{ "uploads": { "concurrency": "many" }, "sites": "hq" }')
  hangUp()
  await vi.waitFor(() => expect(bridge.lines('configuration is broken, the bridge runs on as it was')).toHaveLength(2), patience)
  expect(await bridge.readiness()).toMatchObject({ ready: true })

  await site.configure({ uploads: { concurrency: 5 } })
  const answer = await fetch(`${bridge.admin}/v1/reload`, { method: 'POST' })
  expect(answer.status).toBe(200)
  const { changed: byApi, needs_restart } = answerSchema.parse(await answer.json())
  expect(byApi).toContainEqual({ path: 'uploads.concurrency', before: '3', after: '5' })
  expect(needs_restart).toEqual([])
  await writeFile(site.configFile, 'site: "')
  const refused = await fetch(`${bridge.admin}/v1/reload`, { method: 'POST' })
  expect(refused.status).toBe(422)
  expect(await refused.json()).toMatchObject({
    error: 'Nothing has changed',
    description: expect.stringContaining('bridge.yaml:1'),
  })

  expect(await bridge.terminate()).toEqual({ code: 0, signal: null })
})
