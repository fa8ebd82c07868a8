import { X509Certificate } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { identityProblem } from '../../../src/sip/embedded/transport/tls-identity.ts'
import { type CertificateParts, makeCertificate } from './certificates.ts'

const dns = (value: string) => ({ kind: 'dns', value }) as const
const uri = (value: string) => ({ kind: 'uri', value }) as const
const ip = (value: string) => ({ kind: 'ip', value }) as const

describe('a certificate (RFC 5922 section 7)', () => {
  it.each<[what: string, names: CertificateParts['names'], host: string, fits: boolean]>([
    ['bears the name as DNS name', [dns('sip.example')], 'sip.example', true],
    ['bears the name, whatever its case, and with the dot of the root', [dns('SIP.example')], 'sip.EXAMPLE.', true],
    ['bears another name', [dns('other.example')], 'sip.example', false],
    ['bears a wildcard, which is nobody’s name', [dns('*.example')], 'sip.example', false],
    ['bears the name as SIP URI', [uri('sip:sip.example')], 'sip.example', true],
    ['bears a SIP URI: then its DNS names do not count', [uri('sip:sip.example'), dns('other.example')], 'other.example', false],
    ['bears a URI of a person', [uri('sip:bob@sip.example')], 'sip.example', false],
    ['bears a URI of another scheme, and the DNS name', [uri('https://www.example'), dns('sip.example')], 'sip.example', true],
    ['bears the name as its subject, and has no other names', undefined, 'subject.example', true],
    ['bears the name as its subject, and another as DNS name', [dns('sip.example')], 'subject.example', false],
    ['bears the address', [ip('192.0.2.1')], '192.0.2.1', true],
    ['bears the address of IPv6', [ip('2001:db8::1')], '2001:db8::1', true],
    ['bears the address as text only', [dns('192.0.2.1')], '192.0.2.1', false],
    ['bears another address', [ip('192.0.2.1')], '192.0.2.2', false],
  ])('%s', (_, names, host, fits) => {
    const { der } = makeCertificate({ subject: 'subject.example', ...(names === undefined ? {} : { names }) })
    expect(new X509Certificate(der).subject).toBe('CN=subject.example')
    expect(identityProblem(der, [host]) === null).toBe(fits)
  })

  it('for one of several hosts will do, and for none says whose it is', () => {
    const { der } = makeCertificate({ subject: 'x', names: [dns('sip.example'), ip('192.0.2.1')] })
    expect(identityProblem(der, ['192.0.2.7', 'sip.example'])).toBeNull()
    expect(identityProblem(der, ['192.0.2.7', 'pbx.example'])).toBe(
      'is for DNS:sip.example, IP Address:192.0.2.1, not for 192.0.2.7 or pbx.example',
    )
  })
})
