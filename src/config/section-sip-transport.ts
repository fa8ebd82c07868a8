/** The keys below `sip` about TLS and about connections. */
import { z } from 'zod'
import { complain, duration, integer, path } from './fields.ts'

export const tls = z
  .strictObject({
    cert: path().optional().meta({
      description:
        'Certificate of this server for tls:// listeners, as PEM, followed by those between it and its root. Shown to whoever connects, and to those that we connect to.',
      example: '/etc/tpe-bridge/sip.crt',
    }),
    key: path().optional().meta({
      description: 'Its private key, as PEM, without a passphrase; readable by the bridge’s user alone.',
      example: '/etc/tpe-bridge/sip.key',
    }),
    ca: path().optional().meta({
      description:
        'Certificates of those who may vouch for peers, as PEM: your own authority’s, or a peer’s self-signed one. Absent: the public authorities.',
      example: '/etc/tpe-bridge/peers-ca.crt',
    }),
    verify_peers: z
      .enum(['servers', 'everyone', 'nobody'])
      .prefault('servers')
      .describe(
        'Who has to prove who they are. servers: those that we connect to, by a certificate for the host in their URI (a name, without wildcards; an address only where the certificate holds it); everyone: also those that connect to us, by any certificate of `ca`; nobody: calls are encrypted, but anyone in between could pose as the peer.',
      ),
  })
  .superRefine(({ cert, key, ca, verify_peers }, context) => {
    const refuse = (at: string, why: string, fix: string) =>
      context.addIssue({ code: 'custom', path: [at], message: complain(why, fix) })
    if (cert !== undefined && key === undefined)
      refuse('key', 'is missing: sip.tls.cert is set', 'add the private key of that certificate: key: FILE')
    if (key !== undefined && cert === undefined)
      refuse('cert', 'is missing: sip.tls.key is set', 'add the certificate of that key: cert: FILE')
    if (verify_peers === 'everyone' && ca === undefined)
      refuse(
        'ca',
        'is missing: sip.tls.verify_peers is everyone',
        'name who vouches for your peers, or anyone with a public certificate gets in',
      )
  })
  .transform(({ cert, key, ca, verify_peers }) =>
    cert === undefined || key === undefined ? null : { cert, key, ca: ca ?? null, verifyPeers: verify_peers },
  )

export const connections = z
  .strictObject({
    total: integer(1, 100_000)
      .prefault(1_000)
      .describe(
        'TCP and TLS connections that others may open to the bridge; further ones are closed at once. It opens as many itself.',
      ),
    per_peer: integer(1, 100_000).prefault(100).describe('Those of one IP address.'),
    idle: duration('2m')
      .prefault('1h')
      .describe(
        'A connection without a byte for this long is closed. Longer than the longest pause within a call: the session timers or keep-alives of your peers.',
      ),
  })
  .transform(({ total, per_peer, idle }) => ({ total, perPeer: per_peer, idleMs: idle }))
