/** Erasing, in the command as operators have it: whatever was taken in is gone, wherever it went, and what is held stays. */
import { existsSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { z } from 'zod'
import { run } from '../../src/cli/program.ts'
import { SqliteStore } from '../../src/uploads/store/sqlite-store.ts'
import { tone, wav } from '../recordings/wav.ts'
import { patience, type RunningBridge } from './running-bridge.ts'
import { Site } from './site.ts'

const silent = { error: () => {}, warn: () => {} }
const caller = '+14155550100'
const other = '+14155550199'

async function archivingSite(api: 'partner-edition' | 'calls'): Promise<Site> {
  const site = await Site.open()
  onTestFinished(() => site.close())
  await site.configure({ zendesk: { api, requests_per_minute: 100_000 }, archive: { folder: join(site.folder, 'archive') } })
  return site
}

async function recorded(site: Site, bridge: RunningBridge, name: string, from: string): Promise<string> {
  const callId = `${name}@phones`
  expect(await site.carrier.callAndHangUp({ callId, from, to: '1001', via: bridge.sip('udp') })).toBe(200)
  const path = join(site.monitor, `1_${callId}.wav`)
  await site.leave(path, wav({ data: tone(1, 8000, 1, name.length) }))
  return path
}

/** The command beside the bridge: what it wrote, and how it ended. */
async function command(site: Site, ...args: readonly string[]) {
  const written: string[] = []
  const stream = { isTerminal: false, write: (text: string) => void written.push(text) }
  const interrupted = new AbortController().signal
  const context = { env: {}, version: '0.0.0-test', actor: 'ops@pbx1', stdout: stream, stderr: stream, interrupted }
  const code = await run([...args, '-c', site.configFile], context)
  return { code, output: written.join('') }
}

async function archived(site: Site): Promise<readonly string[]> {
  const names = await readdir(join(site.folder, 'archive'), { recursive: true })
  return names.filter(name => /\.(mp3|vcon\.json)$/.test(name)).sort()
}

const foundSchema = z.object({ found: z.array(z.object({ id: z.string(), kind: z.string(), erasure: z.string().nullable() })) })

async function itemsOf(site: Site, number: string) {
  const { output } = await command(site, 'erase', '--number', number, '--dry-run', '--json')
  return foundSchema.parse(JSON.parse(output)).found
}

/** Everything that the bridge's own database still has. */
async function stored(site: Site, id: string) {
  const store = await SqliteStore.open({ dataDir: join(site.folder, 'data'), role: 'tool', now: Date.now, log: silent })
  try {
    const lines = await store.audit.list({ limit: 50, subject: id })
    const upload = await store.desk.getUpload(`${id}.erasure`)
    return { lines: lines.map(({ action, actor, reason, detail }) => ({ action, actor, reason, detail })), upload }
  } finally {
    await store.close()
  }
}

const erasedBy = async (site: Site, id: string): Promise<void> => {
  await vi.waitFor(async () => expect((await stored(site, id)).upload).toMatchObject({ state: 'delivered' }), patience)
}

test('all of a number goes: the recording and its source, the archive’s copy and record, Zendesk’s; nobody else’s, and nothing that is held', {
  timeout: 120_000,
}, async () => {
  const site = await archivingSite('partner-edition')
  const bridge = await site.start()
  const gone = await recorded(site, bridge, 'gone', caller)
  const held = await recorded(site, bridge, 'held', caller)
  const others = await recorded(site, bridge, 'others', other)
  await vi.waitFor(async () => expect(await archived(site)).toHaveLength(6), patience)
  await bridge.drained()
  expect(await bridge.sandbox.recordings()).toHaveLength(3)
  const ids = new Map<string, string>()
  for (const name of ['gone', 'held', 'others']) {
    const { output } = await command(site, 'erase', '--call', `${name}@phones`, '--dry-run', '--json')
    ids.set(name, foundSchema.parse(JSON.parse(output)).found[0]?.id ?? '')
  }

  const idOf = (name: string): string => ids.get(name) ?? ''

  const hold = await command(site, 'hold', '--item', idOf('held'), '--reason', 'case 7')
  expect(hold).toMatchObject({ code: 0, output: expect.stringContaining('1 held') })
  const erase = await command(site, 'erase', '--number', '(415) 555-0100', '--reason', 'request 12', '--yes')
  expect(erase).toMatchObject({
    code: 1,
    output: expect.stringMatching(/1 will be erased[\s\S]*held, so not erased: rec_\w+ \(case 7\)/),
  })
  await erasedBy(site, idOf('gone'))

  expect([existsSync(gone), existsSync(held), existsSync(others)]).toEqual([false, true, true])
  const left = await archived(site)
  expect(left).toHaveLength(4)
  expect(left.join()).not.toContain(idOf('gone'))
  expect((await bridge.sandbox.recordings()).map(({ external_id }) => external_id).sort()).toEqual(
    [idOf('held'), idOf('others')].sort(),
  )
  const { lines } = await stored(site, idOf('gone'))
  const actor = 'ops@pbx1'
  expect(lines).toMatchObject([
    {
      action: 'recording.erased',
      actor,
      reason: 'request 12',
      detail: {
        places: {
          spool: 'emptied',
          sources: '1 files deleted',
          archive: expect.stringMatching(/^deleted hq\//),
          zendesk: expect.stringMatching(/^deleted \(\d+\)$/),
        },
      },
    },
    { action: 'recording.erasure-requested', actor, detail: { by: 'number', number: '+*********00' } },
  ])
  expect((await itemsOf(site, caller)).map(({ id }) => id)).toEqual([idOf('held')])

  const audit = await command(site, 'audit', '--subject', idOf('held'))
  expect(audit.output).toContain('recording.held')
  expect(await command(site, 'hold', '--item', idOf('held'), '--release', '--reason', 'settled')).toMatchObject({ code: 0 })
  expect(await command(site, 'erase', '--number', caller, '--keep-sources', '--yes')).toMatchObject({ code: 0 })
  await erasedBy(site, idOf('held'))
  expect(existsSync(held)).toBe(true)
  expect(await archived(site)).toHaveLength(2)
  // Nor does the source that was kept go out again.
  await bridge.terminate()
  const again = await site.start()
  await again.drained()
  expect((await again.sandbox.recordings()).map(({ external_id }) => external_id)).toEqual([idOf('others')])
})

test('an erasure survives a Zendesk that is away, a delivery whose answer was lost, and kill -9; asked for without a bridge, it is done by the next one', {
  timeout: 120_000,
}, async () => {
  const site = await archivingSite('partner-edition')
  let bridge = await site.start()
  // Zendesk has it, and the bridge does not know.
  await bridge.sandbox.fault({ route: 'phone_recording_upload' }, { kind: 'accept-then-reset' })
  const source = await recorded(site, bridge, 'lost', caller)
  await vi.waitFor(async () => expect(await bridge.sandbox.recordings()).toHaveLength(1), patience)
  await bridge.kill()
  const [item] = await itemsOf(site, caller)
  expect(await command(site, 'erase', '--number', caller, '--yes')).toMatchObject({
    code: 0,
    output: expect.stringContaining('when it runs'),
  })
  bridge = await site.start()
  await erasedBy(site, item?.id ?? '')
  expect(existsSync(source)).toBe(false)
  expect(await bridge.sandbox.recordings()).toEqual([])
  expect(await archived(site)).toEqual([])
  expect(await readdir(join(site.folder, 'data/spool/audio'))).toEqual([])
})

test('without a word to say which, without a yes, or for a number that nobody knows, nothing is erased', {
  timeout: 60_000,
}, async () => {
  const site = await archivingSite('partner-edition')
  const bridge = await site.start()
  await recorded(site, bridge, 'stays', caller)
  await vi.waitFor(async () => expect(await bridge.sandbox.recordings()).toHaveLength(1), patience)
  expect(await command(site, 'erase', '--yes')).toMatchObject({ code: 2, output: expect.stringContaining('say which') })
  expect(await command(site, 'erase', '--number', caller)).toMatchObject({
    code: 2,
    output: expect.stringContaining('add --yes'),
  })
  expect(await command(site, 'erase', '--number', '+4930123456', '--yes')).toMatchObject({
    code: 0,
    output: expect.stringContaining('no recordings'),
  })
  expect(await bridge.sandbox.recordings()).toHaveLength(1)
})

test('in the documented API its file is redacted, and over the admin API the same is asked for', {
  timeout: 60_000,
}, async () => {
  const site = await archivingSite('calls')
  const bridge = await site.start()
  await recorded(site, bridge, 'gone', caller)
  const { url } = bridge.sandbox
  const state = async () => z.object({ attachments: z.number() }).parse(await (await fetch(`${url}/_sandbox/state`)).json())
  await vi.waitFor(async () => expect(await state()).toMatchObject({ attachments: 1 }), patience)
  await vi.waitFor(async () => expect(await archived(site)).toHaveLength(2), patience)
  await bridge.drained()
  const asked = await fetch(`${bridge.admin}/v1/erasures`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ number: caller, reason: 'request 13' }),
  })
  expect(asked.status).toBe(200)
  const { changed } = z.object({ changed: z.array(z.string()) }).parse(await asked.json())
  const [id = ''] = changed
  await erasedBy(site, id)
  const audit = await fetch(`${bridge.admin}/v1/audit?subject=${id}`)
  expect(await audit.json()).toMatchObject({
    audit: [
      {
        action: 'recording.erased',
        actor: 'api 127.0.0.1',
        detail: { places: { zendesk: expect.stringMatching(/^redacted in ticket \d+$/) } },
      },
      { action: 'recording.erasure-requested', actor: 'api 127.0.0.1', reason: 'request 13' },
    ],
  })
  expect(await archived(site)).toEqual([])
})
