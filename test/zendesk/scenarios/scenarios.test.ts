/**
 * One suite for both dialects: the real outbox, the real sandbox, and between them a way that can be cut. Whatever is cut, a person
 * finds what the story says, once.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import { missedCall } from '../calls/made-scenarios.ts'
import { madeMp3 } from '../made-mp3.ts'
import { type RunningSandbox, runningSandbox, temporaryFolder } from '../running-sandbox.ts'
import { type Cut, CuttingProxy } from './cutting-proxy.ts'
import { type Dialect, dialects } from './dialects.ts'
import { Outbox } from './outbox.ts'
import { type Audio, fourHours, type Story, stories } from './stories.ts'

/** Written once, read by all: the long one has 43 MB. */
let folderOfAudio: string
let audio: Audio
beforeAll(async () => {
  folderOfAudio = await mkdtemp(join(tmpdir(), 'tpe-scenarios-'))
  audio = { short: await madeMp3(folderOfAudio, 'short.mp3'), fourHours: await fourHours(folderOfAudio) }
})
afterAll(() => rm(folderOfAudio, { recursive: true, force: true }))

interface Stage {
  readonly sandbox: RunningSandbox
  readonly proxy: CuttingProxy
  outbox(): Promise<Outbox>
}

async function stage(dialect: Dialect): Promise<Stage> {
  const sandbox = await runningSandbox()
  const proxy = await CuttingProxy.to(sandbox.url)
  const folder = await temporaryFolder()
  return {
    sandbox,
    proxy,
    async outbox() {
      const dataDir = await mkdtemp(join(folder, 'outbox-'))
      const outbox = new Outbox(dataDir, memory => {
        const { sink, close } = dialect.sink(proxy.url, sandbox, memory)
        onTestFinished(close)
        return sink
      })
      await outbox.start()
      onTestFinished(() => outbox.crash())
      return outbox
    },
  }
}

/** As it happens: the audio of a call is there when the call is over. */
const acts = ({ events, items }: Story): readonly ((outbox: Outbox) => Promise<void>)[] => [
  async outbox => {
    for (const event of events) await outbox.event(event)
  },
  async outbox => {
    for (const item of items) await outbox.audio(item)
  },
]

async function tell(outbox: Outbox, told: Story): Promise<void> {
  for (const act of acts(told)) {
    await act(outbox)
    await throughIn(outbox)
  }
}

const throughIn = (outbox: Outbox, timeout = 15_000) =>
  vi.waitFor(async () => expect(await outbox.left()).toEqual({ undelivered: 0, dead: [] }), { timeout, interval: 5 })

async function nothingTwice({ sandbox }: Stage): Promise<void> {
  const { duplicates } = await sandbox.state()
  for (const found of Object.values(duplicates as Record<string, unknown[]>)) expect(found).toEqual([])
}

describe.each(dialects)('in the $name dialect', dialect => {
  test.each(Object.entries(stories))('%s', async (_promise, story) => {
    const here = await stage(dialect)
    const told = story(1, audio)
    const outbox = await here.outbox()
    await tell(outbox, told)
    expect(await dialect.find(here.sandbox, told.caller.value)).toEqual(told.expected)
    await nothingTwice(here)
  })

  test('a recording that comes long after its call is found with it', async () => {
    const here = await stage(dialect)
    const told = story('an inbound call is answered and recorded', 1)
    const outbox = await here.outbox()
    await tell(outbox, { ...told, items: [] })
    await outbox.crash()
    await outbox.start()
    await tell(outbox, { ...told, events: [] })
    expect(await dialect.find(here.sandbox, told.caller.value)).toEqual(told.expected)
  })

  test('callers who hide their number get no user and no ticket', async () => {
    const here = await stage(dialect)
    const hidden = { kind: 'anonymous', value: 'anonymous', display: null } as const
    const outbox = await here.outbox()
    for (const id of ['call_x', 'call_y']) for (const event of missedCall(id, hidden)) await outbox.event(event)
    await throughIn(outbox)
    expect(await here.sandbox.state()).toMatchObject({ users: 0, tickets: 0 })
  })

  test('a storm of 429s delays everything and doubles nothing', async () => {
    const here = await stage(dialect)
    const tooMany = { kind: 'status', status: 429, headers: { 'retry-after': '1' }, body: { error: 'TooManyRequests' } }
    await here.sandbox.fault('*', tooMany, { times: 5, every: 4 })
    const outbox = await here.outbox()
    const told = [1, 2, 3, 4].map(n => story('an inbound call is answered and recorded', n))
    for (const each of told) for (const act of acts(each)) await act(outbox)
    await throughIn(outbox)
    for (const { caller, expected } of told) expect(await dialect.find(here.sandbox, caller.value)).toEqual(expected)
    await nothingTwice(here)
  })

  const cuttable = Object.keys(stories).filter(name => !name.includes('four hours'))
  test.each(cuttable)(
    'cut before or after any request, and killed there: %s',
    async name => {
      const here = await stage(dialect)
      const requests = await requestsOf(here, story(name, 1))
      let n = 1
      for (let at = 1; at <= requests; at++) {
        for (const when of ['before', 'after'] as const) {
          n += 1
          const told = story(name, n)
          await deliverCut(here, told, { at, when })
          expect(await dialect.find(here.sandbox, told.caller.value), `cut ${when} request ${at}`).toEqual(told.expected)
        }
      }
      await nothingTwice(here)
    },
    60_000,
  )
})

function story(name: string, n: number): Story {
  const told = stories[name]?.(n, audio)
  if (told === undefined) throw new Error(`no such story: ${name}`)
  return told
}

/** How many requests an undisturbed delivery takes. */
async function requestsOf(here: Stage, told: Story): Promise<number> {
  void here.proxy.arm(null)
  const outbox = await here.outbox()
  await tell(outbox, told)
  await outbox.crash()
  return here.proxy.seen.length
}

async function deliverCut(here: Stage, told: Story, cut: Cut): Promise<void> {
  const wasCut = here.proxy.arm(cut).then(() => 'cut' as const)
  const outbox = await here.outbox()
  for (const act of acts(told)) {
    await act(outbox)
    const through = throughIn(outbox).then(() => 'through' as const)
    through.catch(() => {}) // of a run that was cut
    // A cut run may take a request fewer than the undisturbed one: deliveries of one caller overlap.
    if ((await Promise.race([wasCut, through])) === 'through') continue
    await outbox.crash()
    here.proxy.mend()
    await outbox.start()
    await throughIn(outbox)
  }
  await outbox.crash()
}
