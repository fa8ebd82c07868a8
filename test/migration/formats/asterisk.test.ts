import { expect, test } from 'vitest'
import { brief, read } from './reading.ts'

const tail = '"DOCUMENTATION","1795329467.16","","","1795329467.16",8'
const cdr = (rest: string, id = '1795329467.16', dst = '1002') =>
  `"","1001","${dst}","internal","""Alice"" <1001>","PJSIP/1001-00000008",${rest},"DOCUMENTATION","${id}","","","${id}",8\n`

test.each([
  [
    '"PJSIP/1002-00000003","Dial","PJSIP/1002,10","2026-11-22 06:37:06","2026-11-22 06:37:08","2026-11-22 06:37:16",10,8,"ANSWERED"',
    '1001 → 1002 (1002): connected completed, 2 s + 8 s',
  ],
  [
    '"PJSIP/1002-0000000d","Dial","PJSIP/1002,10,b(x)","2026-11-22 06:38:55",,"2026-11-22 06:38:59",4,0,"NO ANSWER"',
    '1001 → 1002: abandoned caller-hung-up, 4 s + 0 s',
  ],
  [
    '"PJSIP/1002-0000000d","Dial","PJSIP/1002,10","2026-11-22 06:38:55",,"2026-11-22 06:39:05",10,0,"NO ANSWER"',
    '1001 → 1002: missed no-answer, 10 s + 0 s',
  ],
  [
    '"PJSIP/1002-0000000d","Dial","PJSIP/1002,10","2026-11-22 06:38:55",,"2026-11-22 06:38:56",1,0,"BUSY"',
    '1001 → 1002: missed busy, 1 s + 0 s',
  ],
  [
    '"","Queue","support","2026-11-22 06:38:55","2026-11-22 06:38:55","2026-11-22 06:39:25",30,30,"ANSWERED"',
    '1001 → 1002: abandoned caller-hung-up, 30 s + 0 s',
  ],
  [
    '"","Playback","hello","2026-11-22 06:38:55","2026-11-22 06:38:56","2026-11-22 06:39:25",30,29,"ANSWERED"',
    '1001 → 1002: connected completed, 1 s + 29 s',
  ],
])('a CDR of Asterisk says how the call ended: %s', (row, expected) => {
  const { calls, refusals } = read('asterisk-cdr', cdr(row))
  expect(refusals).toEqual([])
  expect(calls.map(brief)).toEqual([expected])
})

test('ringing and voicemail are two CDRs of one call, which nobody took', () => {
  const { calls } = read(
    'asterisk-cdr',
    `"","1001","1002","internal","""Alice"" <1001>","PJSIP/1001-00000008","PJSIP/1002-00000009","Dial","PJSIP/1002,10,b(sub-callee^s^1)tTkK","2026-11-22 06:37:47",,"2026-11-22 06:37:57",10,0,"NO ANSWER",${tail}
"","1001","1002","internal","""Alice"" <1001>","PJSIP/1001-00000008","","VoiceMail","1002@default,u","2026-11-22 06:37:57","2026-11-22 06:37:57","2026-11-22 06:38:23",26,26,"ANSWERED",${tail}\n`,
  )
  expect(calls.map(brief)).toEqual(['1001 → 1002: missed voicemail, 36 s + 0 s'])
  expect(calls[0]).toMatchObject({ id: '1795329467.16', from: { display: 'Alice' } })
})

test('the attempts of a queue are one call, of the phone that answered', () => {
  const attempt = (ext: string, from: string, answer: string, to: string, how: string) =>
    cdr(`"PJSIP/${ext}-0000000d","Queue","support","2026-11-22 06:38:${from}",${answer},"2026-11-22 06:38:${to}",9,0,"${how}"`)
  const { calls } = read(
    'asterisk-cdr',
    attempt('1003', '05', '', '15', 'NO ANSWER') + attempt('1004', '16', '"2026-11-22 06:38:20"', '59', 'ANSWERED'),
  )
  expect(calls.map(brief)).toEqual(['1001 → 1002 (1004): connected completed, 15 s + 39 s'])
})

test('an export with names for its columns is read by them, with its recordings', () => {
  const text = `calldate,clid,src,dst,did,dcontext,channel,dstchannel,lastapp,lastdata,duration,billsec,disposition,uniqueid,linkedid,recordingfile
2026-11-22 06:37:06,"""Bob"" <+14155550100>",+14155550100,s,+14155550199,from-trunk,SIP/t-1,SIP/1002-2,Dial,"SIP/1002,20",10,8,ANSWERED,1.1,1.1,/var/spool/asterisk/monitor/in-1.1.wav\n`
  const { calls } = read('asterisk-cdr', text, 'Europe/Berlin')
  expect(calls.map(brief)).toEqual(['+14155550100 → +14155550199 (1002): connected completed, 2 s + 8 s'])
  expect(calls[0]).toMatchObject({ recordings: ['in-1.1.wav'], startedAt: Date.UTC(2026, 10, 22, 5, 37, 6) })
})

test.each([
  ['a,b,c', 'the record has too few fields'],
  [cdr('"","Dial","x","yesterday",,"2026-11-22 06:38:59",4,0,"NO ANSWER"'), 'a time cannot be read'],
  [cdr('"","Dial","x","2026-11-22 06:38:55",,"2026-11-22 06:38:59",4,0,"PERHAPS"'), 'the disposition is unknown'],
])('a row that is no CDR is refused with its line and what to do: %s', (row, reason) => {
  const { calls, refusals } = read('asterisk-cdr', `\n\n${row}`)
  expect(calls).toEqual([])
  expect(refusals).toEqual([
    { file: 'records.csv', line: 3, reason, detail: expect.any(String), fix: expect.stringMatching(/.{20}/) },
  ])
})

test('rows of one call need not stand side by side, and a call is complete long before the file ends', () => {
  const ring = '"PJSIP/1002-00000009","Dial","x,10","2026-11-22 06:37:47",,"2026-11-22 06:37:57",10,0,"NO ANSWER"'
  const mail = '"","VoiceMail","1002","2026-11-22 06:37:57","2026-11-22 06:37:57","2026-11-22 06:38:23",26,26,"ANSWERED"'
  const { calls } = read('asterisk-cdr', cdr(ring, '1.1') + cdr(ring, '1.2') + cdr(mail, '1.1') + cdr(mail, '1.2'))
  expect(calls.map(call => [call.id, call.outcome.reason])).toEqual([
    ['1.1', 'voicemail'],
    ['1.2', 'voicemail'],
  ])
})

const event = (type: string, at: string, who: string, channel: string, unique: string, app = '', extra = '') =>
  `"${type}","2026-11-22 06:${at}","","${who}","","","","1002","internal","${channel}","${app}","","3","","${unique}","1.1","","","","${extra.replaceAll('"', '""')}"\n`

test('the event log tells who answered and who hung up', () => {
  const talked =
    event('CHAN_START', '39:04.100', '1001', 'PJSIP/1001-0e', '1.1') +
    event('CHAN_START', '39:04.200', '1002', 'PJSIP/1002-0f', '1.2') +
    event('ANSWER', '39:05.300', '1002', 'PJSIP/1002-0f', '1.2', 'AppDial') +
    event('ANSWER', '39:05.301', '1001', 'PJSIP/1001-0e', '1.1', 'Dial') +
    event('HANGUP', '39:13.000', '1001', 'PJSIP/1001-0e', '1.1', '', '{"hangupcause":16,"dialstatus":"ANSWER"}') +
    event('LINKEDID_END', '39:13.100', '1001', 'PJSIP/1001-0e', '1.1')
  expect(read('asterisk-cel', talked).calls.map(brief)).toEqual(['1001 → 1002 (1002): connected completed, 1.2 s + 7.8 s'])
  const cancelled =
    event('CHAN_START', '38:55.000', '1001', 'PJSIP/1001-0c', '1.1') +
    event('HANGUP', '38:59.000', '1001', 'PJSIP/1001-0c', '1.1', '', '{"hangupcause":0,"dialstatus":"CANCEL"}') +
    event('LINKEDID_END', '38:59.000', '1001', 'PJSIP/1001-0c', '1.1')
  expect(read('asterisk-cel', cancelled).calls.map(brief)).toEqual(['1001 → 1002: abandoned caller-hung-up, 4 s + 0 s'])
})

test('a call whose beginning is in an older log is refused and says which file to add', () => {
  const { calls, refusals } = read('asterisk-cel', event('LINKEDID_END', '39:13.100', '1001', 'PJSIP/1001-0e', '1.1'))
  expect(calls).toEqual([])
  expect(refusals[0]?.fix).toMatch(/Master\.csv\.1/)
})
