/**
 * The objects of one bucket, below one prefix. Each method is one request, tried once; a failure is an ArchiveError that says what it
 * means (blame.ts), or the signal's reason.
 *
 * Whatever is sent is a buffer: the SDK signs its SHA-256 (x-amz-content-sha256), so every store that checks signatures checks the
 * bytes. It leaves streams unsigned, and frames them as aws-chunked, which stores of some years ago keep as if it were content.
 */

import { createHash } from 'node:crypto'
import {
  AbortMultipartUploadCommand,
  type ChecksumAlgorithm,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  type S3Client,
  S3ServiceException,
  UploadPartCommand,
} from '@aws-sdk/client-s3'
import { ArchiveError, forGood } from '../archive.ts'
import { archiveError } from './blame.ts'
import { type S3Account, s3Client } from './client.ts'
import type { Metadata } from './metadata.ts'

export interface ObjectKind {
  readonly contentType: string
  readonly metadata: Metadata
}

export interface ObjectFacts {
  readonly size: number
  readonly metadata: Metadata
  /** Base64, as the store computed it; `null` when it does not tell, or only tells one of the parts. */
  readonly sha256: string | null
}

/** A part that the store has: its number, from 1, and what the store calls it. */
export interface KeptPart {
  readonly PartNumber: number
  readonly ETag: string
  readonly ChecksumSHA256?: string
}

export class S3Bucket {
  readonly #account: S3Account
  readonly #client: S3Client

  constructor(account: S3Account) {
    this.#account = account
    this.#client = s3Client(account)
  }

  /** Closes what is connected. Idempotent. */
  close(): void {
    this.#client.destroy()
  }

  /** `null`: there is no such object. */
  async head(key: string, signal: AbortSignal): Promise<ObjectFacts | null> {
    const command = new HeadObjectCommand({ ...this.#at(key), ...(this.#checked ? { ChecksumMode: 'ENABLED' } : {}) })
    const answer = await this.#ask(`look for ${key}`, signal, async abortSignal => {
      try {
        return await this.#client.send(command, { abortSignal })
      } catch (cause) {
        if (cause instanceof S3ServiceException) return this.#reasonOf(cause, key, abortSignal)
        throw cause
      }
    })
    if (answer === null) return null
    const { ContentLength: size = 0, Metadata: metadata = {}, ChecksumSHA256: sha256 } = answer
    return { size, metadata, sha256: sha256 === undefined || sha256.includes('-') ? null : sha256 }
  }

  async put(key: string, body: Buffer, { contentType, metadata }: ObjectKind, signal: AbortSignal): Promise<void> {
    const sha256 = createHash('sha256').update(body).digest()
    const command = new PutObjectCommand({
      ...this.#at(key),
      ...this.#keeping(),
      ...this.#checksum(sha256),
      Body: body,
      ContentLength: body.length,
      ContentType: contentType,
      Metadata: metadata,
    })
    await this.#ask(`keep ${key}`, signal, abortSignal => this.#client.send(command, { abortSignal }))
  }

  /** Begins an object of several parts; resolves with the upload's id. */
  async beginParts(key: string, { contentType, metadata }: ObjectKind, signal: AbortSignal): Promise<string> {
    const command = new CreateMultipartUploadCommand({
      ...this.#at(key),
      ...this.#keeping(),
      ...(this.#checked ? { ChecksumAlgorithm: sha256Algorithm } : {}),
      ContentType: contentType,
      Metadata: metadata,
    })
    const doing = `begin ${key}`
    const { UploadId: id } = await this.#ask(doing, signal, abortSignal => this.#client.send(command, { abortSignal }))
    if (id === undefined) throw unreadableAnswer(doing)
    return id
  }

  /** Every part but the last has at least 5 MiB; `number` counts from 1. */
  async putPart(key: string, uploadId: string, number: number, body: Buffer, signal: AbortSignal): Promise<KeptPart> {
    const sha256 = createHash('sha256').update(body).digest()
    const command = new UploadPartCommand({
      ...this.#at(key),
      ...this.#checksum(sha256),
      UploadId: uploadId,
      PartNumber: number,
      Body: body,
      ContentLength: body.length,
    })
    const doing = `keep part ${number} of ${key}`
    const { ETag } = await this.#ask(doing, signal, abortSignal => this.#client.send(command, { abortSignal }))
    if (ETag === undefined) throw unreadableAnswer(doing)
    return { PartNumber: number, ETag, ...this.#checksum(sha256) }
  }

  /** Makes the object of its parts. A store that answers 200 and then changes its mind is heard (the SDK reads the body). */
  async finishParts(key: string, uploadId: string, parts: readonly KeptPart[], signal: AbortSignal): Promise<void> {
    const command = new CompleteMultipartUploadCommand({
      ...this.#at(key),
      UploadId: uploadId,
      MultipartUpload: { Parts: [...parts] },
    })
    await this.#ask(`finish ${key}`, signal, abortSignal => this.#client.send(command, { abortSignal }))
  }

  async abortParts(key: string, uploadId: string, signal: AbortSignal): Promise<void> {
    const command = new AbortMultipartUploadCommand({ ...this.#at(key), UploadId: uploadId })
    await this.#ask(`give up the parts of ${key}`, signal, abortSignal => this.#client.send(command, { abortSignal }))
  }

  /** Uploads of one key that were begun before `before` (epoch ms) and never finished. */
  async unfinished(key: string, before: number, signal: AbortSignal): Promise<readonly string[]> {
    const { Bucket, Key } = this.#at(key)
    const command = new ListMultipartUploadsCommand({ Bucket, Prefix: Key })
    const doing = `look for unfinished uploads of ${key}`
    const { Uploads: uploads = [] } = await this.#ask(doing, signal, abortSignal => this.#client.send(command, { abortSignal }))
    return uploads.flatMap(({ Key: of, UploadId: id, Initiated: at }) =>
      of === Key && id !== undefined && at !== undefined && at.getTime() < before ? [id] : [],
    )
  }

  /** The object's bytes as they come. Rejects for good when there is no such object. */
  async *get(key: string, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    const doing = `give back ${key}`
    const command = new GetObjectCommand(this.#at(key))
    const { Body: body } = await this.#ask(doing, signal, abortSignal => this.#client.send(command, { abortSignal }))
    if (body === undefined || !(Symbol.asyncIterator in body)) throw unreadableAnswer(doing)
    try {
      yield* body
    } catch (cause) {
      throw signal.aborted ? signal.reason : archiveError(cause, doing)
    }
  }

  /** Also when there is no such object. */
  async remove(key: string, signal: AbortSignal): Promise<void> {
    const command = new DeleteObjectCommand(this.#at(key))
    await this.#ask(`delete ${key}`, signal, abortSignal => this.#client.send(command, { abortSignal }))
  }

  /** The keys that begin so, in the order of their bytes, a page of a thousand at a time. */
  async *keys(beginning: string, signal: AbortSignal): AsyncGenerator<string> {
    const { bucket, prefix } = this.#account
    let token: string | undefined
    do {
      const command = new ListObjectsV2Command({
        Bucket: bucket,
        Prefix: `${prefix}${beginning}`,
        ...(token === undefined ? {} : { ContinuationToken: token }),
      })
      const page = await this.#ask('list its objects', signal, abortSignal => this.#client.send(command, { abortSignal }))
      for (const { Key: key } of page.Contents ?? []) if (key !== undefined) yield key.slice(prefix.length)
      token = page.IsTruncated === true ? page.NextContinuationToken : undefined
    } while (token !== undefined)
  }

  /** A HEAD is refused without a word (it has no body), so the same is asked with a GET, which is told why. */
  async #reasonOf(refusal: S3ServiceException, key: string, abortSignal: AbortSignal): Promise<null> {
    if (refusal.name === 'NotFound') return null
    if ((refusal.$metadata.httpStatusCode ?? 0) < 500) {
      const command = new GetObjectCommand({ ...this.#at(key), Range: 'bytes=0-0' })
      const { Body: body } = await this.#client.send(command, { abortSignal })
      if (body !== undefined && 'destroy' in body) body.destroy()
    }
    throw refusal
  }

  get #checked(): boolean {
    return this.#account.checksums === 'sha256'
  }

  #at(key: string): { readonly Bucket: string; readonly Key: string } {
    return { Bucket: this.#account.bucket, Key: `${this.#account.prefix}${key}` }
  }

  #checksum(sha256: Buffer): { readonly ChecksumSHA256?: string } {
    return this.#checked ? { ChecksumSHA256: sha256.toString('base64') } : {}
  }

  #keeping() {
    const { storageClass, sse, kmsKeyId } = this.#account
    return {
      ...(storageClass === null ? {} : { StorageClass: storageClass }),
      ...(sse === null ? {} : { ServerSideEncryption: sse }),
      ...(kmsKeyId === null ? {} : { SSEKMSKeyId: kmsKeyId }),
    }
  }

  async #ask<T>(doing: string, signal: AbortSignal, send: (signal: AbortSignal) => Promise<T>): Promise<T> {
    signal.throwIfAborted()
    try {
      return await send(signal)
    } catch (cause) {
      throw signal.aborted ? signal.reason : archiveError(cause, doing)
    }
  }
}

const sha256Algorithm: ChecksumAlgorithm = 'SHA256'

/** An answer that lacks what every S3 gives is no S3's. */
const unreadableAnswer = (doing: string): ArchiveError =>
  new ArchiveError(`the archive did not ${doing}: its answer is not that of S3; correct archive.s3.endpoint`, forGood)
