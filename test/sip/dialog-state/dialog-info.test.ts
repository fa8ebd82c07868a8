import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseDialogInfo, rendersNothing } from '../../../src/sip/dialog-state/dialog-info.ts'
import { capturedBodies, capturedCalls } from './captures.ts'

const root = 'xmlns="urn:ietf:params:xml:ns:dialog-info" version="1" state="full" entity="sip:1002@pbx"'

it('reads everything that RFC 4235 has', () => {
  const text = `<?xml version="1.0" encoding="UTF-8"?>
    <di:dialog-info xmlns:di="urn:ietf:params:xml:ns:dialog-info" version="0031" state="partial" entity="sip:1002@pbx">
      <di:dialog id="as7d900as8" call-id="a84b4c76e66710" local-tag="1928301774" remote-tag="456887766" direction="initiator">
        <di:state event="rejected" code="486">terminated</di:state>
        <di:duration>274</di:duration>
        <di:replaces call-id="hg287s98s89" local-tag="6762h7" remote-tag="09278hsb"/>
        <di:referred-by display="Bob">sip:bob@example.com</di:referred-by>
        <di:local><di:identity display="Ann &amp; Co">sip:1002@pbx</di:identity><di:target uri="sip:1002@10.0.0.9"><di:param pname="+SIP.rendering" pval="no"/></di:target></di:local>
        <di:remote><di:identity>tel:+15550100</di:identity></di:remote>
      </di:dialog>
    </di:dialog-info>`
  const nobody = { uri: null, display: null, target: null, params: new Map() }
  expect(parseDialogInfo(text)).toEqual({
    ok: true,
    info: {
      version: 31,
      state: 'partial',
      entity: 'sip:1002@pbx',
      dialogs: [
        {
          id: 'as7d900as8',
          callId: 'a84b4c76e66710',
          localTag: '1928301774',
          remoteTag: '456887766',
          direction: 'initiator',
          state: 'terminated',
          event: 'rejected',
          code: 486,
          durationMs: 274_000,
          replaces: { callId: 'hg287s98s89', localTag: '6762h7', remoteTag: '09278hsb' },
          referredBy: 'sip:bob@example.com',
          local: {
            uri: 'sip:1002@pbx',
            display: 'Ann & Co',
            target: 'sip:1002@10.0.0.9',
            params: new Map([['+sip.rendering', 'no']]),
          },
          remote: { ...nobody, uri: 'tel:+15550100' },
        },
      ],
    },
  })
})

it('takes a prefix that is declared nowhere, and attributes in another order', () => {
  const text = `<d:dialog-info state="FULL" entity="" version="7"><d:dialog id="x"><d:state> Confirmed </d:state></d:dialog></d:dialog-info>`
  expect(parseDialogInfo(text)).toMatchObject({ ok: true, info: { version: 7, dialogs: [{ id: 'x', state: 'confirmed' }] } })
})

it('leaves out dialogs without an id, and with a state that nobody knows', () => {
  const dialogs = '<dialog><state>early</state></dialog><dialog id="a"><state>parked</state></dialog><dialog id="b"/>'
  expect(parseDialogInfo(`<dialog-info ${root}>${dialogs}</dialog-info>`)).toMatchObject({ ok: true, info: { dialogs: [] } })
})

describe('what cannot be understood is refused with a reason', () => {
  it.each([
    ['', 'is no XML that we read'],
    ['<presence/>', 'is no dialog-info document'],
    ['<dialog-info state="full"/>', 'has no version'],
    ['<dialog-info version="-1" state="full"/>', 'has no version'],
    ['<dialog-info version="99999999999" state="full"/>', 'has no version'],
    ['<dialog-info version="1"/>', 'says neither full nor partial'],
    ['<dialog-info version="1" state="full">', 'is no XML that we read'],
    ['<!DOCTYPE x [<!ENTITY a "b">]><dialog-info version="1" state="full"/>', 'is no XML that we read'],
    [`<dialog-info ${root}>${'<dialog id="a"/>'.repeat(300)}</dialog-info>`, 'has more than 256 dialogs'],
    [`<dialog-info ${root}>${'<a>'.repeat(100)}`, 'is no XML that we read'],
    [`<dialog-info ${root}>${' '.repeat(65_536)}</dialog-info>`, 'has more than 65536 characters'],
  ])('%.60s', (text, reason) => {
    const parsed = parseDialogInfo(text)
    expect(parsed).toMatchObject({ ok: false })
    if (!parsed.ok) expect(parsed.reason).toContain(reason)
  })
})

it('any bytes get an answer, never an exception', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), bytes => void parseDialogInfo(Buffer.from(bytes).toString())),
    { numRuns: 300 },
  )
})

it('any damage to a captured document gets an answer, never an exception', () => {
  const bodies = capturedCalls.flatMap(call => capturedBodies(call, '1002'))
  const damage = fc.array(
    fc.tuple(fc.nat(700), fc.nat(6), fc.constantFrom('', '<', '>', '"', '&', ']]>', '<!--', '\0', 'é', '/>', '<dialog id="z">')),
    {
      minLength: 1,
      maxLength: 6,
    },
  )
  fc.assert(
    fc.property(fc.constantFrom(...bodies), damage, (body, changes) => {
      const damaged = changes.reduce((text, [at, cut, put]) => text.slice(0, at) + put + text.slice(at + cut), body)
      const parsed = parseDialogInfo(damaged)
      if (parsed.ok) for (const { local, remote } of parsed.info.dialogs) [local, remote].map(rendersNothing)
      else expect(parsed.reason).not.toBe('')
    }),
    { numRuns: 500 },
  )
})
