/** Clearing what others finished: another bridge, another sink, an operator. */
import { existsSync } from 'node:fs'
import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { AudioItem, ItemState } from '../../src/events/recording.ts'
import { eventually } from './eventually.ts'
import { Stage } from './stage.ts'
import { tone, wav } from './wav.ts'

let stage: Stage
beforeEach(async () => {
  stage = await Stage.make()
  stage.options = { afterUpload: { kind: 'delete' }, tidyEveryMs: 20 }
  await stage.start()
})
afterEach(async () => {
  await stage.remove()
})

const spooled = (): Promise<readonly string[]> => readdir(stage.spool.audioFolder)
const set = (item: AudioItem, state: ItemState): Promise<void> => stage.ledger.update({ ...item, state })

async function queued(name: string): Promise<{ readonly item: AudioItem; readonly source: string }> {
  stage.knowCall(`call_${name}`, `sip:${name}@pbx`)
  const source = join(stage.monitor, `1_${name}@pbx.wav`)
  await writeFile(source, wav({ data: tone(1, 8000, 1, name.length) }))
  const item = await eventually(() => {
    const found = stage.ledger.jobs.find(({ sourcePath }) => sourcePath === source)
    if (found === undefined) throw new Error('not queued yet')
    return found
  })
  return { item, source }
}

test('a delivery that leaves another sink waiting clears nothing, the last one all, once', async () => {
  const { item, source } = await queued('a')
  await stage.intake.onDelivered(item)
  expect(await spooled()).toEqual([`${item.id}.mp3`])
  expect(existsSync(source)).toBe(true)
  expect(stage.intake.counters.delivered).toBe(0)
  await set(item, 'delivered')
  await Promise.all([stage.intake.onDelivered(item), stage.intake.onDelivered(item), stage.intake.onDelivered(item)])
  await eventually(() => expect(existsSync(source)).toBe(false))
  expect(await spooled()).toEqual([])
  expect(stage.intake.counters.delivered).toBe(1)
})

test('what another bridge delivered is found and cleared without a restart', async () => {
  const { item, source } = await queued('a')
  await set(item, 'delivered')
  await eventually(() => expect(existsSync(source)).toBe(false))
  await eventually(async () => expect(await spooled()).toEqual([]))
})

test('what an operator gave up leaves the spool, and its source stays', async () => {
  const { item, source } = await queued('a')
  await set(item, 'dropped')
  await eventually(async () => expect(await spooled()).toEqual([]))
  expect(existsSync(source)).toBe(true)
})

test('what is on its way stays, and so does an upload that is being taken in', async () => {
  const { item } = await queued('a')
  const incoming = join(stage.spool.incomingFolder, `rec_${'b'.repeat(26)}`)
  await mkdir(incoming, { recursive: true })
  await writeFile(join(incoming, 'b.wav'), 'not known yet')
  const { item: other } = await queued('bb')
  await set(other, 'delivered')
  await eventually(async () => expect(await spooled()).toEqual([`${item.id}.mp3`]))
  expect(existsSync(incoming)).toBe(true)
})

test('of an item that lies on another disk nothing is touched, whatever lies under its path here', async () => {
  const { item, source } = await queued('a')
  await stage.spool.remove(item.id)
  await set(item, 'delivered')
  await stage.intake.onDelivered(item)
  expect(existsSync(source)).toBe(true)
})

test('a ledger that fails is asked again in the next round', async () => {
  const { item, source } = await queued('a')
  await set(item, 'delivered')
  stage.ledger.fault = new Error('database is locked')
  await stage.intake.onDelivered(item)
  expect(existsSync(source)).toBe(true)
  expect(stage.intake.status().lastError?.reason).toContain('database is locked')
  stage.ledger.fault = null
  await eventually(() => expect(existsSync(source)).toBe(false))
})
