import { onTestFinished } from 'vitest'
import { type ClientOptions, WebSocket } from 'ws'

/** A client of the live feed that writes down what it is sent. Gone when the test ends. */
export class FeedClient {
  readonly socket: WebSocket
  readonly ids: string[] = []
  readonly closed: Promise<{ readonly code: number; readonly reason: string }>

  constructor(url: string, after: string | null = null, options: ClientOptions = {}, protocols: string[] = []) {
    const query = after === null ? '' : `?after=${encodeURIComponent(after)}`
    this.socket = new WebSocket(`${url.replace('http', 'ws')}/ws${query}`, protocols, options)
    this.socket.on('message', data => {
      const event: unknown = JSON.parse(data.toString())
      if (typeof event === 'object' && event !== null && 'id' in event) this.ids.push(String(event.id))
    })
    this.closed = new Promise(resolve => {
      this.socket.on('close', (code, reason) => resolve({ code, reason: reason.toString() }))
      this.socket.on('error', error => resolve({ code: 0, reason: error.message }))
    })
    onTestFinished(() => this.socket.terminate())
  }

  /** Resolves when connected; rejects when refused. */
  opened(): Promise<this> {
    return new Promise((resolve, reject) => {
      this.socket.on('open', () => resolve(this))
      this.socket.on('error', reject)
    })
  }
}
