/**
 * A way to Zendesk that is cut at a chosen request, before it gets there or after it took effect: what a process sees that dies
 * between two requests, or whose network does. Once cut it stays so until it is mended.
 */
import { createServer, request as forward, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { onTestFinished } from 'vitest'

export interface Cut {
  /** Which request, from 1. */
  readonly at: number
  /** `before`: it never arrives. `after`: it takes effect, and nobody hears of it. */
  readonly when: 'before' | 'after'
}

export class CuttingProxy {
  readonly #target: URL
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  #cut: Cut | null = null
  #isCut = false
  #onCut: () => void = () => {}
  /** Requests that came since the last `arm`, as `METHOD path`. */
  readonly seen: string[] = []

  private constructor(target: string) {
    this.#target = new URL(target)
    this.#server = createServer((request, response) => void this.#take(request, response))
    this.#server.on('connection', socket => {
      this.#sockets.add(socket)
      socket.on('close', () => this.#sockets.delete(socket))
      if (this.#isCut) socket.destroy()
    })
  }

  static async to(target: string): Promise<CuttingProxy> {
    const proxy = new CuttingProxy(target)
    await new Promise<void>(resolve => proxy.#server.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => proxy.close())
    return proxy
  }

  get url(): string {
    const address = this.#server.address()
    return `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`
  }

  /** Counts from here; resolves when the cut has happened. `null`: never. */
  arm(cut: Cut | null): Promise<void> {
    this.seen.length = 0
    this.#cut = cut
    this.#isCut = false
    return new Promise(resolve => {
      this.#onCut = resolve
    })
  }

  /** Lets everything through again. */
  mend(): void {
    this.#cut = null
    this.#isCut = false
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    await new Promise(resolve => this.#server.close(resolve))
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.seen.push(`${request.method} ${request.url}`)
    const cut = this.#cut?.at === this.seen.length ? this.#cut.when : null
    if (this.#isCut || cut === 'before') return this.#cutNow()
    const { method, url: path, headers } = request
    const upstream = forward({ host: this.#target.hostname, port: this.#target.port, method, path, headers })
    upstream.on('error', () => response.destroy())
    upstream.on('response', answer => {
      if (cut === 'after') {
        // The effect is complete once its answer is.
        answer.resume().on('end', () => this.#cutNow())
        return
      }
      response.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.pipe(response)
    })
    // What breaks off on this side breaks off on the other.
    request.on('close', () => {
      if (!request.complete) upstream.destroy()
    })
    request.pipe(upstream)
  }

  #cutNow(): void {
    this.#isCut = true
    for (const socket of this.#sockets) socket.destroy()
    this.#onCut()
  }
}
