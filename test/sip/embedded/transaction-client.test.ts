import { describe, expect, test, vi } from 'vitest'
import { firstValue, headerValue, headerValues } from '../../../src/sip/message/headers.ts'
import { serializeMessage } from '../../../src/sip/message/serialize.ts'
import { parseVia } from '../../../src/sip/message/via.ts'
import {
  answerTo,
  asRequest,
  cseqOf,
  kinds,
  outgoing,
  recordedAnswers,
  recordedUser,
  startLayer,
  tcpPeer,
  tcpServer,
  udpPeer,
} from './transaction-peers.ts'

const settled = { timeout: 5_000, interval: 5 }
const branchOf = (value: string | null): string => parseVia(value ?? '')?.params.get('branch') ?? ''

describe('an INVITE that we send', () => {
  test('goes out under our Via, repeats at T1 doubling for ever, and times out after 64 T1', async () => {
    const { layer, udp } = await startLayer(recordedUser())
    const peer = await udpPeer(null)
    const answers = recordedAnswers()
    const transaction = layer.request(outgoing('INVITE'), peer.address, answers)
    await vi.waitFor(() => expect(answers.failures).toHaveLength(1), settled)
    // 0, 10, 30, 70, 150, 310 and 630 of 640.
    await vi.waitFor(() => expect(kinds(peer.got)).toEqual(Array(7).fill('INVITE')), settled)
    expect(answers.failures).toEqual([{ failure: 'timeout', detail: 'no response within 640 ms' }])
    expect(answers.responses).toEqual([])
    expect(layer.counters).toMatchObject({ timeouts: 1, retransmissionsSent: 6 })
    expect(layer.held.clientTransactions).toBe(0)
    const via = headerValue(asRequest(await peer.message(0)), 'Via')
    expect(via).toMatch(/^SIP\/2\.0\/UDP 127\.0\.0\.1:\d+;branch=z9hG4bK\w{10,};rport$/)
    expect(parseVia(via ?? '')?.port).toBe(udp.port)
    expect(transaction.local).toEqual(udp)
    expect(new Set(peer.got.map(message => headerValue(message, 'Via'))).size).toBe(1)
  })

  test('stops repeating at the first response, which may be 100, and waits as long as it rings', async () => {
    const { layer, udp } = await startLayer(recordedUser())
    const peer = await udpPeer(udp, message => {
      if (message.kind === 'request' && message.method === 'INVITE') peer.send(serializeMessage(answerTo(message, 100)))
    })
    const answers = recordedAnswers()
    const transaction = layer.request(outgoing('INVITE'), peer.address, answers)
    await vi.waitFor(() => expect(answers.responses.length).toBeGreaterThan(0), settled)
    // On a busy machine one or two may have gone out before the 100 came.
    const repeated = layer.counters.retransmissionsSent
    // A second, unanswered transaction is the clock: when it times out, the first one has outlived timer B.
    const clock = recordedAnswers()
    layer.request(outgoing('OPTIONS'), peer.address, clock)
    await vi.waitFor(() => expect(clock.failures).toHaveLength(1), settled)
    expect(new Set(kinds(answers.responses))).toEqual(new Set([100]))
    expect(answers.failures).toEqual([])
    expect(kinds(peer.got).filter(kind => kind === 'INVITE')).toHaveLength(1 + repeated)
    transaction.abandon()
    expect(layer.held.clientTransactions).toBe(0)
  })

  test('when refused sends the ACK itself, again for each repetition, and tells the user once', async () => {
    const { layer, udp } = await startLayer(recordedUser())
    const peer = await udpPeer(udp)
    const answers = recordedAnswers()
    const route = { name: 'Route', value: '<sip:127.0.0.1;lr>' }
    layer.request(outgoing('INVITE', [route]), peer.address, answers)
    const invite = asRequest(await peer.message(0))
    const refusal = serializeMessage(answerTo(invite, 486, 'busy'))
    peer.send(refusal)
    peer.send(refusal)
    peer.send(refusal)
    await vi.waitFor(() => expect(kinds(peer.got).filter(kind => kind === 'ACK')).toHaveLength(3), settled)
    const ack = asRequest(peer.got.find(message => message.kind === 'request' && message.method === 'ACK') ?? invite)
    expect(headerValues(ack, 'Via')).toEqual([headerValue(invite, 'Via')])
    expect(ack.uri).toBe(invite.uri)
    expect(headerValue(ack, 'To')).toBe('<sip:bob@127.0.0.1>;tag=busy')
    expect(headerValue(ack, 'Route')).toBe(route.value)
    expect(cseqOf(ack)).toBe('1 ACK')
    expect(kinds(answers.responses)).toEqual([486])
    await vi.waitFor(() => expect(layer.held.clientTransactions).toBe(0), settled)
  })

  test('when answered passes every 2xx, of forks too, for 64 T1, and later ones as strays', async () => {
    const user = recordedUser()
    const { layer, udp } = await startLayer(user)
    const peer = await udpPeer(udp)
    const answers = recordedAnswers()
    layer.request(outgoing('INVITE'), peer.address, answers)
    const invite = await peer.message(0)
    for (const tag of ['one', 'one', 'two']) peer.send(serializeMessage(answerTo(invite, 200, tag)))
    peer.send(serializeMessage(answerTo(invite, 180, 'three')))
    await vi.waitFor(() => expect(kinds(answers.responses)).toEqual([200, 200, 200]), settled)
    await vi.waitFor(() => expect(layer.held.clientTransactions).toBe(0), settled)
    peer.send(serializeMessage(answerTo(invite, 200, 'late')))
    await vi.waitFor(() => expect(kinds(user.strays)).toEqual([200]), settled)
    expect(answers.responses).toHaveLength(3)
    expect(answers.failures).toEqual([])
    expect(kinds(peer.got)).not.toContain('ACK')
  })

  test('over TCP is sent once, and refused is forgotten at once', async () => {
    const { layer, tcp } = await startLayer(recordedUser())
    const server = await tcpServer()
    const answers = recordedAnswers()
    layer.request(outgoing('INVITE'), server.address, answers)
    const invite = asRequest(await server.message(0))
    expect(firstValue(invite, 'Via')).toContain(`SIP/2.0/TCP 127.0.0.1:${tcp.port};`)
    server.send(serializeMessage(answerTo(invite, 404)))
    expect(kinds([await server.message(1)])).toEqual(['ACK'])
    expect(kinds(answers.responses)).toEqual([404])
    expect(layer.held.clientTransactions).toBe(0)
    expect(layer.counters.retransmissionsSent).toBe(0)
  })

  test('over TCP that nobody answers times out too', async () => {
    const { layer } = await startLayer(recordedUser())
    const server = await tcpServer()
    const answers = recordedAnswers()
    layer.request(outgoing('INVITE'), server.address, answers)
    await vi.waitFor(() => expect(answers.failures).toHaveLength(1), settled)
    expect(kinds(server.got)).toEqual(['INVITE'])
  })
})

describe('cancelling', () => {
  test('waits for a provisional response, then sends one CANCEL with the branch of the INVITE', async () => {
    const { layer, udp } = await startLayer(recordedUser())
    const peer = await udpPeer(udp)
    const answers = recordedAnswers()
    const transaction = layer.request(outgoing('INVITE'), peer.address, answers)
    const invite = asRequest(await peer.message(0))
    transaction.cancel([{ name: 'Reason', value: 'SIP;cause=200' }])
    await peer.message(1)
    expect(kinds(peer.got)).not.toContain('CANCEL')
    peer.send(serializeMessage(answerTo(invite, 180)))
    const cancel = await vi.waitFor(
      () =>
        asRequest(peer.got.find(message => message.kind === 'request' && message.method === 'CANCEL') ?? answerTo(invite, 100)),
      settled,
    )
    transaction.cancel([])
    peer.send(serializeMessage(answerTo(cancel, 200)))
    peer.send(serializeMessage(answerTo(invite, 487)))
    await vi.waitFor(() => expect(kinds(answers.responses)).toEqual([180, 487]), settled)
    await vi.waitFor(() => expect(layer.held.clientTransactions).toBe(0), settled)
    // A repetition of the first may have crossed its answer; a second one would not have its Reason.
    const cancels = peer.got.filter(message => message.kind === 'request' && message.method === 'CANCEL')
    expect(new Set(cancels.map(message => headerValue(message, 'Reason')))).toEqual(new Set(['SIP;cause=200']))
    expect(branchOf(headerValue(cancel, 'Via'))).toBe(branchOf(headerValue(invite, 'Via')))
    expect(cancel.uri).toBe(invite.uri)
    expect(cseqOf(cancel)).toBe('1 CANCEL')
    expect(headerValue(cancel, 'To')).toBe('<sip:bob@127.0.0.1>')
    expect(answers.failures).toEqual([])
  })

  test('ends in a timeout when no final response follows within 64 T1', async () => {
    const { layer, udp } = await startLayer(recordedUser())
    const peer = await udpPeer(udp)
    const answers = recordedAnswers()
    const transaction = layer.request(outgoing('INVITE'), peer.address, answers)
    peer.send(serializeMessage(answerTo(await peer.message(0), 180)))
    await vi.waitFor(() => expect(answers.responses).toHaveLength(1), settled)
    transaction.cancel([])
    await vi.waitFor(() => expect(answers.failures).toHaveLength(1), settled)
    expect(answers.failures[0]).toEqual({ failure: 'timeout', detail: 'no final response within 640 ms of CANCEL' })
    await vi.waitFor(() => expect(layer.held.clientTransactions).toBe(0), settled)
  })

  test('has no effect after a final response, and none on another request', async () => {
    const { layer, udp } = await startLayer(recordedUser())
    const peer = await udpPeer(udp)
    const answers = recordedAnswers()
    const invite = layer.request(outgoing('INVITE'), peer.address, answers)
    peer.send(serializeMessage(answerTo(await peer.message(0), 200)))
    await vi.waitFor(() => expect(answers.responses).toHaveLength(1), settled)
    invite.cancel([])
    const options = layer.request(outgoing('OPTIONS'), peer.address, recordedAnswers())
    options.cancel([])
    await vi.waitFor(() => expect(layer.held.clientTransactions).toBe(0), settled)
    expect(kinds(peer.got)).not.toContain('CANCEL')
  })
})

describe('another request that we send', () => {
  test('repeats at T1 doubling to T2 and times out after 64 T1', async () => {
    const { layer } = await startLayer(recordedUser())
    const peer = await udpPeer(null)
    const answers = recordedAnswers()
    layer.request(outgoing('BYE'), peer.address, answers)
    await vi.waitFor(() => expect(answers.failures).toHaveLength(1), settled)
    // 10, 30, and then every 40: 70, 110 … 630.
    expect(layer.counters).toMatchObject({ retransmissionsSent: 17, timeouts: 1 })
    await vi.waitFor(() => expect(peer.got).toHaveLength(18), settled)
  })

  test('goes on at T2 after a provisional response', async () => {
    const { layer, udp } = await startLayer(recordedUser(), { timers: { t1Ms: 10, t2Ms: 200, t4Ms: 50 } })
    const peer = await udpPeer(udp)
    const answers = recordedAnswers()
    layer.request(outgoing('BYE'), peer.address, answers)
    peer.send(serializeMessage(answerTo(await peer.message(0), 100)))
    await vi.waitFor(() => expect(answers.failures).toHaveLength(1), settled)
    // Without the 100: 10, 30, 70, 150, 310, 510. With it at most two before it, then every 200.
    expect(layer.counters.retransmissionsSent).toBeLessThanOrEqual(5)
    expect(kinds(answers.responses)).toEqual([100])
  })

  test('takes one final response and absorbs its repetitions', async () => {
    const user = recordedUser()
    const { layer, udp } = await startLayer(user)
    const peer = await udpPeer(udp)
    const answers = recordedAnswers()
    layer.request(outgoing('BYE'), peer.address, answers)
    const bye = await peer.message(0)
    for (let times = 0; times < 3; times++) peer.send(serializeMessage(answerTo(bye, 200)))
    await vi.waitFor(() => expect(layer.counters.retransmissionsReceived).toBe(2), settled)
    expect(kinds(answers.responses)).toEqual([200])
    expect(user.strays).toEqual([])
    await vi.waitFor(() => expect(layer.held.clientTransactions).toBe(0), settled)
  })
})

describe('what can not be sent', () => {
  test('over a TCP port where nobody listens is a transport failure, told in a later tick', async () => {
    const { layer } = await startLayer(recordedUser())
    const answers = recordedAnswers()
    const nobody = { transport: 'tcp', address: '127.0.0.1', port: 1 } as const
    layer.request(outgoing('INVITE'), nobody, answers)
    expect(answers.failures).toEqual([])
    await vi.waitFor(() => expect(answers.failures).toHaveLength(1), settled)
    expect(answers.failures[0]).toMatchObject({ failure: 'transport', detail: expect.stringContaining('ECONNREFUSED') })
    expect(layer.counters.transportErrors).toBe(1)
    expect(layer.held).toMatchObject({ clientTransactions: 0, connections: 0 })
  })

  test('by a transport that we have no socket for says what to configure', async () => {
    const { layer } = await startLayer(recordedUser(), { listen: ['udp://127.0.0.1:0'] })
    const answers = recordedAnswers()
    layer.request(outgoing('OPTIONS'), { transport: 'tcp', address: '127.0.0.1', port: 5060 }, answers)
    await vi.waitFor(() => expect(answers.failures).toHaveLength(1), settled)
    expect(answers.failures[0]?.detail).toBe('no tcp socket can reach 127.0.0.1; add one to sip.listen')
  })

  test('in one datagram is a transport failure', async () => {
    const { layer } = await startLayer(recordedUser())
    const peer = await udpPeer(null)
    const answers = recordedAnswers()
    layer.request({ ...outgoing('MESSAGE'), body: Buffer.alloc(66_000) }, peer.address, answers)
    await vi.waitFor(() => expect(answers.failures).toHaveLength(1), settled)
    expect(answers.failures[0]).toMatchObject({ failure: 'transport', detail: expect.stringContaining('EMSGSIZE') })
  })

  test('a user who fails over a response does not hurt the transaction', async () => {
    const { layer, udp } = await startLayer(recordedUser())
    const peer = await udpPeer(udp)
    layer.request(outgoing('INVITE'), peer.address, {
      onResponse: () => {
        throw new Error('a bug')
      },
      onFailure: () => {},
    })
    peer.send(serializeMessage(answerTo(await peer.message(0), 486)))
    await vi.waitFor(() => expect(kinds(peer.got)).toContain('ACK'), settled)
    expect(layer.counters.userErrors).toBe(1)
  })
})

test('a request without transaction goes out under a Via of its own each time', async () => {
  const { layer } = await startLayer(recordedUser())
  const peer = await udpPeer(null)
  const ack = outgoing('ACK')
  layer.sendStateless(ack, peer.address)
  layer.sendStateless(ack, peer.address)
  await peer.message(1)
  expect(kinds(peer.got)).toEqual(['ACK', 'ACK'])
  expect(new Set(peer.got.map(message => branchOf(headerValue(message, 'Via')))).size).toBe(2)
  expect(layer.held.clientTransactions).toBe(0)
})

test('one TCP connection carries all requests to a far end, and one that the far end opened is used too', async () => {
  const { layer, tcp } = await startLayer(recordedUser())
  const server = await tcpServer()
  for (let times = 0; times < 5; times++) layer.request(outgoing('OPTIONS'), server.address, recordedAnswers())
  await server.message(4)
  expect(server.sockets).toHaveLength(1)
  const client = await tcpPeer(tcp)
  await vi.waitFor(() => expect(layer.counters.connectionsAccepted).toBe(1), settled)
  layer.request(outgoing('OPTIONS'), client.address, recordedAnswers())
  await client.message(0)
  expect(layer.counters).toMatchObject({ connectionsOpened: 1, connectionsAccepted: 1 })
})
