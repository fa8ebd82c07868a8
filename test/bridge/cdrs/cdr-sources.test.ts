import { appendFile, mkdir, rename, truncate, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { type CdrSource, CdrSources } from '../../../src/bridge/cdrs/cdr-sources.ts'
import type { Cdr } from '../../../src/events/cdr.ts'
import { temporaryFolder } from '../../zendesk/running-sandbox.ts'
import { answeredRow, at, callerLeg, day, leg, phoneLeg, ringingRow, runningStore, site, voicemailRow } from './records.ts'

const signal = new AbortController().signal
const now = day.since + 12 * 3_600_000

async function sourcesOf(...sources: readonly CdrSource[]) {
  const store = await runningStore(() => now)
  const options = { sources, keeper: store.cdrs, site, host: 'pbx', keepMs: 30 * 86_400_000, now: () => now }
  return {
    catchUp: () => new CdrSources(options).catchUp(signal),
    cdrs: () => store.cdrs.of('hq').cdrs(day),
  }
}

async function masterCsv(content: string) {
  const path = join(await temporaryFolder(), 'Master.csv')
  await writeFile(path, content)
  return { path, ...(await sourcesOf({ format: 'asterisk', path, timezone: 'UTC' })) }
}

const other = (row: string, n: number) => row.replaceAll('1795329426.4', `1795329426.${n}`)

test('Asterisk’s records are calls of the site, with the names that the bridge may know them by', async () => {
  const { catchUp, cdrs } = await masterCsv(answeredRow)
  expect(await catchUp()).toEqual({ taken: 1, problems: [] })
  expect(await cdrs()).toEqual([
    {
      id: 'asterisk:hq:1795329426.4',
      from: { kind: 'e164', value: '+14155550100', display: 'Alice' },
      to: { kind: 'extension', value: '1002', display: null },
      direction: 'inbound',
      keys: ['unique:1795329426.4'],
      startedAt: at(6, 37, 6),
      answeredAt: at(6, 37, 8),
      phoneAnsweredAt: at(6, 37, 8),
      endedAt: at(6, 37, 16),
      recordings: [],
      hasCaller: true,
      partiesAt: at(6, 37, 6),
    } satisfies Cdr,
  ])
})

test('a file that grows is read from where it was read to; half a line waits for its end', async () => {
  const { path, catchUp, cdrs } = await masterCsv(answeredRow + ringingRow + voicemailRow.slice(0, 50))
  expect(await catchUp()).toEqual({ taken: 2, problems: [] })
  expect(await catchUp()).toEqual({ taken: 0, problems: [] })
  await appendFile(path, voicemailRow.slice(50) + other(answeredRow, 9))
  expect(await catchUp()).toEqual({ taken: 2, problems: [] })
  // Both rows of the call that went to voicemail, though they were read apart.
  const [, voicemail] = await cdrs().then(all =>
    [...all].sort((a, b) => a.startedAt - b.startedAt).filter(({ id }) => !id.endsWith('.9')),
  )
  expect(voicemail).toMatchObject({
    id: 'asterisk:hq:1795329467.16',
    answeredAt: null,
    startedAt: at(6, 37, 47),
    endedAt: at(6, 38, 23),
  })
})

test('a file that was rotated away is read to its end, and then the new one', async () => {
  const { path, catchUp, cdrs } = await masterCsv(answeredRow)
  await catchUp()
  await appendFile(path, other(answeredRow, 5))
  await rename(path, `${path}.1`)
  await writeFile(path, other(answeredRow, 6))
  expect(await catchUp()).toEqual({ taken: 2, problems: [] })
  expect((await cdrs()).map(({ id }) => id.slice(-1)).sort()).toEqual(['4', '5', '6'])
  expect(await catchUp()).toEqual({ taken: 0, problems: [] })
})

test('of several rotations since the last time every file is read; what was packed meanwhile is named', async () => {
  const { path, catchUp, cdrs } = await masterCsv(answeredRow)
  const written = async (name: string, content: string, minutes: number): Promise<void> => {
    await writeFile(name, content)
    await utimes(name, now / 1000 + minutes * 60, now / 1000 + minutes * 60)
  }
  await written(`${path}.1`, other(answeredRow, 3), -9)
  await written(path, answeredRow, 0)
  await catchUp()
  await rename(path, `${path}.4`)
  await written(`${path}.4`, answeredRow + other(answeredRow, 5), 1)
  await written(`${path}.3.gz`, 'packed', 2)
  await written(`${path}.2`, other(answeredRow, 6), 3)
  await written(`${path}.1`, other(answeredRow, 7), 4)
  await written(`${path}.9.gz`, 'packed long ago', -60)
  await written(path, other(answeredRow, 8), 5)
  expect(await catchUp()).toEqual({ taken: 4, problems: [expect.stringMatching(/\.3\.gz was packed before its end was read/)] })
  expect((await cdrs()).map(({ id }) => id.slice(-1)).sort()).toEqual(['4', '5', '6', '7', '8'])
  expect(await catchUp()).toEqual({ taken: 0, problems: [] })
})

test('a file that was emptied in place is read from its beginning', async () => {
  const { path, catchUp } = await masterCsv(answeredRow + other(answeredRow, 5))
  await catchUp()
  await truncate(path)
  await appendFile(path, other(answeredRow, 6))
  expect(await catchUp()).toEqual({ taken: 1, problems: [] })
})

test('a line that is no record is a problem with its place; those around it are taken', async () => {
  const { path, catchUp } = await masterCsv(`${answeredRow}what is this\n${ringingRow}`)
  const { taken, problems } = await catchUp()
  expect(taken).toBe(2)
  expect(problems.join()).not.toContain('instead of 16')
  expect(problems).toEqual([
    expect.stringMatching(`^${path}: 1 record gives no call, the first because the record has too few fields`),
  ])
})

test('a file that is not there is a problem, and no reason to leave the others out', async () => {
  const folder = await temporaryFolder()
  await writeFile(join(folder, 'there.csv'), answeredRow)
  const source = (name: string) => ({ format: 'asterisk', path: join(folder, name), timezone: 'UTC' }) as const
  const { catchUp } = await sourcesOf(source('missing.csv'), source('there.csv'))
  expect(await catchUp()).toEqual({ taken: 1, problems: [expect.stringMatching(/missing\.csv cannot be read: ENOENT/)] })
})

async function recordFolder() {
  const folder = await temporaryFolder()
  const write = async (name: string, content: string, writtenAt = now): Promise<void> => {
    await mkdir(join(folder, name, '..'), { recursive: true })
    await writeFile(join(folder, name), content)
    await utimes(join(folder, name), writtenAt / 1000, writtenAt / 1000)
  }
  return { folder, write, ...(await sourcesOf({ format: 'freeswitch', path: folder, timezone: 'UTC' })) }
}

test('the legs that FreeSWITCH left in files are one call, in whatever encoding they are', async () => {
  const { write, catchUp, cdrs } = await recordFolder()
  await write('a_aaaa.cdr.json', `${encodeURIComponent(callerLeg)}\n`)
  await write('rotated/bbbb.cdr.json', `${Buffer.from(phoneLeg).toString('base64')}\n`)
  await write('cccc.cdr.json', leg('cccc', [100, null, 110]))
  await write('notes.txt', 'not a record')
  expect(await catchUp()).toEqual({ taken: 3, problems: [] })
  const [call, unanswered] = await cdrs()
  expect(call).toMatchObject({
    id: 'freeswitch:hq:aaaa',
    from: { value: '+14155550100' },
    keys: ['sip:in@carrier', 'sip:out@pbx', 'unique:aaaa', 'unique:bbbb'],
    answeredAt: at(6, 36, 58),
    phoneAnsweredAt: at(6, 36, 58),
    recordings: ['aaaa.wav'],
    hasCaller: true,
  })
  expect(unanswered).toMatchObject({ id: 'freeswitch:hq:cccc', answeredAt: null, phoneAnsweredAt: null })
})

test('files that were read are not read again; new ones are, and those that were only begun', async () => {
  const { write, catchUp } = await recordFolder()
  await write('old.json', leg('old', [0, null, 1]), now - 3_600_000)
  await write('begun.json', callerLeg.slice(0, 100), now - 60_000)
  expect(await catchUp()).toMatchObject({ taken: 1, problems: [expect.stringContaining('1 record gives no call')] })
  await write('begun.json', callerLeg, now - 59_000)
  await write('new.json', leg('new', [5, null, 6]))
  expect(await catchUp()).toEqual({ taken: 2, problems: [] })
  expect((await catchUp()).taken).toBe(2) // what came within five minutes of the newest
  await write('later.json', leg('later', [5, null, 6]), now + 3_600_000)
  expect((await catchUp()).taken).toBe(3)
})
