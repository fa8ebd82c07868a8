/**
 * An S3 of our own, on loopback: it checks every signature (SigV4), every payload hash and checksum, knows multipart uploads and their
 * rule of 5 MiB, and fails as it is told to. Path-style addresses, one bucket. A body that is not signed, or framed as aws-chunked, is
 * refused: stores of some years ago would keep the frame.
 */
import { createHash, createHmac, randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface Kept {
  readonly bytes: Buffer
  readonly headers: Readonly<Record<string, string>>
  readonly sha256: string | null
}

export interface Asked {
  readonly operation: string
  readonly key: string
  readonly query: URLSearchParams
  readonly headers: IncomingMessage['headers']
}

/** `lose`: answers as if it had kept it. `late`: 200, and the error in its body. `cut`: no answer, and not done; `unheard`: done. `half`: the beginning of one. */
export type Fault =
  | { readonly status: number; readonly code?: string; readonly headers?: Record<string, string>; readonly html?: string }
  | 'lose'
  | 'late'
  | 'cut'
  | 'unheard'
  | 'half'

export const keys = { accessKey: 'AKIAEXAMPLE', secretKey: 'a/secret+key' }
export const bucket = 'calls'
const smallestPart = 5 * 1_048_576

/** Serves a store on a free port of loopback. */
export async function served(store: Store): Promise<{ readonly endpoint: string; close(): Promise<void> }> {
  const server = createServer((request, response) => {
    store.answer(request, response).catch(error => response.destroy(error))
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const close = (): Promise<void> =>
    new Promise(resolve => {
      server.close(() => resolve())
      server.closeAllConnections()
    })
  return { endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, close }
}

class Refused extends Error {
  readonly status: number
  readonly code: string
  readonly headers: Record<string, string>

  constructor(status: number, code: string, headers: Record<string, string> = {}) {
    super(code)
    this.status = status
    this.code = code
    this.headers = headers
  }
}

interface Upload {
  readonly key: string
  readonly headers: Record<string, string>
  readonly parts: Map<number, Buffer>
  readonly initiatedAt: number
}

export class Store {
  readonly objects = new Map<string, Kept>()
  readonly uploads = new Map<string, Upload>()
  readonly asked: Asked[] = []
  /** Asked once for each request whose signature is right. */
  fault: (asked: Asked) => Fault | null = () => null
  readonly pageSize = 3
  readonly #region: string
  readonly #checksums: boolean

  constructor(region: string, checksums: boolean) {
    this.#region = region
    this.#checksums = checksums
  }

  get operations(): readonly string[] {
    return this.asked.map(({ operation }) => operation)
  }

  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    const body = Buffer.concat(chunks)
    const url = new URL(request.url ?? '/', 'http://s3')
    const [, inBucket = '', ...rest] = url.pathname.split('/')
    const key = rest.map(decodeURIComponent).join('/')
    const asked = {
      operation: operationOf(request.method, key, url.searchParams),
      key,
      query: url.searchParams,
      headers: request.headers,
    }
    try {
      this.#verify(request, url, body)
      if (inBucket !== bucket) throw new Refused(404, 'NoSuchBucket')
      this.asked.push(asked)
      const fault = this.fault(asked)
      if (fault === 'unheard') this.#carryOut(asked, body)
      if (fault === 'cut' || fault === 'unheard') return void response.destroy()
      if (fault === 'half')
        return void response.writeHead(200, { 'content-length': '100000' }).write('half', () => response.destroy())
      if (fault === 'late') return void response.writeHead(200).end(errorXml('InternalError'))
      if (fault === 'lose')
        return void response
          .writeHead(200, { etag: '"lost"' })
          .end(asked.operation === 'Complete' ? xml('CompleteMultipartUploadResult', '<ETag>"x"</ETag>') : '')
      if (fault !== null) {
        if (fault.html === undefined) throw new Refused(fault.status, fault.code ?? 'Unknown', fault.headers)
        return void response.writeHead(fault.status, { 'content-type': 'text/html' }).end(fault.html)
      }
      const { status = 200, headers = {}, content = '' } = this.#carryOut(asked, body)
      response.writeHead(status, headers).end(request.method === 'HEAD' ? undefined : content)
    } catch (error) {
      if (!(error instanceof Refused)) throw error
      response.writeHead(error.status, error.headers).end(request.method === 'HEAD' ? undefined : errorXml(error.code))
    }
  }

  #verify({ method = '', headers }: IncomingMessage, url: URL, body: Buffer): void {
    const [, accessKey, day = '', region = '', signed = '', signature] =
      /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/s3\/aws4_request, SignedHeaders=([^,]+), Signature=([0-9a-f]{64})$/.exec(
        headers.authorization ?? '',
      ) ?? []
    if (accessKey !== keys.accessKey) throw new Refused(403, 'InvalidAccessKeyId')
    if (region !== this.#region) throw new Refused(400, 'AuthorizationHeaderMalformed', { 'x-amz-bucket-region': this.#region })
    const names = signed.split(';')
    const unsigned = Object.keys(headers).filter(name => (name.startsWith('x-amz-') || name === 'host') && !names.includes(name))
    if (unsigned.length > 0) throw new Refused(403, 'AccessDenied')
    const payload = String(headers['x-amz-content-sha256'])
    const canonical = [
      method,
      url.pathname,
      [...url.searchParams]
        .map(pair => pair.map(encode).join('='))
        .sort()
        .join('&'),
      ...names.map(name => `${name}:${String(headers[name]).trim().replace(/ +/g, ' ')}`),
      '',
      signed,
      payload,
    ].join('\n')
    const scope = `${day}/${region}/s3/aws4_request`
    const toSign = ['AWS4-HMAC-SHA256', headers['x-amz-date'], scope, sha256(Buffer.from(canonical)).toString('hex')].join('\n')
    const key = [day, region, 's3', 'aws4_request'].reduce<string | Buffer>((k, part) => hmac(k, part), `AWS4${keys.secretKey}`)
    if (hmac(key, toSign).toString('hex') !== signature) throw new Refused(403, 'SignatureDoesNotMatch')
    if (headers['content-encoding'] !== undefined || payload.startsWith('STREAMING-')) throw new Refused(501, 'NotImplemented')
    if (payload !== sha256(body).toString('hex')) throw new Refused(400, 'XAmzContentSHA256Mismatch')
    const promised = Object.keys(headers).filter(name => /^x-amz-(sdk-)?checksum-/.test(name))
    if (!this.#checksums && promised.length > 0) throw new Refused(501, 'NotImplemented')
    const checksum = headers['x-amz-checksum-sha256']
    if (checksum !== undefined && checksum !== sha256(body).toString('base64')) throw new Refused(400, 'BadDigest')
  }

  #carryOut(
    { operation, key, query, headers }: Asked,
    body: Buffer,
  ): { status?: number; headers?: Record<string, string>; content?: Buffer | string } {
    const upload = query.get('uploadId') ?? ''
    switch (operation) {
      case 'Put':
        this.objects.set(key, { bytes: body, headers: keptHeaders(headers), sha256: this.#told(body) })
        return { headers: { etag: etag(body) } }
      case 'Head':
      case 'Get': {
        const found = this.objects.get(key)
        if (found === undefined) throw new Refused(404, 'NoSuchKey')
        const told =
          headers['x-amz-checksum-mode'] === 'ENABLED' && found.sha256 !== null ? { 'x-amz-checksum-sha256': found.sha256 } : {}
        return {
          headers: { ...found.headers, ...told, 'content-length': `${found.bytes.length}`, etag: etag(found.bytes) },
          content: found.bytes,
        }
      }
      case 'Delete':
        this.objects.delete(key)
        return { status: 204 }
      case 'List':
        return { content: this.#list(query) }
      case 'Begin': {
        const id = randomUUID()
        this.uploads.set(id, { key, headers: keptHeaders(headers), parts: new Map(), initiatedAt: Date.now() })
        return { content: xml('InitiateMultipartUploadResult', `<UploadId>${id}</UploadId>`) }
      }
      case 'Part': {
        const parts = this.uploads.get(upload)?.parts
        if (parts === undefined) throw new Refused(404, 'NoSuchUpload')
        parts.set(Number(query.get('partNumber')), body)
        return { headers: { etag: etag(body) } }
      }
      case 'Complete':
        return { content: this.#complete(upload, body.toString()) }
      case 'Abort':
        this.uploads.delete(upload)
        return { status: 204 }
      case 'ListUploads':
        return { content: this.#listUploads(query.get('prefix') ?? '') }
      default:
        throw new Refused(501, 'NotImplemented')
    }
  }

  #complete(id: string, asked: string): string {
    const upload = this.uploads.get(id)
    if (upload === undefined) throw new Refused(404, 'NoSuchUpload')
    const numbers = [...asked.matchAll(/<PartNumber>(\d+)<\/PartNumber>/g)].map(([, number]) => Number(number))
    const tags = [...asked.matchAll(/<ETag>([^<]+)<\/ETag>/g)].map(([, tag]) => tag?.replaceAll('&quot;', '"'))
    const parts = numbers.map((number, i) => {
      const part = upload.parts.get(number)
      if (part === undefined || number !== i + 1 || etag(part) !== tags[i]) throw new Refused(400, 'InvalidPart')
      return part
    })
    if (parts.slice(0, -1).some(part => part.length < smallestPart)) throw new Refused(400, 'EntityTooSmall')
    const composite = this.#checksums ? `${sha256(Buffer.concat(parts.map(sha256))).toString('base64')}-${parts.length}` : null
    this.objects.set(upload.key, { bytes: Buffer.concat(parts), headers: upload.headers, sha256: composite })
    this.uploads.delete(id)
    return xml('CompleteMultipartUploadResult', `<ETag>"x-${parts.length}"</ETag>`)
  }

  #list(query: URLSearchParams): string {
    const [prefix, after] = [query.get('prefix') ?? '', query.get('continuation-token') ?? '']
    const found = [...this.objects.keys()].filter(key => key.startsWith(prefix) && key > after).sort()
    const page = found.slice(0, this.pageSize)
    const more = found.length > page.length
    return xml(
      'ListBucketResult',
      `<IsTruncated>${more}</IsTruncated>${more ? `<NextContinuationToken>${page.at(-1)}</NextContinuationToken>` : ''}${page.map(key => `<Contents><Key>${key}</Key></Contents>`).join('')}`,
    )
  }

  #listUploads(prefix: string): string {
    const uploads = [...this.uploads].filter(([, { key }]) => key.startsWith(prefix))
    return xml(
      'ListMultipartUploadsResult',
      uploads
        .map(([id, { key, initiatedAt }]) => {
          const initiated = new Date(initiatedAt).toISOString()
          return `<Upload><Key>${key}</Key><UploadId>${id}</UploadId><Initiated>${initiated}</Initiated></Upload>`
        })
        .join(''),
    )
  }

  #told(body: Buffer): string | null {
    return this.#checksums ? sha256(body).toString('base64') : null
  }
}

function operationOf(method = '', key: string, query: URLSearchParams): string {
  if (query.has('uploads')) return method === 'POST' ? 'Begin' : 'ListUploads'
  if (query.has('uploadId')) return method === 'PUT' ? 'Part' : method === 'POST' ? 'Complete' : 'Abort'
  if (method === 'GET' && key === '') return 'List'
  return { PUT: 'Put', GET: 'Get', HEAD: 'Head', DELETE: 'Delete' }[method] ?? method
}

/** What comes back with the object. */
function keptHeaders(headers: IncomingMessage['headers']): Record<string, string> {
  const kept = /^(x-amz-meta-|content-type$|x-amz-storage-class$|x-amz-server-side-encryption)/
  return Object.fromEntries(Object.entries(headers).flatMap(([name, value]) => (kept.test(name) ? [[name, String(value)]] : [])))
}

const sha256 = (bytes: Buffer): Buffer => createHash('sha256').update(bytes).digest()
const hmac = (key: string | Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest()
const etag = (bytes: Buffer): string => `"${createHash('md5').update(bytes).digest('hex')}"`
const encode = (text: string): string =>
  encodeURIComponent(text).replace(/[!'()*]/g, c => `%${c.charCodeAt(0).toString(16).toUpperCase()}`)
const xml = (root: string, content: string): string => `<?xml version="1.0" encoding="UTF-8"?><${root}>${content}</${root}>`
const errorXml = (code: string): string => xml('Error', `<Code>${code}</Code><Message>it said ${code}</Message>`)
