/** The small rules beside the timeline: who may send, which ports are free, how streams come into step. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { alignmentOf } from '../../../src/recordings/rtp/alignment.ts'
import { PortPool } from '../../../src/recordings/rtp/port-pool.ts'
import { fileNameOf } from '../../../src/recordings/rtp/sidecar-file.ts'
import { SourceLock } from '../../../src/recordings/rtp/source-lock.ts'
import { parseTelephoneEvent } from '../../../src/recordings/rtp/telephone-event.ts'

describe('the pool of ports', () => {
  test('gives whole pairs only, each once, until it is empty', () => {
    const pool = new PortPool({ first: 20_001, last: 20_008, quarantineMs: 0, now: () => 0 })
    expect([pool.lease(), pool.lease(), pool.lease(), pool.lease()]).toEqual([20_002, 20_004, 20_006, null])
  })

  test('lets a pair rest before it is given again, and never gives one twice', () => {
    fc.assert(
      fc.property(fc.array(fc.record({ lease: fc.boolean(), after: fc.nat(30), which: fc.nat(9) }), { maxLength: 60 }), steps => {
        let now = 0
        const pool = new PortPool({ first: 30_000, last: 30_009, quarantineMs: 50, now: () => now })
        const leased: number[] = []
        const releasedAt = new Map<number, number>()
        for (const { lease, after, which } of steps) {
          now += after
          if (lease) {
            const port = pool.lease()
            if (port === null) continue
            expect(leased).not.toContain(port)
            expect(now - (releasedAt.get(port) ?? -50)).toBeGreaterThanOrEqual(50)
            leased.push(port)
          } else {
            const [port] = leased.splice(which % Math.max(1, leased.length), 1)
            if (port === undefined) continue
            pool.release(port)
            pool.release(port)
            releasedAt.set(port, now)
          }
          expect([pool.size, pool.leased]).toEqual([5, leased.length])
        }
      }),
      { numRuns: 300 },
    )
  })
})

describe('the lock on a source', () => {
  const pbx = { address: '192.0.2.1', port: 4000 }
  const other = { address: '192.0.2.2', port: 4000 }

  test('takes only the address that was offered, from whatever port', () => {
    const lock = new SourceLock(() => false)
    lock.offer('192.0.2.1')
    expect([lock.takes(other, 0), lock.takes(pbx, 1), lock.takes({ ...pbx, port: 5 }, 2)]).toEqual([false, true, false])
    expect(lock.sender).toEqual(pbx)
  })

  test('takes others that may also send, when they come first or when the first one fell silent', () => {
    const lock = new SourceLock(address => address === '192.0.2.2')
    lock.offer('192.0.2.1')
    expect([lock.takes(other, 0), lock.takes(pbx, 1_999), lock.takes(pbx, 2_000), lock.takes(other, 2_001)]).toEqual([
      true,
      false,
      true,
      false,
    ])
  })

  test('knows an IPv4 sender on a socket of both families', () => {
    const lock = new SourceLock(() => false)
    lock.offer('192.0.2.1')
    expect(lock.takes({ address: '::ffff:192.0.2.1', port: 1 }, 0)).toBe(true)
  })

  test('is given up when another address is offered, and takes nobody without one', () => {
    const lock = new SourceLock(() => false)
    lock.offer('192.0.2.1')
    lock.takes(pbx, 0)
    lock.offer('192.0.2.2')
    expect([lock.takes(pbx, 1), lock.takes(other, 2)]).toEqual([false, true])
    lock.offer(null)
    expect(lock.takes(pbx, 9_000)).toBe(false)
  })
})

describe('streams of one sender', () => {
  test('wait for the last one, as far as it is plausible and worth it', () => {
    const stream = (id: string, sender: string, offsetMs: number) => ({ id, sender, offsetMs })
    const biases = alignmentOf([
      stream('a', 'x', 100),
      stream('b', 'x', 180),
      stream('c', 'x', 175),
      stream('d', 'y', 60),
      stream('e', 'x', 9_000),
    ])
    expect([...biases]).toEqual([['a', 80]])
  })
})

test('a key that was pressed is read; what is none, or cut short, is not', () => {
  expect(parseTelephoneEvent(Uint8Array.from([11, 0x8a, 3, 0x20]))).toEqual({ key: '#', ended: true, ticks: 800 })
  expect(parseTelephoneEvent(Uint8Array.from([16, 0x8a, 3, 0x20]))).toBeNull()
  expect(parseTelephoneEvent(Uint8Array.from([1, 0x8a, 3]))).toBeNull()
})

test.each([
  ['a84b4c76e66710@pbx.example', 'a84b4c76e66710@pbx.example'],
  ['../../etc/passwd', '_._.._etc_passwd'],
  ['.hidden', '_hidden'],
  ['', '_'],
  ['a b\0c', 'a_b_c'],
])('the key %j becomes the file name %j', (key, name) => {
  expect(fileNameOf(key)).toBe(name)
})
