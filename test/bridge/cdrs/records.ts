/** Records as Asterisk and FreeSWITCH write them, and a real store to take them. */
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { siteOf } from '../../../src/bridge/reconciliation.ts'
import { SqliteStore } from '../../../src/uploads/store/sqlite-store.ts'
import { temporaryFolder } from '../../zendesk/running-sandbox.ts'

export const site = siteOf({ site: 'hq', numbers: { country: 'US', internal: [/^1\d{3}$/] }, agents: [] })

const dayMs = 86_400_000
const yesterday = Math.floor(Date.now() / dayMs) * dayMs - dayMs

/** The whole of the day that all records here are of, UTC: yesterday, because what is older is forgotten. */
export const day = { since: yesterday, until: yesterday + dayMs }
/** `2026-11-22` */
export const date = new Date(yesterday).toISOString().slice(0, 10)
/** Epoch ms of a time of that day, UTC. */
export const at = (hour: number, minute: number, second: number): number =>
  yesterday + ((hour * 60 + minute) * 60 + second) * 1000

/** As captured from Asterisk 20, but for the day and the caller: an answered call, and one that went to voicemail, in two rows. */
export const answeredRow = `"","+14155550100","1002","internal","""Alice"" <+14155550100>","PJSIP/trunk-00000002","PJSIP/1002-00000003","Dial","PJSIP/1002,10,b(sub-callee^s^1)tTkK","${date} 06:37:06","${date} 06:37:08","${date} 06:37:16",10,8,"ANSWERED","DOCUMENTATION","1795329426.4","","","1795329426.4",2\n`
export const ringingRow = `"","+14155550111","1002","internal","""Alice"" <+14155550111>","PJSIP/trunk-00000008","PJSIP/1002-00000009","Dial","PJSIP/1002,10,b(sub-callee^s^1)tTkK","${date} 06:37:47",,"${date} 06:37:57",10,0,"NO ANSWER","DOCUMENTATION","1795329467.16","","","1795329467.16",8\n`
export const voicemailRow = `"","+14155550111","1002","internal","""Alice"" <+14155550111>","PJSIP/trunk-00000008","","VoiceMail","1002@default,u","${date} 06:37:57","${date} 06:37:57","${date} 06:38:23",26,26,"ANSWERED","DOCUMENTATION","1795329467.16","","","1795329467.16",10\n`

const base = at(6, 36, 55) / 1000

/** A leg as mod_json_cdr writes it, with percent-encoded values; times are seconds after 06:36:55 UTC. */
export function leg(
  uuid: string,
  times: readonly [number, number | null, number],
  variables: Readonly<Record<string, string>> = {},
): string {
  const [start, answer, end] = times
  const epochs = {
    start_epoch: `${base + start}`,
    answer_epoch: answer === null ? '0' : `${base + answer}`,
    end_epoch: `${base + end}`,
  }
  return JSON.stringify({
    'core-uuid': 'c0',
    channel_data: { state: 'CS_REPORTING', direction: 'inbound' },
    variables: { uuid, call_uuid: uuid, direction: 'inbound', hangup_cause: 'NORMAL_CLEARING', ...epochs, ...variables },
    callflow: [{ caller_profile: { caller_id_number: '%2B14155550100', destination_number: '1001' } }],
  })
}

/** The two legs of an answered call: the carrier's, and the phone's, which rang for three seconds. */
export const callerLeg = leg('aaaa', [0, 3, 63], { sip_call_id: 'in%40carrier', record_name: '/rec/aaaa.wav' })
export const phoneLeg = leg('bbbb', [1, 3, 63], { call_uuid: 'aaaa', direction: 'outbound', sip_call_id: 'out@pbx' })

export async function runningStore(now: () => number = Date.now): Promise<SqliteStore> {
  const dataDir = join(await temporaryFolder(), 'data')
  const store = await SqliteStore.open({ dataDir, role: 'bridge', now, log: { error: () => {} } })
  onTestFinished(() => store.close())
  return store
}
