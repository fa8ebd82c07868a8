/** Whether a certificate belongs to the host that a SIP URI names (RFC 5922 section 7). Pure. */
import { X509Certificate } from 'node:crypto'
import { isIP } from 'node:net'
import { parseUri } from '../../message/uri.ts'

/**
 * What is wrong with the certificate (DER) for all of these hosts, in a sentence that completes "the certificate"; `null` when it is one's.
 *
 * `sip:` URIs among its alternative names come first; its DNS names count only when there is none, its subject only when there is no DNS name
 * either (7.1). A wildcard is nobody's name (7.2). IP addresses must be named as such.
 */
export function identityProblem(certificate: Buffer, hosts: readonly string[]): string | null {
  const parsed = new X509Certificate(certificate)
  const uris = sipHosts(parsed.subjectAltName ?? '')
  const isHost = (host: string): boolean => {
    if (isIP(host) !== 0) return parsed.checkIP(host) !== undefined
    const domain = host.toLowerCase().replace(/\.$/, '')
    return uris.length > 0
      ? uris.includes(domain)
      : parsed.checkHost(domain, { wildcards: false, subject: 'default' }) !== undefined
  }
  if (hosts.some(isHost)) return null
  const names = parsed.subjectAltName ?? parsed.subject.replaceAll('\n', ', ')
  return `is for ${names.slice(0, 200)}, not for ${hosts.join(' or ')}`
}

/** Hosts of the `URI:sip:HOST` among the names; one with a user identifies a person, and `sips:` is not to be used (7.1). */
function sipHosts(alternativeNames: string): string[] {
  return alternativeNames.split(', ').flatMap(name => {
    const uri = name.startsWith('URI:') ? parseUri(name.slice(4)) : null
    return uri?.scheme === 'sip' && uri.user === null ? [uri.host.toLowerCase()] : []
  })
}
