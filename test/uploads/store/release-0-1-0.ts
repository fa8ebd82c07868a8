/** The data_dir of release 0.1.0 (test/fixtures/release-0.1.0), as its bridge left it, moved to a folder and to a time of the test's. */
import { copyFile, mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { callIdOf } from '../../../src/events/ids.ts'
import { openHandle } from '../../../src/uploads/store/sqlite-engine.ts'

const fixture = join(import.meta.dirname, '../../fixtures/release-0.1.0')
/** When the bridge was killed, epoch ms. */
const killedAt = 1_795_356_693_700

export const old = {
  done: callIdOf('done@phones'),
  refused: callIdOf('refused@phones'),
  waiting: callIdOf('waiting@phones'),
  open: callIdOf('open@phones'),
  delivered: 'rec_fcwqu7472szd6h6gpgp6njajz4',
  queued: 'rec_2pfto2umqudz5iglfcjnucgf3m',
  unmatched: 'rec_qxae65ywtlpigulosgukcxch4u',
  empty: 'rec_udbkeagzr2uuddft65leuxivoa',
  voicemail: 'vm_vjb7k4m6flnvmsb3pvu67ux2ax',
} as const

/** Makes `site/data`; what happened in the lab happened up to `now`. Answers the data_dir. */
export async function restoreRelease(site: string, now: number): Promise<string> {
  const dataDir = join(site, 'data')
  const spool = join(dataDir, 'spool', 'audio')
  await mkdir(spool, { recursive: true })
  for (const id of [old.queued, old.voicemail]) await copyFile(join(fixture, 'audio.mp3'), join(spool, `${id}.mp3`))
  const dump = await readFile(join(fixture, 'bridge.sql'), 'utf8')
  const handle = await openHandle(join(dataDir, 'bridge.db'))
  handle.exec(
    dump.replaceAll('@SITE@', site).replaceAll(/\b17953566\d{5}\b/g, at => String(Number(at) - killedAt + Math.round(now))),
  )
  handle.close()
  return dataDir
}
