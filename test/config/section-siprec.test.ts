import { describe, expect, test } from 'vitest'
import { siprec } from '../../src/config/section-siprec.ts'

describe('sip.siprec', () => {
  test('without a word serves nobody', () => {
    expect(siprec.parse({})).toEqual({
      peers: [],
      media: { ports: { first: 20_000, last: 20_999 }, listen: '0.0.0.0', advertise: null },
      maxSessions: 500,
      orphanAfterMs: 12 * 60 * 60_000,
    })
  })

  test('takes peers, ports and addresses', () => {
    const given = { peers: ['192.0.2.10', '2001:db8::/32'], media: { ports: '30000-30099', listen: '192.0.2.50' } }
    expect(siprec.parse(given)).toMatchObject({
      peers: given.peers,
      media: { ports: { first: 30_000, last: 30_099 }, listen: '192.0.2.50', advertise: null },
    })
  })

  test.each([
    [{ peers: ['192.0.2.10'] }, 'clients cannot send audio to 0.0.0.0'],
    [{ peers: ['pbx.example'] }, 'is neither an IP address nor a network'],
    [{ peers: ['192.0.2.0/33'] }, 'has a prefix above 32'],
    [{ media: { ports: '20001-20999' } }, 'does not begin with an even port'],
    [{ media: { ports: '20010-20001' } }, 'ends before it begins'],
    [{ media: { ports: '100-65999' } }, 'reaches below 1024 or above 65535'],
    [{ media: { ports: '20000' } }, 'is not a range of ports'],
    [{ media: { advertise: 'pbx.example' } }, 'is not an IP address'],
  ])('%j is refused: %s', (given, message) => {
    const result = siprec.safeParse(given)
    expect(result.success).toBe(false)
    expect(result.error?.issues.map(issue => issue.message).join()).toContain(message)
  })
})
