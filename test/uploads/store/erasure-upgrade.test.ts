import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { numberForms } from '../../../src/events/number-forms.ts'
import { numberPlan } from '../../../src/events/numbers.ts'
import { SqliteStore } from '../../../src/uploads/store/sqlite-store.ts'
import { recordingId } from '../fixtures.ts'
import { old, restoreRelease } from './release-0-1-0.ts'

test('what an earlier release stored is found by its numbers, and Zendesk’s id of it is known', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'tpe-upgrade-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const dataDir = await restoreRelease(folder, Date.now())
  const store = await SqliteStore.open({ dataDir, role: 'bridge', now: Date.now, log: { error: () => {} } })
  onTestFinished(() => store.close())
  const plan = numberPlan({ country: 'US', internal: [/^1\d{3}$/] })
  const about = async (number: string) => {
    const forms = numberForms(number, plan)
    return (await store.erasures.find({ kind: 'number', forms, shown: '' }, { limit: 99 })).map(({ id }) => id)
  }
  expect(await about('+14155550133')).toEqual([old.voicemail])
  expect(await about('1001')).toEqual(expect.arrayContaining([old.delivered, old.queued]))
  const [found] = await store.erasures.ask(
    { kind: 'item', id: old.delivered },
    { actor: 'ops@pbx1', reason: null, keepSources: true },
    1,
  )
  const begun = await store.erasures.begin(recordingId(found?.id ?? ''))
  expect(begun).toMatchObject({ kind: 'ready', errand: { remoteId: expect.stringMatching(/^\d+$/), wasSent: true } })
})
