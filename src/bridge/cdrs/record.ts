/** Records of the old formats (migration/formats) as CDRs of the model: with the site's own reading of numbers, or why not. */
import type { Cdr } from '../../events/cdr.ts'
import { chosenFormat } from '../../migration/formats/formats.ts'
import { wallClock } from '../../migration/formats/local-time.ts'
import type { Fault, Found, HistoricCall } from '../../migration/historic-call.ts'
import { importedCall, type Site } from '../../migration/import/imported-call.ts'
import { plainRecord } from './plain-record.ts'

/** What text of records gave. */
export interface ReadRecords {
  readonly cdrs: readonly Cdr[]
  /** Why others gave none. */
  readonly faults: readonly Fault[]
}

/** The CDR of a whole call. `now` is epoch ms. */
export function cdrOfCall(call: HistoricCall, site: Site, now: number): Cdr | Fault {
  const imported = importedCall(call, site, now)
  if ('reason' in imported) return imported
  const { snapshot, keys } = imported
  const { answeredAt } = call
  return {
    id: `${call.system}:${site.name}:${call.id}`,
    from: snapshot.from,
    to: snapshot.to,
    direction: snapshot.direction,
    keys,
    startedAt: call.startedAt,
    endedAt: call.endedAt,
    answeredAt,
    phoneAnsweredAt: answeredAt,
    recordings: call.recordings,
    hasCaller: true,
    partiesAt: call.startedAt,
  }
}

/** The calls that were found, as CDRs. */
export function cdrsOf(found: readonly Found[], site: Site, now: number): ReadRecords {
  const cdrs: Cdr[] = []
  const faults: Fault[] = []
  for (const each of found) {
    const cdr = each.kind === 'call' ? cdrOfCall(each.call, site, now) : each.refusal
    if ('reason' in cdr) faults.push(cdr)
    else cdrs.push(cdr)
  }
  return { cdrs, faults }
}

/**
 * What mod_json_cdr posts, or leaves in its err-log-dir: mostly one record, of one leg of a call. `text` may be in any of its encodings;
 * `name` is its file, for faults.
 */
export function freeswitchRecords(text: string, name: string, site: Site, now: number): ReadRecords {
  const { reader } = chosenFormat({ name: 'freeswitch-json', clock: wallClock('UTC') })
  reader.open(name)
  const steps = [reader.push(plainRecord(text)), reader.close(), reader.end()]
  const rows = steps.reduce((sum, step) => sum + step.rows, 0)
  const read = cdrsOf(
    steps.flatMap(step => step.found),
    site,
    now,
  )
  if (rows === 0) {
    const fix = 'post what mod_json_cdr writes, as application/json or in its own encodings'
    return { cdrs: [], faults: [{ reason: 'there is no record in it', detail: name, fix }] }
  }
  return rows === 1 ? { ...read, cdrs: read.cdrs.map(ofOneLeg) } : read
}

/** A leg that is not the caller's own names the caller's beside itself; it is a phone's, or a way out to the carrier. */
function ofOneLeg(cdr: Cdr): Cdr {
  const names = cdr.keys.filter(key => key.startsWith('unique:'))
  return names.length < 2 ? { ...cdr, phoneAnsweredAt: null } : { ...cdr, answeredAt: null, hasCaller: false }
}
