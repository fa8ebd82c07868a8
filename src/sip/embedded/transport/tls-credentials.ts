/** The certificate that this server shows, and whose certificates it believes: from files to what TLS sockets are made with. */
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { open } from 'node:fs/promises'
import { createSecureContext, type SecureContextOptions } from 'node:tls'

export interface TlsFiles {
  /** PEM: our certificate, followed by those between it and its root. */
  readonly cert: string
  /** PEM: its private key, without a passphrase. */
  readonly key: string
  /** PEM: the roots to believe instead of the well-known ones; `null` for those. */
  readonly ca: string | null
  /**
   * Who has to prove who they are. `servers`: those that we connect to, by a certificate for the host in their URI; `everyone`: also those
   * that connect to us, by any certificate of `ca`; `nobody`: encrypted, but with whom is not known.
   */
  readonly verifyPeers: 'servers' | 'everyone' | 'nobody'
}

export interface TlsCredentials {
  readonly context: SecureContextOptions
  readonly verifyPeers: TlsFiles['verifyPeers']
  /** When our certificate ends, epoch ms. */
  readonly expiresAt: number
}

/** A chain and its roots are some 10 kB; the well-known roots all together some 220 kB. */
const MAX_FILE_BYTES = 1_048_576

/** Reads and tries the files. Rejects with what is wrong with which of them, and what to do about it. */
export async function readTlsCredentials(files: TlsFiles): Promise<TlsCredentials> {
  const cert = await readPem(files.cert, 'sip.tls.cert')
  const key = await readPem(files.key, 'sip.tls.key')
  const ca = files.ca === null ? null : await readPem(files.ca, 'sip.tls.ca')
  const certificate = certificateIn(cert, files.cert, 'sip.tls.cert')
  if (ca !== null) certificateIn(ca, files.ca ?? '', 'sip.tls.ca')
  checkKey(certificate, key, files)
  const context: SecureContextOptions = { cert, key, minVersion: 'TLSv1.2', ...(ca === null ? {} : { ca }) }
  try {
    createSecureContext(context)
  } catch (error) {
    throw new Error(`sip.tls: ${files.cert} and ${files.key} make no TLS server (${messageOf(error)}); make them anew`, {
      cause: error,
    })
  }
  return { context, verifyPeers: files.verifyPeers, expiresAt: Date.parse(certificate.validTo) }
}

async function readPem(path: string, key: string): Promise<string> {
  try {
    const file = await open(path)
    try {
      if ((await file.stat()).size > MAX_FILE_BYTES) throw new Error('it is larger than 1 MiB')
      return await file.readFile('latin1')
    } finally {
      await file.close()
    }
  } catch (error) {
    throw new Error(`${key}: ${path} can't be read (${codeOf(error)}); correct the path, or let the bridge's user read it`, {
      cause: error,
    })
  }
}

function certificateIn(pem: string, path: string, key: string): X509Certificate {
  try {
    return new X509Certificate(pem)
  } catch (error) {
    throw new Error(`${key}: ${path} holds no certificate; it must be PEM and begin with -----BEGIN CERTIFICATE-----`, {
      cause: error,
    })
  }
}

function checkKey(certificate: X509Certificate, pem: string, files: TlsFiles): void {
  if (/ENCRYPTED/.test(pem))
    throw new Error(
      `sip.tls.key: ${files.key} wants a passphrase; store the key without one (openssl pkey -in OLD -out NEW), readable by the bridge alone`,
    )
  let matches: boolean
  try {
    matches = certificate.checkPrivateKey(createPrivateKey(pem))
  } catch (error) {
    throw new Error(`sip.tls.key: ${files.key} holds no private key; it must be PEM and begin with -----BEGIN PRIVATE KEY-----`, {
      cause: error,
    })
  }
  if (!matches)
    throw new Error(
      `sip.tls.key: ${files.key} is not the key of ${files.cert}; give both as they were made together, with the server's own certificate first`,
    )
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

const codeOf = (error: unknown): string => (error instanceof Error && 'code' in error ? String(error.code) : messageOf(error))
