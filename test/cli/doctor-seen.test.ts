/** What doctor makes of what a bridge tells of itself. */
import { expect, test } from 'vitest'
import { callFindings, mirrorFindings, partFindings } from '../../src/cli/doctor/seen.ts'
import { accepted } from '../config/loading.ts'

const mirrored = await accepted('pbx: asterisk\nhep: { listen: ["udp://127.0.0.1:9060"], pbx: [127.0.0.1] }\n')
const now = 1_790_000_000_000

const lines = (findings: readonly { readonly level: string; readonly text: string }[]): readonly string[] =>
  findings.map(({ level, text }) => `${level} ${text}`)

test.each([
  ['few calls, however many are alone', 9, 9, false, 'ok'],
  ['half of them alone', 10, 5, false, 'ok'],
  ['more than half of them alone', 10, 6, false, 'warning'],
])('%s', (_what, calls, alone, keepsCallId, level) => {
  const [, finding] = callFindings(mirrored, { calls, alone, isCut: false }, keepsCallId)
  expect(finding?.level).toBe(level)
  expect(finding?.text).toContain(`for ${alone} of them no second leg was found`)
  if (level === 'warning') expect(finding?.text).toContain('docs/pbx/asterisk.md')
})

test('calls of a proxy, and of a trunk alone, are single SIP calls by nature', async () => {
  const recent = { calls: 100, alone: 100, isCut: false }
  expect(lines(callFindings(mirrored, recent, true))).toEqual(['ok calls: 100 in the last hour'])
  expect(lines(callFindings(await accepted(''), recent, false))).toEqual(['ok calls: 100 in the last hour'])
})

test('an hour without a call is a warning, and a cut count says so', () => {
  expect(callFindings(mirrored, { calls: 0, alone: 0, isCut: false }, false)).toMatchObject([{ level: 'warning' }])
  expect(lines(callFindings(mirrored, { calls: 5000, alone: 0, isCut: true }, false))[0]).toBe(
    'ok calls: 5000 and more in the last hour',
  )
})

test('each reason for lost packets is a warning of its own, with what to do', () => {
  const count = (value: number, labels = {}) => ({ labels, value })
  const metrics = new Map([
    ['tpe_bridge_hep_packets_total', [count(0)]],
    [
      'tpe_bridge_hep_dropped_total',
      [count(4, { kind: 'stranger' }), count(2, { kind: 'duplicate' }), count(3, { kind: 'too-old' })],
    ],
    ['tpe_bridge_hep_kernel_drops_total', [count(5)]],
    ['tpe_bridge_hep_malformed_total', [count(6)]],
  ])
  expect(lines(mirrorFindings(mirrored, metrics, now))).toEqual([
    expect.stringMatching(/^warning hep: no packet has come since the bridge started/),
    expect.stringMatching(/^warning hep: 4 packets .*hep\.peers/),
    expect.stringMatching(/^warning hep: 3 packets .*too old/),
    expect.stringMatching(/^warning hep: 5 packets .*net\.core\.rmem_max/),
    expect.stringMatching(/^warning hep: 6 packets .*version 3/),
  ])
})

test('an agent that fell silent is a warning, and one that sends no time is not taken for late', () => {
  const labels = { agent: '192.0.2.20', capture_id: '7', node: 'pbx1' }
  const metrics = (silentMs: number) =>
    new Map([
      ['tpe_bridge_hep_packets_total', [{ labels: {}, value: 9 }]],
      ['tpe_bridge_hep_agent_packets', [{ labels, value: 9 }]],
      ['tpe_bridge_hep_agent_last_packet_timestamp_seconds', [{ labels, value: (now - silentMs) / 1000 }]],
    ])
  const named = 'hep: agent 192.0.2.20 (id 7, pbx1): 9 packets, the last'
  expect(lines(mirrorFindings(mirrored, metrics(90_000), now))).toEqual([`ok ${named} 1m30s ago; it sends no time`])
  expect(lines(mirrorFindings(mirrored, metrics(7_200_000), now))).toEqual([
    expect.stringMatching(/^warning .*the last 2h00m ago; it sends no time: see whether it still runs/),
  ])
})

test('without a listener for mirrors nothing is said of them', async () => {
  expect(mirrorFindings(await accepted(''), new Map(), now)).toEqual([])
})

test('a part that is degraded is a warning with its reason, one that failed an error', () => {
  const parts = {
    store: { state: 'ok', reason: null },
    disk: { state: 'degraded', reason: 'no room' },
    sip: { state: 'failed', reason: 'refused' },
  } as const
  expect(lines(partFindings(parts))).toEqual([
    'ok bridge: runs, 1 of 3 parts are well',
    'warning bridge: disk is degraded: no room',
    'error bridge: sip is failed: refused',
  ])
})
