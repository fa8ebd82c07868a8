/**
 * Certificates for tests, made when they are needed: an authority, and what it signs, as DER written out by hand (RFC 5280), since Node can
 * read X.509 but not write it.
 */
import { generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { SocketAddress } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import type { TlsFiles } from '../../../src/sip/embedded/transport/tls-credentials.ts'

export interface Certificate {
  readonly cert: string
  readonly key: string
}

export interface CertificateParts {
  readonly subject: string
  /** Absent: no alternative names at all. */
  readonly names?: readonly { readonly kind: 'dns' | 'uri' | 'ip'; readonly value: string }[]
  /** Absent: signed by itself. */
  readonly issuer?: Certificate & { readonly subject: string }
  readonly isAuthority?: boolean
  readonly notAfter?: Date
}

export function makeCertificate(parts: CertificateParts): Certificate & { readonly subject: string; readonly der: Buffer } {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const key = pemOf(privateKey)
  const { subject, issuer, names, isAuthority = false, notAfter = new Date('2099-12-31T00:00:00Z') } = parts
  const extensions = [
    sequence(oid(BASIC_CONSTRAINTS), octets(isAuthority ? sequence(tlv(0x01, Buffer.from([255]))) : sequence())),
  ]
  if (names !== undefined) extensions.push(sequence(oid(ALTERNATIVE_NAMES), octets(sequence(...names.map(generalName)))))
  const toSign = sequence(
    tlv(0xa0, integer(2)),
    tlv(0x02, Buffer.concat([Buffer.from([1]), randomBytes(8)])),
    sequence(oid(ECDSA_WITH_SHA256)),
    nameOf(issuer?.subject ?? subject),
    sequence(time(new Date('2020-01-01T00:00:00Z')), time(notAfter)),
    nameOf(subject),
    publicKey.export({ type: 'spki', format: 'der' }),
    tlv(0xa3, sequence(...extensions)),
  )
  const signature = sign('sha256', toSign, issuer?.key ?? key)
  const der = sequence(toSign, sequence(oid(ECDSA_WITH_SHA256)), tlv(0x03, Buffer.concat([Buffer.from([0]), signature])))
  const lines = der.toString('base64').match(/.{1,64}/g) ?? []
  return { subject, key, der, cert: `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n` }
}

/** The names under which this machine calls itself. */
export const LOOPBACK_NAMES: NonNullable<CertificateParts['names']> = [
  { kind: 'dns', value: 'localhost' },
  { kind: 'ip', value: '127.0.0.1' },
  { kind: 'ip', value: '::1' },
]

/** Files of a certificate and who vouches for it, in a folder that goes when the test ends. */
export async function tlsFiles(
  of: Certificate,
  ca: string | null,
  verifyPeers: TlsFiles['verifyPeers'] = 'servers',
): Promise<TlsFiles> {
  const folder = await mkdtemp(join(tmpdir(), 'tls-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const files = { cert: join(folder, 'sip.crt'), key: join(folder, 'sip.key'), ca: ca === null ? null : join(folder, 'ca.crt') }
  await writeFile(files.cert, of.cert)
  await writeFile(files.key, of.key)
  if (ca !== null) await writeFile(join(folder, 'ca.crt'), ca)
  return { ...files, verifyPeers }
}

const ECDSA_WITH_SHA256 = '2a8648ce3d040302'
const COMMON_NAME = '550403'
const BASIC_CONSTRAINTS = '551d13'
const ALTERNATIVE_NAMES = '551d11'

function tlv(tag: number, ...parts: Buffer[]): Buffer {
  const content = Buffer.concat(parts)
  const { length } = content
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 255]
  return Buffer.concat([Buffer.from([tag, ...size]), content])
}

const sequence = (...parts: Buffer[]): Buffer => tlv(0x30, ...parts)
const oid = (hex: string): Buffer => tlv(0x06, Buffer.from(hex, 'hex'))
const octets = (content: Buffer): Buffer => tlv(0x04, content)
const integer = (value: number): Buffer => tlv(0x02, Buffer.from([value]))
const nameOf = (commonName: string): Buffer => sequence(tlv(0x31, sequence(oid(COMMON_NAME), tlv(0x0c, Buffer.from(commonName)))))
const time = (at: Date): Buffer => tlv(0x18, Buffer.from(`${at.toISOString().replace(/\D/g, '').slice(0, 14)}Z`))

function generalName({ kind, value }: { kind: 'dns' | 'uri' | 'ip'; value: string }): Buffer {
  if (kind === 'ip') return tlv(0x87, addressBytes(value))
  return tlv(kind === 'dns' ? 0x82 : 0x86, Buffer.from(value))
}

/** Of ::1 and 127.0.0.1, and of others without a gap. */
function addressBytes(address: string): Buffer {
  if (address.includes('.')) return Buffer.from(address.split('.').map(Number))
  const [left = '', right] = new SocketAddress({ address, family: 'ipv6' }).address.split('::')
  const groups = (text: string): number[] => (text === '' ? [] : text.split(':').map(group => Number.parseInt(group, 16)))
  const [before, after] = [groups(left), groups(right ?? '')]
  const all = [...before, ...new Array(8 - before.length - after.length).fill(0), ...after]
  return Buffer.from(all.flatMap(group => [group >> 8, group & 255]))
}

const pemOf = (key: KeyObject): string => key.export({ type: 'pkcs8', format: 'pem' }).toString()
