import { describe, expect, test, vi } from 'vitest'
import { responseTo } from '../../../src/sip/embedded/responses.ts'
import { headerValue } from '../../../src/sip/message/headers.ts'
import type { SeenMessage } from '../../../src/sip/message/message.ts'
import { answer, kinds, QUICK, recordedUser, requestText, startLayer, tcpPeer, udpPeer } from './transaction-peers.ts'

const settled = { timeout: 5_000, interval: 5 }

describe('an INVITE', () => {
  test('gets 100 at once, without a To tag and with its Timestamp', async () => {
    const user = recordedUser()
    const { udp } = await startLayer(user)
    const peer = await udpPeer(udp)
    peer.send(requestText('INVITE', peer.address, { headers: ['Timestamp: 54'] }))
    const trying = await peer.message(0)
    expect(kinds([trying])).toEqual([100])
    expect(headerValue(trying, 'To')).toBe('<sip:bob@127.0.0.1>')
    expect(headerValue(trying, 'Timestamp')).toBe('54')
    expect(user.requests).toHaveLength(1)
  })

  test('that is repeated reaches the user once and repeats the last provisional response', async () => {
    const user = recordedUser()
    const { udp, layer } = await startLayer(user)
    const peer = await udpPeer(udp)
    const invite = requestText('INVITE', peer.address)
    peer.send(invite)
    await peer.message(0)
    peer.send(invite)
    await peer.message(1)
    user.requests[0]?.respond(responseTo(user.requests[0].request, 180, { toTag: 'bob' }))
    await peer.message(2)
    peer.send(invite)
    await peer.message(3)
    expect(kinds(peer.got)).toEqual([100, 100, 180, 180])
    expect(user.requests).toHaveLength(1)
    expect(layer.counters).toMatchObject({ received: 3, retransmissionsReceived: 2, retransmissionsSent: 2 })
  })

  test('refused over UDP repeats the refusal until its ACK, which the user never sees, and is then forgotten', async () => {
    const user = recordedUser(answer(486))
    const { udp, layer } = await startLayer(user)
    const peer = await udpPeer(udp)
    peer.send(requestText('INVITE', peer.address, { branch: 'z9hG4bKx', callId: 'x' }))
    await peer.message(3)
    expect(kinds(peer.got).slice(0, 4)).toEqual([100, 486, 486, 486])
    peer.send(requestText('ACK', peer.address, { branch: 'z9hG4bKx', callId: 'x', toTag: 'bob' }))
    await vi.waitFor(() => expect(layer.held.serverTransactions).toBe(0), settled)
    const sent = layer.counters.retransmissionsSent
    expect(user.acks).toEqual([])
    expect(layer.counters.timeouts).toBe(0)
    expect(peer.got.length).toBe(2 + sent)
  })

  test('refused and never acknowledged repeats at T1 doubling to T2, and ends after 64 T1', async () => {
    const { udp, layer } = await startLayer(recordedUser(answer(486)), { timers: { t1Ms: 10, t2Ms: 100, t4Ms: 50 } })
    const peer = await udpPeer(udp)
    peer.send(requestText('INVITE', peer.address))
    await vi.waitFor(() => expect(layer.counters.timeouts).toBe(1), settled)
    // 10, 30, 70, 150 and then every 100 until 640.
    expect(layer.counters.retransmissionsSent).toBe(8)
    expect(layer.held.serverTransactions).toBe(0)
  })

  test('answered with 2xx sends it once, absorbs repetitions of the INVITE and passes the ACK, even of the same branch', async () => {
    const user = recordedUser(answer(200))
    const { udp, layer } = await startLayer(user)
    const peer = await udpPeer(udp)
    const invite = requestText('INVITE', peer.address, { branch: 'z9hG4bKy', callId: 'y' })
    peer.send(invite)
    await peer.message(1)
    peer.send(invite)
    await vi.waitFor(() => expect(layer.counters.retransmissionsReceived).toBe(1), settled)
    peer.send(requestText('ACK', peer.address, { branch: 'z9hG4bKy', callId: 'y', toTag: 'bob' }))
    peer.send(requestText('ACK', peer.address, { callId: 'y', toTag: 'bob' }))
    await vi.waitFor(() => expect(user.acks).toHaveLength(2), settled)
    await vi.waitFor(() => expect(layer.held.serverTransactions).toBe(0), settled)
    expect(kinds(peer.got)).toEqual([100, 200])
    expect(user.requests).toHaveLength(1)
  })

  test('takes one final response and no more', async () => {
    const user = recordedUser()
    const { udp } = await startLayer(user)
    const peer = await udpPeer(udp)
    peer.send(requestText('INVITE', peer.address))
    await peer.message(0)
    const [transaction] = user.requests
    expect(transaction?.state).toBe('proceeding')
    expect(transaction?.respond(responseTo(transaction.request, 200, { toTag: 'bob' }))).toBe(true)
    expect(transaction?.state).toBe('completed')
    expect(transaction?.respond(responseTo(transaction.request, 486, { toTag: 'bob' }))).toBe(false)
    expect(transaction?.respond(responseTo(transaction.request, 180, { toTag: 'bob' }))).toBe(false)
    await vi.waitFor(() => expect(transaction?.state).toBe('terminated'), settled)
  })

  test('from an RFC 2543 client, without the magic cookie, still finds its repetition, its CANCEL and its ACK', async () => {
    const user = recordedUser()
    const { udp, layer } = await startLayer(user)
    const peer = await udpPeer(udp)
    const via = `SIP/2.0/UDP 127.0.0.1:${peer.address.port}`
    const parts = { via, callId: 'old' }
    peer.send(requestText('INVITE', peer.address, parts))
    peer.send(requestText('INVITE', peer.address, parts))
    await peer.message(1)
    peer.send(requestText('CANCEL', peer.address, parts))
    await vi.waitFor(() => expect(user.cancels).toHaveLength(1), settled)
    user.cancels[0]?.invite.respond(responseTo(user.cancels[0].invite.request, 487, { toTag: 'bob' }))
    peer.send(requestText('ACK', peer.address, { ...parts, toTag: 'bob' }))
    // A new INVITE of the same client differs in its CSeq.
    peer.send(requestText('INVITE', peer.address, { ...parts, cseq: 2 }))
    await vi.waitFor(() => expect(user.requests).toHaveLength(2), settled)
    expect(user.acks).toEqual([])
    expect(layer.counters.retransmissionsReceived).toBe(1)
  })

  test('over TCP is refused once, and forgotten with its ACK', async () => {
    const { tcp, layer } = await startLayer(recordedUser(answer(486)))
    const peer = await tcpPeer(tcp)
    peer.send(requestText('INVITE', peer.address, { transport: 'TCP', branch: 'z9hG4bKz', callId: 'z' }))
    await peer.message(1)
    expect(layer.held.serverTransactions).toBe(1)
    peer.send(requestText('ACK', peer.address, { transport: 'TCP', branch: 'z9hG4bKz', callId: 'z', toTag: 'bob' }))
    await vi.waitFor(() => expect(layer.held.serverTransactions).toBe(0), settled)
    expect(kinds(peer.got)).toEqual([100, 486])
  })
})

describe('a CANCEL', () => {
  test('of a pending INVITE is answered 200 and told to the user, who ends the INVITE', async () => {
    const user = recordedUser()
    const { udp } = await startLayer(user)
    const peer = await udpPeer(udp)
    const parts = { branch: 'z9hG4bKc', callId: 'c' }
    peer.send(requestText('INVITE', peer.address, parts))
    await peer.message(0)
    const cancel = requestText('CANCEL', peer.address, { ...parts, headers: ['Reason: SIP;cause=200'] })
    peer.send(cancel)
    await peer.message(1)
    peer.send(cancel)
    await peer.message(2)
    expect(kinds(peer.got)).toEqual([100, 200, 200])
    expect(user.cancels).toHaveLength(1)
    expect(user.cancels[0]?.invite).toBe(user.requests[0])
    expect(headerValue(user.cancels[0]?.cancel ?? fail(), 'Reason')).toBe('SIP;cause=200')
  })

  test('of an INVITE that was answered gets 200 and has no effect', async () => {
    const user = recordedUser(answer(200))
    const { udp } = await startLayer(user)
    const peer = await udpPeer(udp)
    peer.send(requestText('INVITE', peer.address, { branch: 'z9hG4bKd', callId: 'd' }))
    await peer.message(1)
    peer.send(requestText('CANCEL', peer.address, { branch: 'z9hG4bKd', callId: 'd' }))
    await peer.message(2)
    expect(kinds(peer.got)).toEqual([100, 200, 200])
    expect(user.cancels).toEqual([])
  })

  test('of nothing gets 481', async () => {
    const user = recordedUser()
    const { udp } = await startLayer(user)
    const peer = await udpPeer(udp)
    peer.send(requestText('CANCEL', peer.address))
    expect(kinds([await peer.message(0)])).toEqual([481])
    expect(user.requests).toEqual([])
  })
})

describe('another request', () => {
  test('that is repeated gets its response again and reaches the user once', async () => {
    const user = recordedUser(answer(200))
    const { udp, layer } = await startLayer(user)
    const peer = await udpPeer(udp)
    const options = requestText('OPTIONS', peer.address)
    peer.send(options)
    await peer.message(0)
    peer.send(options)
    await peer.message(1)
    expect(kinds(peer.got)).toEqual([200, 200])
    expect(user.requests).toHaveLength(1)
    await vi.waitFor(() => expect(layer.held.serverTransactions).toBe(0), settled)
  })

  test('that the user never answers is dropped when nobody waits for it any more', async () => {
    const user = recordedUser()
    const { udp, layer } = await startLayer(user)
    const peer = await udpPeer(udp)
    peer.send(requestText('INFO', peer.address))
    await vi.waitFor(() => expect(user.requests[0]?.state).toBe('terminated'), settled)
    expect(user.requests[0]?.respond(responseTo(user.requests[0].request, 200, { toTag: 'bob' }))).toBe(false)
    expect(layer.held.serverTransactions).toBe(0)
    expect(layer.counters.timeouts).toBe(1)
  })

  test('over TCP is forgotten as soon as it is answered', async () => {
    const { tcp, layer } = await startLayer(recordedUser(answer(200)))
    const peer = await tcpPeer(tcp)
    peer.send(requestText('OPTIONS', peer.address, { transport: 'TCP' }))
    expect(kinds([await peer.message(0)])).toEqual([200])
    expect(layer.held.serverTransactions).toBe(0)
  })
})

describe('the way back', () => {
  test('follows rport, which is filled in with the source (RFC 3581)', async () => {
    const user = recordedUser(answer(200))
    const { udp } = await startLayer(user)
    const peer = await udpPeer(udp)
    peer.send(requestText('OPTIONS', peer.address, { via: 'SIP/2.0/UDP nat.invalid:9;branch=z9hG4bKr;rport' }))
    const response = await peer.message(0)
    expect(headerValue(response, 'Via')).toBe(
      `SIP/2.0/UDP nat.invalid:9;branch=z9hG4bKr;rport=${peer.address.port};received=127.0.0.1`,
    )
  })

  test('without rport goes to the port of the Via', async () => {
    const { udp } = await startLayer(recordedUser(answer(200)))
    const sender = await udpPeer(udp)
    const named = await udpPeer(udp)
    sender.send(requestText('OPTIONS', sender.address, { via: `SIP/2.0/UDP 127.0.0.1:${named.address.port};branch=z9hG4bKs` }))
    expect(kinds([await named.message(0)])).toEqual([200])
    expect(sender.got).toEqual([])
  })

  test.each(['', ';rport=9'])('is never where a sender says that it came from: received=192.0.2.9%s', async rport => {
    const user = recordedUser(answer(200))
    const { udp, layer } = await startLayer(user)
    const peer = await udpPeer(udp)
    const via = `SIP/2.0/UDP 127.0.0.1:${peer.address.port};branch=z9hG4bKv;received=192.0.2.9${rport}`
    peer.send(requestText('INVITE', peer.address, { via }))
    await peer.message(1)
    layer.sendResponseStateless(responseTo(user.requests[0]?.request ?? fail(), 200, { toTag: null }))
    expect(headerValue(await peer.message(2), 'Via')).toBe(
      `SIP/2.0/UDP 127.0.0.1:${peer.address.port};branch=z9hG4bKv;received=127.0.0.1${rport && `;rport=${peer.address.port}`}`,
    )
  })

  test.each(['udp', 'tcp'] as const)('is found over %s by a response that has no transaction', async transport => {
    const user = recordedUser(answer(200))
    const { layer, udp, tcp } = await startLayer(user)
    const peer = transport === 'udp' ? await udpPeer(udp) : await tcpPeer(tcp)
    peer.send(requestText('INVITE', peer.address, { transport: transport === 'udp' ? 'UDP' : 'TCP' }))
    await peer.message(1)
    const [transaction] = user.requests
    if (transaction !== undefined) layer.sendResponseStateless(responseTo(transaction.request, 200, { toTag: 'other-fork' }))
    expect(headerValue(await peer.message(2), 'To')).toContain('other-fork')
  })
})

describe('guarding the door', () => {
  test('a request that the hook drops gets no answer, leaves nothing behind and is counted', async () => {
    const user = recordedUser(answer(200))
    const accept = vi.fn(() => 'drop' as const)
    const { udp, layer } = await startLayer(user, { accept })
    const peer = await udpPeer(udp)
    for (const method of ['OPTIONS', 'INVITE', 'ACK', 'CANCEL']) peer.send(requestText(method, peer.address))
    await vi.waitFor(() => expect(layer.counters.dropped).toBe(4), settled)
    expect(peer.got).toEqual([])
    expect(user).toMatchObject({ requests: [], acks: [], cancels: [] })
    expect(layer.held.serverTransactions).toBe(0)
  })

  test('a full table turns new requests away with 503 and Retry-After, and absorbs their ACKs', async () => {
    const user = recordedUser()
    const { udp, layer } = await startLayer(user, { limits: { maxTransactions: 2 } })
    const peer = await udpPeer(udp)
    peer.send(requestText('INVITE', peer.address))
    peer.send(requestText('INVITE', peer.address))
    await peer.message(1)
    const third = { branch: 'z9hG4bK3', callId: '3' }
    peer.send(requestText('INVITE', peer.address, third))
    const refusal = await peer.message(2)
    expect(kinds([refusal])).toEqual([503])
    expect(headerValue(refusal, 'Retry-After')).toBe('5')
    const toTag = headerValue(refusal, 'To')?.split('tag=')[1] ?? ''
    peer.send(requestText('ACK', peer.address, { ...third, toTag }))
    await vi.waitFor(() => expect(layer.counters.received).toBe(4), settled)
    expect(user.acks).toEqual([])
    expect(layer.counters.overloaded).toBe(1)
    expect(layer.held.serverTransactions).toBe(2)
  })

  test('a user who fails over a request costs that request only: it gets 500', async () => {
    let calls = 0
    const user = recordedUser(transaction => {
      if (calls++ === 0) throw new Error('a bug')
      answer(200)(transaction)
    })
    const { udp, layer, logged } = await startLayer(user)
    const peer = await udpPeer(udp)
    peer.send(requestText('OPTIONS', peer.address))
    await peer.message(0)
    peer.send(requestText('OPTIONS', peer.address))
    await peer.message(1)
    expect(kinds(peer.got)).toEqual([500, 200])
    expect(layer.counters.userErrors).toBe(1)
    expect(logged).toContainEqual({
      level: 'error',
      fields: expect.objectContaining({ callback: 'onRequest' }),
      msg: 'sip callback failed',
    })
  })
})

describe('the tap', () => {
  test('sees each new request and each response once, no 100, no repetition and no ACK to a refusal', async () => {
    const seen: SeenMessage[] = []
    const user = recordedUser(transaction => {
      answer(180)(transaction)
      answer(486)(transaction)
    })
    const { udp, layer } = await startLayer(user, { onSeen: message => seen.push(message) })
    const peer = await udpPeer(udp)
    const parts = { branch: 'z9hG4bKt', callId: 't' }
    peer.send(requestText('INVITE', peer.address, parts))
    peer.send(requestText('INVITE', peer.address, parts))
    await vi.waitFor(() => expect(layer.counters.retransmissionsSent).toBeGreaterThan(2), settled)
    peer.send(requestText('ACK', peer.address, { ...parts, toTag: 'bob' }))
    peer.send(requestText('ACK', peer.address, { callId: 'stray' }))
    await vi.waitFor(() => expect(user.acks).toHaveLength(1), settled)
    expect(seen.map(({ direction }) => direction)).toEqual(['received', 'sent', 'sent', 'received'])
    expect(kinds(seen.map(({ message }) => message))).toEqual(['INVITE', 180, 486, 'ACK'])
    expect(seen[0]?.peer).toEqual(peer.address)
    expect(Math.abs(Date.now() - (seen[0]?.at ?? 0))).toBeLessThan(60_000)
  })

  test('that throws does not hurt signalling', async () => {
    const { udp, layer } = await startLayer(recordedUser(answer(200)), {
      onSeen: () => {
        throw new Error('a bug')
      },
    })
    const peer = await udpPeer(udp)
    peer.send(requestText('OPTIONS', peer.address))
    expect(kinds([await peer.message(0)])).toEqual([200])
    expect(layer.counters.userErrors).toBe(2)
  })
})

test('stopping twice, in the middle of everything, leaves nothing that runs', async () => {
  const user = recordedUser()
  const { udp, layer } = await startLayer(user, { timers: { ...QUICK, t1Ms: 5 } })
  const peer = await udpPeer(udp)
  peer.send(requestText('INVITE', peer.address))
  peer.send(requestText('INFO', peer.address))
  await vi.waitFor(() => expect(user.requests).toHaveLength(2), settled)
  answer(486)(user.requests[0] ?? fail())
  await layer.stop()
  await layer.stop()
  expect(layer.held).toEqual({ serverTransactions: 0, clientTransactions: 0, connections: 0 })
  expect(user.requests.map(({ state }) => state)).toEqual(['terminated', 'terminated'])
})

function fail(): never {
  throw new Error('nothing came')
}
