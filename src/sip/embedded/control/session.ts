/**
 * One application's connection: cuts frames, lets nothing through before the secret, hands commands to their handlers and writes
 * what the server has to say. Knows the control protocol, not SIP.
 *
 * Invariants: (1) before `authenticate` succeeds, every command is refused and the connection closed; (2) what waits to be written is
 * bounded: an application that doesn't read is disconnected rather than remembered.
 */
import { timingSafeEqual } from 'node:crypto'
import type { Socket } from 'node:net'
import type { IdSource } from '../identifiers.ts'
import { type Command, parseCommand } from './command.ts'
import { encodeFrame, FrameDecoder } from './frame.ts'
import { responseLeader } from './report.ts'

/** Bytes that may wait for an application that reads slowly. */
const MAX_UNSENT_BYTES = 64 << 20

/** A command that only a known application may give. */
export type SipCommand = Exclude<Command, { kind: 'authenticate' | 'ping' }>

export interface SessionUser {
  /** Tokens that answer a successful `authenticate`: the addresses we listen on, the version, the local addresses. */
  welcome(): readonly string[]
  onCommand(command: SipCommand, session: ControlSession): void
  /** Called once, when the connection is gone. */
  onClosed(session: ControlSession): void
}

export interface SessionLog {
  debug(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

export class ControlSession {
  readonly #socket: Socket
  readonly #secret: Buffer
  readonly #user: SessionUser
  readonly #ids: IdSource
  readonly #log: SessionLog
  readonly #decoder = new FrameDecoder()
  #authenticated = false
  #closed = false
  #corked = false

  constructor(socket: Socket, secret: string, user: SessionUser, ids: IdSource, log: SessionLog) {
    this.#socket = socket
    this.#secret = Buffer.from(secret)
    this.#user = user
    this.#ids = ids
    this.#log = log
    socket.setNoDelay(true)
    socket.setKeepAlive(true, 45_000)
    socket.on('data', (chunk: Buffer) => this.#read(chunk))
    socket.on('error', error => this.#log.debug({ err: error }, 'control connection failed'))
    socket.on('close', () => this.#onClose())
  }

  get authenticated(): boolean {
    return this.#authenticated
  }

  get open(): boolean {
    return !this.#closed
  }

  /** Answers a command with OK. */
  ok(commandId: string, tokens: readonly string[] = [], message: Buffer | null = null): void {
    this.#write(encodeFrame(responseLeader(this.#ids.uuid(), commandId, 'OK', ...tokens), message))
  }

  /** Refuses a command; the connection stays. */
  nok(commandId: string, reason: string): void {
    this.#write(encodeFrame(responseLeader(this.#ids.uuid(), commandId, 'NOK', reason)))
  }

  /** Tells the application something it did not ask for; `leader` gets a fresh message id. */
  tell(leader: (uid: string) => string, message: Buffer): void {
    this.#write(encodeFrame(leader(this.#ids.uuid()), message))
  }

  /** Cuts the connection now. */
  destroy(): void {
    this.#socket.destroy()
  }

  #read(chunk: Buffer): void {
    const result = this.#decoder.push(chunk)
    if (!result.ok) {
      this.#log.warn({ reason: result.reason }, 'control connection closed: not a frame')
      this.#socket.destroy()
      return
    }
    for (const payload of result.frames) {
      if (this.#closed || this.#socket.writableEnded) return
      this.#guarded(parseCommand(payload))
    }
  }

  /** What a command makes throw is a bug of ours: the application is told, and all others go on. */
  #guarded(command: ReturnType<typeof parseCommand>): void {
    try {
      this.#execute(command)
    } catch (error) {
      this.#log.error({ err: error, command: command.kind }, 'control command failed')
      this.nok(command.id, 'Internal server error')
    }
  }

  #execute(command: ReturnType<typeof parseCommand>): void {
    if (command.kind === 'authenticate') this.#authenticate(command.id, command.secret)
    else if (!this.#authenticated) this.#expel(command.id, 'authenticate first')
    else if (command.kind === 'ping') this.ok(command.id, ['pong'])
    else if (command.kind !== 'refusal') this.#user.onCommand(command, this)
    else if (command.verdict === 'NO') this.#expel(command.id, command.reason)
    else this.nok(command.id, command.reason)
  }

  #authenticate(commandId: string, secret: string): void {
    const given = Buffer.from(secret)
    if (given.length === this.#secret.length && timingSafeEqual(given, this.#secret)) {
      this.#authenticated = true
      this.ok(commandId, this.#user.welcome())
    } else this.#expel(commandId, 'incorrect secret')
  }

  #expel(commandId: string, reason: string): void {
    this.#log.warn({ reason }, 'control connection refused')
    this.#write(encodeFrame(responseLeader(this.#ids.uuid(), commandId, 'NO', reason)))
    this.#socket.end()
  }

  /** Joins what one turn of the event loop says into one segment: under load, one system call for dozens of frames. */
  #write(frame: Buffer): void {
    if (this.#closed || this.#socket.writableEnded) return
    if (!this.#corked) {
      this.#corked = true
      this.#socket.cork()
      setImmediate(() => {
        this.#corked = false
        this.#socket.uncork()
      })
    }
    this.#socket.write(frame)
    if (this.#socket.writableLength > MAX_UNSENT_BYTES) {
      this.#log.warn({ unsent: this.#socket.writableLength }, 'control connection closed: the application does not read')
      this.#socket.destroy()
    }
  }

  #onClose(): void {
    if (this.#closed) return
    this.#closed = true
    this.#user.onClosed(this)
  }
}
