import { describe, expect, test, vi } from 'vitest'
import { responseTo } from '../../../src/sip/embedded/responses.ts'
import { headerValue } from '../../../src/sip/message/headers.ts'
import { answer, kinds, recordedUser, requestText, startLayer, tcpPeer, udpPeer } from './transaction-peers.ts'

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

function fail(): never {
  throw new Error('nothing came')
}
