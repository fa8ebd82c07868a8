/**
 * A transcriber over HTTP, of the shape that OpenAI's `POST /v1/audio/transcriptions` has and that most speech servers share:
 * multipart/form-data with `model`, `response_format=json` and the `file`; the answer is `{"text": …}`. The MP3 is streamed.
 */
import { createReadStream } from 'node:fs'
import { basename } from 'node:path'
import { Readable } from 'node:stream'
import { Agent, type Dispatcher, request } from 'undici'
import type { EncodedAudio } from '../../events/recording.ts'
import { describe } from '../failure.ts'
import { saidInJson } from './said.ts'
import { type Heard, longestAnswerBytes, type Transcriber } from './transcriber.ts'

export interface HttpTranscriberOptions {
  /** The whole address. */
  readonly url: string
  readonly model: string
  /** Sent as Authorization: Bearer. */
  readonly token: string | null
  /** BCP 47; `null`: the transcriber finds out. */
  readonly language: string | null
}

/** The server has looked at the file, and will say the same of it next time. */
const refusals: ReadonlySet<number> = new Set([400, 413, 415, 422])
const longestPauseSeconds = 3_600

export class HttpTranscriber implements Transcriber {
  readonly #options: HttpTranscriberOptions
  // Listening to hours of audio takes its time: only the attempt's own timeout bounds the answer.
  readonly #agent = new Agent({ headersTimeout: 0, bodyTimeout: 0, connect: { timeout: 10_000 } })

  constructor(options: HttpTranscriberOptions) {
    this.#options = options
  }

  async transcribe(audio: EncodedAudio, signal: AbortSignal): Promise<Heard> {
    const { url, token } = this.#options
    try {
      signal.throwIfAborted()
      const { head, tail, boundary } = this.#form(audio)
      const answer = await request(url, {
        method: 'POST',
        dispatcher: this.#agent,
        headers: {
          'content-type': `multipart/form-data; boundary=${boundary}`,
          'content-length': String(head.length + audio.size + tail.length),
          accept: 'application/json',
          ...(token === null ? {} : { authorization: `Bearer ${token}` }),
        },
        body: Readable.from(pieces(head, audio.path, tail), { objectMode: false }),
        signal,
      })
      return this.#judge(answer.statusCode, answer.headers['retry-after'], await bodyOf(answer.body))
    } catch (error) {
      return { kind: 'retry', reason: this.#clean(`${url}: ${describe(error)}`), afterMs: null }
    }
  }

  async close(): Promise<void> {
    await this.#agent.destroy()
  }

  #judge(status: number, retryAfter: string | string[] | undefined, body: string): Heard {
    const { url } = this.#options
    if (status >= 200 && status < 300) {
      const said = saidInJson(body)
      if (said.ok) return { kind: 'heard', transcript: said.transcript }
      return { kind: 'retry', reason: `${url} answered ${status}, but ${said.reason}`, afterMs: null }
    }
    const reason = this.#clean(`${url} answered ${status}: ${body.slice(0, 300).replace(/\s+/g, ' ').trim()}`)
    if (refusals.has(status)) return { kind: 'refused', reason }
    const seconds = typeof retryAfter === 'string' && /^\d{1,6}$/.test(retryAfter) ? Number(retryAfter) : null
    return { kind: 'retry', reason, afterMs: seconds === null ? null : Math.min(seconds, longestPauseSeconds) * 1000 }
  }

  #form(audio: EncodedAudio): { readonly head: Buffer; readonly tail: Buffer; readonly boundary: string } {
    const { model, language } = this.#options
    // No file contains its own hash.
    const boundary = `tpe-${audio.sha256.slice(0, 48)}`
    const field = (name: string, value: string): string =>
      `--${boundary}\r\ncontent-disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`
    const file = `--${boundary}\r\ncontent-disposition: form-data; name="file"; filename="${fileName(audio.path)}"\r\ncontent-type: audio/mpeg\r\n\r\n`
    const fields = [field('model', model), field('response_format', 'json')]
    // OpenAI's takes ISO 639 alone: `de`, not `de-AT`.
    if (language !== null) fields.push(field('language', language.split('-')[0] ?? language))
    return { head: Buffer.from(`${fields.join('')}${file}`), tail: Buffer.from(`\r\n--${boundary}--\r\n`), boundary }
  }

  #clean(text: string): string {
    const { token } = this.#options
    return token === null ? text : text.replaceAll(token, '[token]')
  }
}

async function* pieces(head: Buffer, path: string, tail: Buffer): AsyncGenerator<Buffer> {
  yield head
  for await (const chunk of createReadStream(path)) yield chunk
  yield tail
}

async function bodyOf(body: Dispatcher.ResponseData['body']): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const piece of body) {
    const chunk: Buffer = piece
    size += chunk.length
    // Leaving the loop destroys the body, and with it the connection.
    if (size > longestAnswerBytes) throw new Error(`its answer is longer than ${longestAnswerBytes} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

/** The item's id and `.mp3`: by its ending a server tells what it is. */
function fileName(path: string): string {
  return basename(path).replace(/[^A-Za-z0-9._-]/g, '_')
}
