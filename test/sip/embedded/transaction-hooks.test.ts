import { describe, expect, test, vi } from 'vitest'
import { headerValue } from '../../../src/sip/message/headers.ts'
import type { SeenMessage } from '../../../src/sip/message/message.ts'
import { answer, kinds, QUICK, recordedUser, requestText, startLayer, udpPeer } from './transaction-peers.ts'

const settled = { timeout: 5_000, interval: 5 }

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
