/**
 * Asterisk's call detail records: `Master.csv` of cdr_csv, whose columns have no names, or an export with names (FreePBX's table
 * `cdr`). One call may have several records: a queue's attempts, a voicemail after the ringing, a transfer.
 * https://docs.asterisk.org/Configuration/Reporting/Call-Detail-Records-CDR/
 */
import type { Fault, Found, HistoricCall, Place } from '../historic-call.ts'
import { quoted } from '../historic-call.ts'
import { type AsteriskCdr, callOfCdrs } from './asterisk-call.ts'
import { CallRows } from './call-rows.ts'
import { CallWindow } from './call-window.ts'
import { columnsOf, type NamedFields, NamedRecords } from './columns.ts'
import { type CsvRecord, CsvRecords } from './csv-records.ts'
import { type HistoryReader, SplitReader } from './history-format.ts'
import { readTime, type WallClock } from './local-time.ts'
import { fileNameOf } from './parties.ts'

/** The columns of cdr_csv; `loguniqueid`, `loguserfield` and `newcdrcolumns` add those after amaflags. */
const masterColumns = columnsOf(
  `accountcode src dst dcontext clid channel dstchannel lastapp lastdata start answer end duration billsec disposition amaflags
   uniqueid userfield peeraccount linkedid sequence`.split(/\s+/),
)
const fewestColumns = 16

export function asteriskCdr(clock: WallClock): HistoryReader {
  const records = new NamedRecords(masterColumns, ['src', 'dst', 'disposition'])
  const window = new CallWindow<AsteriskCdr>(({ key, place, parts }) => callFound(key, place, parts))
  const rows = new CallRows(records, window, (fields, record) => {
    const cdr = records.areDocumented && record.length < fewestColumns ? tooShort(record) : readCdr(fields, clock)
    return 'reason' in cdr ? cdr : { key: cdr.linkedId, part: cdr }
  })
  return new SplitReader(() => new CsvRecords({ separator: ',' }), rows)
}

function callFound(id: string, place: Place, cdrs: readonly AsteriskCdr[]): Found {
  const call: HistoricCall = callOfCdrs(id, cdrs)
  return { kind: 'call', call, place }
}

function tooShort(record: CsvRecord): Fault {
  return {
    reason: 'the record has too few fields',
    detail: `${record.length} instead of ${fewestColumns} or more`,
    fix: 'this is no line of cdr_csv’s Master.csv; for other exports give the first line with the names of the columns, or use csv',
  }
}

function readCdr(fields: NamedFields, clock: WallClock): AsteriskCdr | Fault {
  const start = fields.get('start', 'calldate')
  const startedAt = readTime(start, clock)
  if (startedAt === null) return unreadableTime('start', start)
  const durationMs = seconds(fields.get('duration'))
  const end = fields.get('end')
  const endedAt = end === '' ? startedAt + durationMs : readTime(end, clock)
  if (endedAt === null) return unreadableTime('end', end)
  const disposition = fields.get('disposition').toUpperCase()
  const known = ['ANSWERED', 'NO ANSWER', 'BUSY', 'FAILED', 'CONGESTION', 'UNKNOWN', '']
  if (!known.includes(disposition)) {
    const fix = 'Asterisk writes ANSWERED, NO ANSWER, BUSY, FAILED or CONGESTION: is this a file of another kind?'
    return { reason: 'the disposition is unknown', detail: quoted(disposition), fix }
  }
  const answer = fields.get('answer')
  const talkMs = seconds(fields.get('billsec'))
  const answered = answer === '' ? (talkMs > 0 ? endedAt - talkMs : startedAt) : readTime(answer, clock)
  if (answered === null) return unreadableTime('answer', answer)
  const channel = fields.get('channel')
  // Without `loguniqueid` a call has no id of its own; a channel's name and start are as good.
  const uniqueId = fields.get('uniqueid') || `${channel} ${startedAt}`
  return {
    src: fields.get('src'),
    dst: fields.get('dst'),
    did: fields.get('did'),
    callerId: fields.get('clid'),
    channel,
    dstChannel: fields.get('dstchannel'),
    lastApp: fields.get('lastapp').toLowerCase(),
    lastData: fields.get('lastdata'),
    startedAt,
    answeredAt: disposition === 'ANSWERED' ? answered : null,
    endedAt,
    disposition,
    uniqueId,
    linkedId: fields.get('linkedid') || uniqueId,
    sequence: Number(fields.get('sequence')) || 0,
    recording: fileNameOf(fields.get('recordingfile', 'recording')),
  }
}

function unreadableTime(column: string, text: string): Fault {
  const fix = 'Asterisk writes 2026-11-22 06:36:55; an export with other times needs the format csv and a mapping'
  return { reason: 'a time cannot be read', detail: `${column} is ${quoted(text)}`, fix }
}

function seconds(text: string): number {
  const value = Number(text)
  return Number.isFinite(value) && value > 0 ? value * 1000 : 0
}
