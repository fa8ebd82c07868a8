import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import fc from 'fast-check'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { type GuardLimits, SipGuard, type SipGuardOptions } from '../../../src/sip/embedded/guard/sip-guard.ts'
import { sourceOf } from '../../../src/sip/embedded/guard/source.ts'
import type { HopAddress, SipRequest } from '../../../src/sip/message/message.ts'
import { startServer } from './control-peers.ts'
import { outgoing, requestText } from './transaction-peers.ts'

const from = (address: string): HopAddress => ({ transport: 'udp', address, port: 5060 })
const options = outgoing('OPTIONS')
const scan: SipRequest = outgoing('OPTIONS', [{ name: 'User-Agent', value: 'Friendly-Scanner 1.0' }])
const LIMITS: GuardLimits = {
  stranger: { perSecond: 10, burst: 20 },
  peer: { perSecond: 1000, burst: 2000 },
  offences: 5,
  windowMs: 1000,
  banMs: 10_000,
  maxSources: 8,
}

function guarded(limits: Partial<GuardLimits> = {}, more: Partial<SipGuardOptions> = {}) {
  const clock = { now: 1_000_000 }
  const warned: string[] = []
  const guard = new SipGuard({
    isPeer: address => address.startsWith('192.0.2.'),
    scanners: ['friendly-scanner'],
    limits: { ...LIMITS, ...limits },
    now: () => clock.now,
    log: { warn: (_fields, message) => warned.push(message) },
    ...more,
  })
  return { guard, clock, warned }
}

const refused = { status: 403, headers: [[]] }

describe('the guard', () => {
  it('lets peers in, refuses strangers', () => {
    const { guard } = guarded()
    expect(guard.admit(from('192.0.2.1'), options)).toBe('accept')
    expect(guard.admit(from('203.0.113.1'), options)).toEqual(refused)
    expect(guard.counters.strangers).toBe(1)
  })

  it('a scanner among strangers gets no answer, a peer with the same User-Agent does', () => {
    const { guard } = guarded()
    expect(guard.admit(from('203.0.113.1'), scan)).toBe('drop')
    expect(guard.admit(from('192.0.2.1'), scan)).toBe('accept')
    expect(guard.counters.scanners).toBe(1)
  })

  it('ignores who was refused too often within the window, for the time of the ban', () => {
    const { guard, clock, warned } = guarded()
    for (let n = 0; n < 5; n++) expect(guard.admit(from('203.0.113.1'), options)).toEqual(refused)
    expect(guard.admit(from('203.0.113.1'), options)).toBe('drop')
    expect(guard.admit(from('203.0.113.2'), options)).toEqual(refused)
    expect(guard.banned()).toEqual([{ source: '203.0.113.1', until: clock.now + 10_000 }])
    expect(guard.counters).toMatchObject({ bans: 1, bannedDropped: 1 })
    expect(warned).toContain('source of refused sip requests is ignored for a time')
    clock.now += 10_000
    expect(guard.admit(from('203.0.113.1'), options)).toEqual(refused)
    expect(guard.banned()).toEqual([])
  })

  it('refusals far apart make no ban', () => {
    const { guard, clock } = guarded()
    for (let n = 0; n < 50; n++) {
      expect(guard.admit(from('203.0.113.1'), options)).toEqual(refused)
      clock.now += 300
    }
    expect(guard.counters.bans).toBe(0)
  })

  it('scans and malformed bytes count towards a ban as refusals do', () => {
    const { guard } = guarded()
    guard.admit(from('203.0.113.1'), scan)
    guard.admit(from('203.0.113.1'), options)
    for (let n = 0; n < 3; n++) guard.malformed(from('203.0.113.1'))
    expect(guard.banned()).toHaveLength(1)
  })

  it('who shows that it belongs here is forgiven', () => {
    let known = false
    const { guard } = guarded({}, { authenticate: () => (known ? 'accept' : { status: 401, headers: [[]] }) })
    for (let round = 0; round < 4; round++) {
      known = false
      for (let n = 0; n < 4; n++) expect(guard.admit(from('203.0.113.1'), options)).toMatchObject({ status: 401 })
      known = true
      expect(guard.admit(from('203.0.113.1'), options)).toBe('accept')
    }
    expect(guard.counters.bans).toBe(0)
  })

  it('all addresses of an IPv6 network are one source, and an IPv4 address is one however it is written', () => {
    expect(sourceOf('2001:db8:1:2:3:4:5:6')).toBe('2001:db8:1:2::/64')
    expect(sourceOf('2001:db8:1:2::1')).toBe('2001:db8:1:2::/64')
    expect(sourceOf('2001:0db8::1')).toBe('2001:db8:0:0::/64')
    expect(sourceOf('fe80::1%eth0')).toBe('fe80:0:0:0::/64')
    expect(sourceOf('::ffff:192.0.2.7')).toBe('192.0.2.7')
    expect(sourceOf('192.0.2.7')).toBe('192.0.2.7')
  })
})

type Step =
  | { readonly kind: 'request' | 'scan' | 'malformed'; readonly source: number; readonly peer: boolean }
  | { readonly kind: 'pass'; readonly ms: number }

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    fc.record({
      kind: fc.constantFrom('request' as const, 'scan' as const, 'malformed' as const),
      source: fc.integer({ min: 0, max: 12 }),
      peer: fc.boolean(),
    }),
    fc.record({ kind: fc.constant('pass' as const), ms: fc.integer({ min: 0, max: 3000 }) }),
  ),
  { maxLength: 150 },
)

type OnVerdict = (verdict: unknown, at: number, step: Step, guard: SipGuard) => void

/** Plays the steps; `onVerdict` sees each request's. */
function play(played: readonly Step[], onVerdict: OnVerdict, limits: Partial<GuardLimits> = {}): SipGuard {
  const { guard, clock } = guarded(limits)
  for (const step of played) {
    if (step.kind === 'pass') clock.now += step.ms
    else {
      const source = from(`${step.peer ? '192.0.2.' : '203.0.113.'}${step.source}`)
      if (step.kind === 'malformed') guard.malformed(source)
      else onVerdict(guard.admit(source, step.kind === 'scan' ? scan : options), clock.now, step, guard)
    }
    expect(guard.banned().length).toBeLessThanOrEqual(LIMITS.maxSources)
  }
  return guard
}

describe('whatever comes', () => {
  it('a peer gets in, and is never banned', () => {
    fc.assert(
      fc.property(steps, played => {
        const guard = play(played, (verdict, _at, step) => {
          if (step.kind !== 'pass' && step.peer) expect(verdict).toBe('accept')
          else expect(verdict).not.toBe('accept')
        })
        expect(guard.banned().every(({ source }) => source.startsWith('203.0.113.'))).toBe(true)
      }),
    )
  })

  it('no stranger is answered more often than its rate allows', () => {
    const stranger = { perSecond: 10, burst: 4 }
    const request = fc.constant({ kind: 'request' as const, source: 0, peer: false })
    const pass = fc.record({ kind: fc.constant('pass' as const), ms: fc.integer({ min: 0, max: 300 }) })
    fc.assert(
      fc.property(fc.array(fc.oneof(request, pass), { maxLength: 100 }), played => {
        const answeredAt: number[] = []
        const note: OnVerdict = (verdict, at) => void (verdict === 'drop' || answeredAt.push(at))
        // Never banned here: the rate alone has to hold.
        play(played, note, { stranger, offences: 1_000_000 })
        for (const [n, first] of answeredAt.entries()) {
          const seconds = ((answeredAt.at(-1) ?? first) - first) / 1000
          expect(answeredAt.length - n).toBeLessThanOrEqual(stranger.burst + seconds * stranger.perSecond + 1e-6)
        }
      }),
    )
  })

  it('who is banned gets no answer until the ban is over', () => {
    fc.assert(
      fc.property(steps, played => {
        play(played, (verdict, at, step, guard) => {
          if (step.kind === 'pass' || step.peer) return
          const ban = guard.banned().find(({ source }) => source === `203.0.113.${step.source}`)
          // The request that makes the ban may still be answered; each later one is not.
          if (ban !== undefined && at > ban.until - LIMITS.banMs) expect(verdict).toBe('drop')
        })
      }),
    )
  })
})

/** A raw socket at that address, and the sizes of what it heard. */
async function rawPeer(to: HopAddress, address: string) {
  const socket = createSocket('udp4')
  const heard: string[] = []
  socket.on('message', bytes => heard.push(bytes.toString()))
  socket.bind(0, address)
  await once(socket, 'listening')
  onTestFinished(() => void socket.close())
  const own: HopAddress = { transport: 'udp', address, port: socket.address().port }
  return { heard, own, send: (text: string) => socket.send(text, to.port, to.address) }
}

async function guardedServer(more: Partial<SipGuardOptions> = {}) {
  const guard = new SipGuard({
    isPeer: address => address === '127.0.0.1',
    scanners: ['friendly-scanner'],
    now: Date.now,
    log: { warn: () => {} },
    ...more,
  })
  const running = await startServer({ guard })
  // Datagrams are handled in order: once a peer is answered, what came before it has been dealt with.
  const settled = async (): Promise<void> => {
    const peer = await rawPeer(running.udp, '127.0.0.1')
    peer.send(requestText('OPTIONS', peer.own))
    await vi.waitFor(() => expect(peer.heard).toHaveLength(1))
  }
  return { ...running, guard, settled }
}

describe('over real sockets', () => {
  it("a stranger's INVITE gets one 403 for each time it is sent, never repeated, never larger, and nothing is kept", async () => {
    const { udp, server, settled } = await guardedServer()
    const stranger = await rawPeer(udp, '127.0.0.9')
    const invite = requestText('INVITE', stranger.own, { headers: ['Contact: <sip:mallory@127.0.0.9>', 'User-Agent: nobody'] })
    stranger.send(invite)
    await vi.waitFor(() => expect(stranger.heard).toHaveLength(1))
    stranger.send(invite)
    await vi.waitFor(() => expect(stranger.heard).toHaveLength(2))
    // A transaction would have repeated its 403 by now: T1 is 10 ms.
    await new Promise(resolve => setTimeout(resolve, 60))
    await settled()
    expect(stranger.heard).toHaveLength(2)
    for (const answer of stranger.heard) {
      expect(answer.startsWith('SIP/2.0 403 Forbidden\r\n')).toBe(true)
      expect(Buffer.byteLength(answer)).toBeLessThanOrEqual(Buffer.byteLength(invite))
    }
    expect(server.held).toEqual({ requests: 0, proxied: 0, dialogs: 0 })
    expect(server.counters.sip).toMatchObject({ refused: 2, retransmissionsSent: 0 })
  })

  it('a request of a stranger that is too small for any answer gets none', async () => {
    const { udp, settled, server } = await guardedServer()
    const stranger = await rawPeer(udp, '127.0.0.9')
    const via = `v:SIP/2.0/UDP 127.0.0.9:${stranger.own.port};branch=z9hG4bKx;rport`
    stranger.send(`OPTIONS sip:a SIP/2.0\r\n${via}\r\nf:<sip:a@b>;tag=1\r\nt:<sip:a@b>\r\ni:1\r\nCSeq:1 OPTIONS\r\nl:0\r\n\r\n`)
    await settled()
    expect(stranger.heard).toEqual([])
    expect(server.counters.sip.dropped).toBe(1)
  })

  it('what a stranger sends that is no message gets no answer, and in the end nothing does', async () => {
    const { udp, guard, settled } = await guardedServer({ limits: { offences: 5 } })
    const stranger = await rawPeer(udp, '127.0.0.9')
    const broken = requestText('OPTIONS', stranger.own).replace('Call-ID', 'Kall-ID')
    for (let n = 0; n < 5; n++) stranger.send(broken)
    await settled()
    expect(guard.banned().map(({ source }) => source)).toEqual(['127.0.0.9'])
    stranger.send(requestText('OPTIONS', stranger.own, { headers: ['User-Agent: nobody at all, but with a very long name'] }))
    await settled()
    expect(stranger.heard).toEqual([])
    expect(guard.counters.bannedDropped).toBe(1)
  })
})
