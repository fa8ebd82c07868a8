import { expect, test } from 'vitest'
import { chosenFormat } from '../../../src/migration/formats/formats.ts'
import { wallClock } from '../../../src/migration/formats/local-time.ts'
import { readMapping } from '../../../src/migration/formats/mapping-file.ts'
import { brief, read, readAll, readCsv, sorted } from './reading.ts'

const leg = (variables: object) => ({
  'core-uuid': 'x',
  variables: {
    start_epoch: '1795329415',
    end_epoch: '1795329425',
    answer_epoch: '0',
    hangup_cause: 'NORMAL_CLEARING',
    ...variables,
  },
  callflow: [{ caller_profile: { caller_id_number: '%2B14155550100', caller_id_name: 'Bob', destination_number: '1002' } }],
})
const caller = (more: object) => leg({ uuid: 'a', call_uuid: 'a', direction: 'inbound', sip_call_id: 'in@carrier', ...more })
const phone = (more: object) =>
  leg({
    uuid: 'b',
    call_uuid: 'a',
    direction: 'outbound',
    sip_call_id: 'out@pbx',
    channel_name: 'sofia/internal/1002@10.0.0.1',
    ...more,
  })

test.each([
  [
    'answered',
    [caller({ answer_epoch: '1795329418' }), phone({ answer_epoch: '1795329418' })],
    '+14155550100 → 1002 (1002): connected completed, 3 s + 7 s',
  ],
  [
    'given up',
    [caller({ hangup_cause: 'ORIGINATOR_CANCEL', hangup_cause_q850: '487' }), phone({})],
    '+14155550100 → 1002: abandoned caller-hung-up, 10 s + 0 s',
  ],
  ['busy', [caller({ hangup_cause: 'USER_BUSY', hangup_cause_q850: '17' })], '+14155550100 → 1002: missed busy, 10 s + 0 s'],
  [
    'not answered',
    [caller({ hangup_cause: 'NO_ANSWER', hangup_cause_q850: '19' })],
    '+14155550100 → 1002: missed no-answer, 10 s + 0 s',
  ],
  [
    'voicemail',
    [caller({ answer_epoch: '1795329420', last_app: 'voicemail' })],
    '+14155550100 → 1002: missed voicemail, 10 s + 0 s',
  ],
])('FreeSWITCH’s legs are one call: %s', (_, legs, expected) => {
  const { calls, refusals } = read('freeswitch-json', legs.map(each => JSON.stringify(each)).join('\n'))
  expect(refusals).toEqual([])
  expect(calls.map(brief)).toEqual([expected])
  expect(calls[0]).toMatchObject({ id: 'a', sipCallIds: legs.length === 2 ? ['in@carrier', 'out@pbx'] : ['in@carrier'] })
})

test('JSON that is no FreeSWITCH record is refused', () => {
  expect(read('freeswitch-json', '{"a":1}').refusals).toMatchObject([{ line: 1, detail: 'it has no `variables`' }])
})

const threeCx = (rest: string) => `Call 7,00000164C66AAB12_7,00:00:06,${rest}\n`

test.each([
  [
    '2026/11/22 06:36:55,2026/11/22 06:36:59,2026/11/22 06:37:05,TerminatedByDst,+14155550100,Ext.101,10000,101,101,,101,101,,,,,,Line,Extension,Extension,Bob,Alice,Alice,',
    '+14155550100 → 101 (101): connected completed, 4 s + 6 s',
  ],
  [
    '2026/11/22 06:36:55,,2026/11/22 06:37:05,TerminatedBySrc,+14155550100,Ext.101,10000,101,101,,,,,,,,,Line,Extension,,Bob,Alice,,',
    '+14155550100 → 101: abandoned caller-hung-up, 10 s + 0 s',
  ],
  [
    '2026/11/22 06:36:55,,2026/11/22 06:36:56,Failed_Busy,Ext.100,+14155550100,100,10000,+14155550100,,,,,,,,,Extension,Line,,Alice,,,',
    '100 → +14155550100: missed busy, 1 s + 0 s',
  ],
])('3CX’s CDRs are read in the documented order: %s', (row, expected) => {
  const { calls, refusals } = read('3cx', threeCx(row))
  expect(refusals).toEqual([])
  expect(calls.map(brief)).toEqual([expected])
  expect(calls[0]?.id).toBe('00000164C66AAB12_7')
})

test('3CX’s fields in another order are read by the names in the first line', () => {
  const { calls } = read(
    '3cx',
    'time-start,time-end,callid,from-no,dial-no,time-answered\n2026/11/22 06:36:55,2026/11/22 06:36:59,c1,Ext.100,101,\n',
  )
  expect(calls.map(brief)).toEqual(['100 → 101: missed no-answer, 4 s + 0 s'])
})

const cdrHead =
  '"cdrRecordType","globalCallID_callManagerId","globalCallID_callId","origCause_value","destCause_value","destDeviceName","dateTimeOrigination","dateTimeConnect","dateTimeDisconnect","callingPartyNumber","originalCalledPartyNumber","finalCalledPartyNumber","globalCallId_ClusterID"'
const cdrRow = (id: number, causes: string, device: string, times: string) =>
  `1,2,${id},${causes},"${device}",${times},"+14155550100","5000","1002","HQ"`

test('Cisco’s CDRs are calls, with the quality of the CMRs', () => {
  const reader = chosenFormat({ name: 'cisco-cdr', clock: wallClock('UTC') })
  const files = {
    cdr_HQ_01_202611220637_1: [
      cdrHead,
      'INTEGER,INTEGER,INTEGER,INTEGER,INTEGER,VARCHAR(129),INTEGER,INTEGER,INTEGER,VARCHAR(50),VARCHAR(50),VARCHAR(50),VARCHAR(50)',
      cdrRow(1, '16,0', 'SEP1', '1795329415,1795329418,1795329425'),
      cdrRow(2, '16,0', 'SEP1', '1795329415,0,1795329425'),
      cdrRow(3, '0,17', 'SEP1', '1795329415,0,1795329425'),
      cdrRow(4, '16,0', 'CiscoUM1-VI1', '1795329415,1795329418,1795329425'),
      cdrRow(5, '0,0', 'SEP1', '"",0,1795329425'),
    ].join('\n'),
    cmr_HQ_01_202611220637_1:
      '"cdrRecordType","globalCallID_callManagerId","globalCallID_callId","numberPacketsReceived","numberPacketsLost","jitter","varVQMetrics","globalCallId_ClusterID"\n2,2,1,500,0,3,"MLQK=4.4000;MLQKav=4.4","HQ"\n2,2,1,500,50,3,"MLQK=3.2000","HQ"\n',
  }
  const inOrder = Object.fromEntries(Object.entries(files).sort(([a], [b]) => reader.order(a, b)))
  const { calls, refusals } = sorted(readAll(reader.reader, inOrder))
  expect(calls.map(brief)).toEqual([
    '+14155550100 → 5000 (1002): connected completed, 3 s + 7 s',
    '+14155550100 → 5000: abandoned caller-hung-up, 10 s + 0 s',
    '+14155550100 → 5000: missed busy, 10 s + 0 s',
    '+14155550100 → 5000: missed voicemail, 10 s + 0 s',
  ])
  expect(calls.map(call => call.tags)).toEqual([['mos_3.2', 'poor_audio'], [], [], []])
  expect(refusals).toMatchObject([{ line: 7, reason: 'a time cannot be read' }])
})

const mapping = {
  separator: ';',
  timezone: 'Europe/Berlin',
  time_format: 'dd.MM.yyyy HH:mm:ss',
  from: '{Prefix}{Caller}',
  to: 'Called',
  started_at: '{Date} {Time}',
  talk_time: 'Talk',
  wait_time: 'Wait',
  direction: { column: 'Way', values: { in: 'inbound', out: 'outbound' } },
  outcome: { column: 'Result', values: { ok: 'completed', missed: 'no-answer' } },
  agent: 'Agent',
  recording: 'File',
}
const head = 'Prefix;Caller;Called;Date;Time;Wait;Talk;Way;Result;Agent;File\n'

test('any CSV is read as its mapping says', () => {
  const { calls, refusals } = readCsv(
    mapping,
    `${head}+1;4155550100;1001;22.11.2026;06:36:55;5;1:00;IN;ok;1001;rec/a.wav\n;1001;0301234;22.11.2026;06:40:00;30;0;out;missed;;\n`,
  )
  expect(refusals).toEqual([])
  expect(calls.map(brief)).toEqual([
    '+14155550100 → 1001 (1001): connected completed, 5 s + 60 s',
    '1001 → 0301234: missed no-answer, 30 s + 0 s',
  ])
  expect(calls.map(call => [call.direction, call.recordings])).toEqual([
    ['inbound', ['a.wav']],
    ['outbound', []],
  ])
})

test('a row without an id has the same one in whatever file it stands', () => {
  const row = '+1;4155550100;1001;22.11.2026;06:36:55;5;60;in;ok;1001;\n'
  const other = '+1;4155550199;1001;22.11.2026;06:36:55;5;60;in;ok;1001;\n'
  const [first] = readCsv(mapping, head + row).calls
  const [, second, third] = readCsv(mapping, head + other + row + other).calls
  expect(second?.id).toBe(first?.id)
  expect(third?.id).not.toBe(first?.id)
})

test.each([
  ['+1;4155550100;1001;22.11.2026;06:36;5;60;in;ok;;', 'a time cannot be read', /time_format/],
  [
    '+1;4155550100;1001;22.11.2026;06:36:55;5;60;sideways;ok;;',
    'the direction has no word in the mapping',
    /"sideways" to direction/,
  ],
  ['+1;4155550100;1001;22.11.2026;06:36:55;5;60;in;eh;;', 'the outcome has no word in the mapping', /outcome\.values/],
])('a row that the mapping does not fit is refused with what to add: %s', (row, reason, fix) => {
  expect(readCsv(mapping, head + row).refusals).toEqual([
    { file: 'calls.csv', line: 2, reason, detail: expect.any(String), fix: expect.stringMatching(fix) },
  ])
})

test('a mapping for other columns names those that the file has', () => {
  const { refusals } = readCsv(mapping, 'A;B\n1;2\n')
  expect(refusals).toMatchObject([{ reason: 'the file has no such column', fix: expect.stringContaining('"A", "B"') }])
})

test('a mapping with a wrong key or without an end is refused before anything is read', () => {
  expect(readMapping({ from: 'a', to: 'b', started_at: 'c', duration: 'd', colour: 'e' })).toMatchObject({ kind: 'refused' })
  expect(readMapping({ from: 'a', to: 'b', started_at: 'c' })).toMatchObject({
    kind: 'refused',
    problems: [expect.stringContaining('ended_at')],
  })
  expect(readMapping({ from: 'a', to: 'b', started_at: 'c', duration: 'd', time_format: 'HH' })).toMatchObject({
    kind: 'refused',
  })
})
