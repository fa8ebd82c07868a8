/**
 * A local Partner Edition server: what the bridge delivers to when no account is configured, and what its tests deliver to. Not a
 * mock: it checks, stores, and gives back what it took, also after kill -9.
 *
 *   new ──start──▶ running ──stop──▶ stopped
 *
 * Invariants
 *  1 What was answered with 2xx is on disk (group-commit.ts, media-folder.ts).
 *  2 An Idempotency-Key has one effect (answers.ts).
 *  3 One process has the data at a time (database.ts).
 */
import { randomBytes } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { DatabaseSyncInstance } from '@photostructure/sqlite'
import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { Answers } from './answers.ts'
import { buildApp, type SandboxLog } from './app.ts'
import { closeDatabase, openDatabase } from './database.ts'
import { Faults } from './faults.ts'
import { GroupCommit } from './group-commit.ts'
import { MediaFolder } from './media-folder.ts'
import { RequestBudget } from './rate-limit.ts'
import { Account } from './support/account.ts'
import { filesInUse, recordingShelf, voicemailShelf } from './voice/audio/audio-shelf.ts'
import { Calls } from './voice/calls/call-log.ts'

export interface SandboxOptions {
  /** Holds sandbox.db and sandbox-media/. */
  readonly dataDir: string
  /** `host:port`, `[::1]:port`; port 0 takes a free one. */
  readonly listen: string
  /** `null`: one is made the first time and kept with the data. */
  readonly token: string | null
  readonly requestsPerMinute: number
  readonly log: SandboxLog
  /** Epoch ms. */
  readonly clock: () => number
  readonly version: string
  /** Of one audio file; 1 GiB unless said. */
  readonly fileLimitBytes?: number
}

/** Where the sandbox listens and what it wants to see as the bearer token. */
export interface SandboxAddress {
  readonly url: string
  readonly token: string
}

interface Running {
  readonly address: SandboxAddress
  readonly app: FastifyInstance
  readonly commits: GroupCommit
  readonly db: DatabaseSyncInstance
  readonly stopping: AbortController
}

const settingRow = z.object({ value: z.string() })

export class Sandbox {
  readonly #options: SandboxOptions
  #running: Promise<Running> | null = null

  constructor(options: SandboxOptions) {
    this.#options = options
  }

  /** Resolves when requests are taken. Throws, saying what to do, when the data is in use or the address is taken. */
  async start(): Promise<SandboxAddress> {
    const starting = this.#running ?? this.#start()
    this.#running = starting
    try {
      return (await starting).address
    } catch (cause) {
      // So that a later start tries again, and stop has nothing to do.
      if (this.#running === starting) this.#running = null
      throw cause
    }
  }

  /** Ends every connection at once; what was acknowledged stays. */
  async stop(): Promise<void> {
    const running = this.#running
    this.#running = null
    if (running === null) return
    const { app, commits, db, stopping } = await running
    stopping.abort()
    await app.close()
    commits.close()
    closeDatabase(db)
    this.#options.log.info({}, 'sandbox stopped')
  }

  async #start(): Promise<Running> {
    const { dataDir, listen, requestsPerMinute, log, clock, version, fileLimitBytes = 1024 ** 3 } = this.#options
    // 0700: it holds phone numbers and voices.
    await mkdir(dataDir, { recursive: true, mode: 0o700 })
    const db = openDatabase(join(dataDir, 'sandbox.db'))
    try {
      const token = this.#options.token ?? keptToken(db)
      const media = new MediaFolder(join(dataDir, 'sandbox-media'))
      const account = new Account(db, token, () => randomBytes(24).toString('base64url'))
      await media.sweep(new Set([...filesInUse(db), ...account.attachments.filesInUse()]))
      const commits = new GroupCommit(db)
      const stopping = new AbortController()
      const app = await buildApp({
        account,
        answers: new Answers(db, commits),
        budget: new RequestBudget(requestsPerMinute),
        calls: new Calls(db),
        clock,
        commits,
        db,
        faults: new Faults(),
        fileLimitBytes,
        log,
        media,
        recordings: recordingShelf(db),
        stopping: stopping.signal,
        version,
        voicemails: voicemailShelf(db),
      })
      const url = await app.listen(hostAndPort(listen))
      log.info({ url }, 'sandbox listening')
      return { address: { url, token }, app, commits, db, stopping }
    } catch (cause) {
      closeDatabase(db)
      throw cause
    }
  }
}

function keptToken(db: DatabaseSyncInstance): string {
  db.prepare("INSERT INTO settings (name, value) VALUES ('token', ?) ON CONFLICT DO NOTHING").run(
    randomBytes(24).toString('base64url'),
  )
  return settingRow.parse(db.prepare("SELECT value FROM settings WHERE name = 'token'").get()).value
}

function hostAndPort(listen: string): { readonly host: string; readonly port: number } {
  const match = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(listen)
  const host = match?.[1] ?? match?.[2]
  if (host === undefined) throw new Error(`sandbox.listen is "${listen}": write HOST:PORT, for example 127.0.0.1:8090`)
  return { host, port: Number(match?.[3]) }
}
