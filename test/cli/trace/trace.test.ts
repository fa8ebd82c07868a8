/** `tpe-bridge trace` on captures of a real Asterisk, and on such as tell what an engineer has to find out. */
import { truncate } from 'node:fs/promises'
import { gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { asteriskCaptures } from '../../sip/hep/fixtures.ts'
import { begin, carrier, command, dialog, fileOf, fixture, pbx, pcapOf, phone } from './lab.ts'

/** The lines of a text, numbered from the first that holds `from`, to the next empty one. */
function part(text: string, from: string): string {
  const lines = text.split('\n')
  const first = lines.findIndex(line => line.includes(from))
  const end = lines.findIndex((line, i) => i > first && line === '')
  return lines.slice(first, end).join('\n')
}

describe('a call of an Asterisk', () => {
  test('is told with its ladder, its SIP calls and why they are one, and its events', async () => {
    const { code, stdout } = await command(['trace', fixture('07-hold'), '--pbx', '127.0.0.1:5070'])
    expect(code).toBe(0)
    expect(stdout.slice(stdout.indexOf('internal'))).toMatchInlineSnapshot(`
      "internal 1001 → 1002: connected (completed)
        call_6rb4pxjxk4vpyrqfyk2u5fbqn6, from 2026-11-22 06:39:04 (UTC)
        waited 0.5s, talked 8.0s, held 3.0s, agents Alice (1001), Bob (1002)

           SIP CALL     STATE                  PART OF IT BY                      CALL-ID
        a  1001 → 1002  connected (completed)  the caller’s                       1-6672@127.0.0.1
        b  1001 → 1002  connected (completed)  guess: the same caller and callee  61ceb333-2499-40dd-89d4-b8f79492f88e

                   127.0.0.1:5081                    127.0.0.1:5070                    127.0.0.1:5082
                                                           PBX
          +0.000 a        │────────── INVITE 1002 ─────────▶│                                 │
          +0.001 a        │◀───────── 100 Trying ───────────│                                 │
          +0.004 b        │                                 │────────── INVITE 1002 ─────────▶│
          +0.004 b        │                                 │◀───────── 180 Ringing ──────────│
          +0.006 a        │◀───────── 180 Ringing ──────────│                                 │
          +0.508 b        │                                 │◀─────────── 200 OK ─────────────│
          +0.510 a        │◀─────────── 200 OK ─────────────│                                 │
          +3.516 a        │──────── re-INVITE hold ────────▶│                                 │
          +3.517 a        │◀─────────── 200 OK ─────────────│                                 │
          +6.524 a        │─────────── re-INVITE ──────────▶│                                 │
          +6.525 a        │◀─────────── 200 OK ─────────────│                                 │
          +8.533 a        │────────────── BYE ─────────────▶│                                 │
          +8.534 a        │◀──────── 200 OK (BYE) ──────────│                                 │
          +8.535 b        │                                 │───────── BYE cause 16 ─────────▶│
          +8.535 b        │                                 │◀──────── 200 OK (BYE) ──────────│
                 left out: 4 ACK

          +0.000 call.started
          +0.004 call.ringing
          +0.510 call.answered
          +3.517 call.held
          +6.525 call.resumed
          +8.535 call.ended
        4 of what was seen was known already
      "
    `)
  })

  test('that a header joined says which, and to whom the trunk belongs', async () => {
    const { stdout } = await command(['trace', fixture('10-trunk-b2bua-out'), '--carrier', '127.0.0.1:5060'])
    expect(stdout).toContain(
      'PBX: 127.0.0.1:5070 (ASSUMED: it takes calls and makes others; --pbx says otherwise)\ncarrier: 127.0.0.1:5060\n',
    )
    expect(part(stdout, 'outbound')).toMatch(/^outbound 1001 → \+493012345: connected \(completed\)\n/)
    expect(part(stdout, 'SIP CALL')).toMatch(
      /\n {2}b {2}1001 → \+493012345 +connected \(completed\) +header X-Orig-Call-ID +4ae28dd1/,
    )
    expect(stdout).not.toContain('Not joined')
  })

  test.each(asteriskCaptures)('%s is one call, and its ladder fits 100 columns', async name => {
    const { stdout } = await command(['trace', fixture(name)])
    expect(stdout).toMatch(/ SIP messages, 1 call\n/)
    const wide = stdout.split('\n').filter(line => /[│▶◀]/.test(line) && line.length > 100)
    expect(wide).toEqual([])
    expect(stdout).toMatch(/▶/)
  })

  test('is two where the PBX is not known as such, and why is said, and what to do', async () => {
    const { stdout } = await command(['trace', fixture('00-plain-call'), '--pbx', '127.0.0.1:5999'])
    expect(stdout).toContain(' 2 calls\n')
    const told = stdout.slice(stdout.indexOf('Not joined:')).replace(/\s+/g, ' ')
    expect(told).toMatch(/call_\w{26} and call_\w{26} share 1001, for 6\.5s at the same time older sip:\S+ younger sip:\S+/)
    expect(told).toContain('127.0.0.1:5070 is not known as one')
    expect(told).toContain('if 127.0.0.1 is the PBX: add it to hep.pbx (here: --pbx 127.0.0.1:5070)')
    expect(told).toContain('Set(PJSIP_HEADER(add,X-Orig-Call-ID)=$')
  })
})

describe('a capture of tcpdump', () => {
  const [inner, outer] = [dialog('inner-7', '1001', '00493012345678'), dialog('outer-7', '493099', '493088776655')]
  /** A PBX that goes on with a call under another number, to another callee: only a field of its own tells. */
  const passedOn = (...fields: readonly string[]) =>
    pcapOf([
      { at: 0, from: phone, to: pbx, text: inner.invite() },
      { at: 800, from: pbx, to: carrier, text: outer.invite(...fields) },
      { at: 900, from: carrier, to: pbx, text: outer.response(180, 'Ringing') },
      { at: 2_000, from: carrier, to: pbx, text: outer.response(200, 'OK') },
      { at: 2_010, from: pbx, to: phone, text: inner.response(200, 'OK') },
      { at: 2_020, from: phone, to: pbx, text: inner.ack() },
      { at: 2_500, from: carrier, to: pbx, text: outer.response(200, 'OK') },
      { at: 12_500, from: carrier, to: pbx, text: outer.response(200, 'OK') },
      { at: 15_000, from: phone, to: pbx, text: inner.bye() },
    ])
  const sides = ['--pbx', '192.0.2.10', '--carrier', '198.51.100.7']

  test('says which field would join what stayed alone, and joins it once the configuration names it', async () => {
    const shared = dialog('shared-8', '1001', '493088776655')
    const file = await pcapOf([
      { at: 0, from: phone, to: pbx, text: inner.invite() },
      { at: 100, from: phone, to: pbx, text: dialog('second-7', '1001', '00493012345678').invite() },
      { at: 800, from: pbx, to: carrier, text: shared.invite('X-Leg-Of: inner-7') },
    ])
    const { stdout } = await command(['trace', file, ...sides])
    const told = stdout.slice(stdout.indexOf('Not joined:')).replace(/\s+/g, ' ')
    expect(told).toContain('a guess was none: 2 calls fitted (')
    expect(told).toContain('X-Leg-Of holds the Call-ID of the other: add X-Leg-Of to sip.call_id_headers')
    const joined = await command(['trace', file, ...sides], { sip: { call_id_headers: ['X-Leg-Of'] } })
    expect(joined.stdout).toMatch(/ {2}b {2}1001 → \+493088776655 +inviting +header X-Leg-Of +shared-8/)
    expect(joined.stdout).not.toContain('Not joined')
  })

  test('says of a call that it still goes on when the capture ends, and how often messages were sent again', async () => {
    const { stdout } = await command(['trace', await passedOn('X-Orig-Call-ID: inner-7'), ...sides])
    expect(stdout).toContain('outbound 1001 → +493088776655: talking; still going on when the capture ends\n')
    expect(stdout).toContain('left out: duplicate 1 (captured or sent twice)\n')
    expect(stdout).toMatch(/\+2\.000 b .* 200 OK ×2 /)
    expect(stdout).toContain('left out: 1 ACK, 1 sent again (×)')
  })

  test('expires calls by its own clock', async () => {
    const [silent, late] = [dialog('silent-1', '1001', '1002'), dialog('late-1', '1002', '1001')]
    const file = await pcapOf([
      { at: 0, from: phone, to: pbx, text: silent.invite() },
      { at: 100, from: pbx, to: phone, text: silent.response(200, 'OK') },
      { at: 4 * 3_600_000 + 60_000, from: phone, to: pbx, text: late.invite() },
    ])
    const { stdout } = await command(['trace', file, ...sides])
    expect(stdout).toContain('internal 1001 → 1002: connected (lost-signalling)\n')
    expect(stdout).toContain('internal 1002 → 1001: not answered; still going on when the capture ends\n')
  })

  test('names signals of calls that began before it, and what was ignored and why', async () => {
    const [old, done] = [dialog('old-1', '1001', '1002'), dialog('done-1', '1001', '1002')]
    const file = await pcapOf([
      { at: 0, from: pbx, to: phone, text: old.response(180, 'Ringing') },
      { at: 100, from: phone, to: pbx, text: done.invite() },
      { at: 200, from: pbx, to: phone, text: done.response(200, 'OK') },
      { at: 250, from: pbx, to: phone, text: done.response(180, 'Ringing') },
      { at: 300, from: phone, to: pbx, text: done.bye() },
    ])
    const { stdout } = await command(['trace', file, ...sides])
    expect(stdout).toContain('+0.150 a ringing ignored: the call was answered already\n')
    expect(stdout).toMatch(/Of 1 SIP call the beginning is missing.*\n {2}old-1: ringing\n/)
  })

  test('takes no recording session for a call', async () => {
    const session = dialog('rs-1', 'src', 'srs')
    const { stdout } = await command([
      'trace',
      await pcapOf([
        { at: 0, from: pbx, to: phone, text: session.invite('Require: siprec', 'Contact: <sip:192.0.2.10>;+sip.src') },
        { at: 9, from: phone, to: pbx, text: session.response(200, 'OK') },
      ]),
    ])
    expect(stdout).toContain('2 SIP messages, 0 calls\n  of no call: SIPREC 2\n')
  })

  test('shows only the calls that --call names', async () => {
    const file = await passedOn()
    const { stdout } = await command(['trace', file, ...sides, '--call', 'outer-7'])
    expect(stdout).toContain('outer-7')
    expect(stdout).not.toContain('  inner-7')
    expect((await command(['trace', file, ...sides, '--call', 'nobody'])).stdout).toContain('no call with nobody in it, of 2\n')
  })

  test('is one JSON document on request', async () => {
    const { stdout } = await command(['trace', await passedOn('X-Orig-Call-ID: inner-7'), ...sides, '--json'])
    expect(JSON.parse(stdout)).toMatchObject({
      format: 'pcap',
      messages: 8,
      calls: [
        {
          goesOn: true,
          call: { direction: 'outbound', startedAt: begin },
          sipCalls: [
            { mark: 'a', sipCallId: 'inner-7', reason: null },
            { mark: 'b', sipCallId: 'outer-7', reason: 'header X-Orig-Call-ID', isGuess: false },
          ],
          events: [{ type: 'call.started' }, { type: 'call.ringing' }, { type: 'call.answered' }],
        },
      ],
      alone: [],
    })
  })

  test('cannot steer the terminal', async () => {
    const { stdout } = await command([
      'trace',
      await pcapOf([
        { at: 0, from: phone, to: pbx, text: inner.invite() },
        { at: 9, from: pbx, to: phone, text: inner.response(486, '\u001b[2JBusy\u202e') },
      ]),
    ])
    expect(stdout).toContain('Busy')
    expect(stdout).not.toContain('\u001b')
    expect(stdout).not.toContain('\u202e')
    expect(stdout).toContain('PBX: none is named or can be supposed')
  })
})

describe('what is refused, with advice', () => {
  test('a file above 512 MiB', async () => {
    const file = await fileOf(Buffer.alloc(24))
    await truncate(file, 513 * 1024 * 1024)
    const { code, stderr } = await command(['trace', file])
    expect(code).toBe(2)
    expect(stderr).toMatch(/has 513 MiB, and 512 are the most that is read: take out the signalling first: tshark -r /)
  })

  test.each([
    ['compressed', () => fileOf(gzipSync('x')), /is compressed: unpack it first/],
    ['empty', () => fileOf(Buffer.alloc(0)), /is empty/],
    ['no capture', () => fileOf(Buffer.from('BEGIN:VCARD')), /is no capture that is known/],
    ['not there', async () => '/nowhere/x.pcap', /cannot be read: ENOENT/],
    ['a folder', async () => 'test', /test is no file/],
  ])('one that is %s', async (_, make, words) => {
    const { code, stderr } = await command(['trace', await make()])
    expect(code).toBe(2)
    expect(stderr).toMatch(words)
  })

  test('an address that is none', async () => {
    const { code, stderr } = await command(['trace', fixture('07-hold'), '--pbx', 'pbx.example'])
    expect(code).toBe(2)
    expect(stderr).toContain('pbx.example is no address: write 192.0.2.10')
  })
})
