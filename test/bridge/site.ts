/** A site for one test: a folder with a configuration, the phones of its PBX and of its carrier, and how to run the bridge there. */
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { IncomingCall } from './incoming-call.ts'
import { Phone } from './phone.ts'
import { RunningBridge } from './running-bridge.ts'
import { sandboxToken } from './sandbox-view.ts'

/** Two addresses, as a PBX and a carrier have: peers that share one are told apart by their ports alone. */
export const pbxHost = '127.0.0.3'
export const carrierHost = '127.0.0.2'

export interface SiteOptions {
  /** What the phone that is called does; by default it rings and answers. */
  readonly onCall?: (call: IncomingCall) => void
  /** Sections that replace the default ones. */
  readonly config?: object
}

const atEase = (call: IncomingCall): void => {
  call.ring()
  call.answer()
}

export class Site {
  readonly folder: string
  readonly pbx: Phone
  readonly carrier: Phone
  readonly configFile: string
  readonly monitor: string
  readonly voicemail: string
  readonly #running: RunningBridge[] = []
  #left = 0

  private constructor(folder: string, pbx: Phone, carrier: Phone) {
    this.folder = folder
    this.pbx = pbx
    this.carrier = carrier
    this.configFile = join(folder, 'bridge.yaml')
    this.monitor = join(folder, 'monitor')
    this.voicemail = join(folder, 'voicemail')
  }

  static async open({ onCall = atEase, config = {} }: SiteOptions = {}): Promise<Site> {
    const folder = await mkdtemp(join(tmpdir(), 'tpe-bridge-'))
    const site = new Site(folder, await Phone.open(pbxHost, onCall), await Phone.open(carrierHost, onCall))
    await mkdir(site.monitor)
    await mkdir(site.voicemail)
    await site.configure(config)
    return site
  }

  /** Writes the configuration (JSON is YAML), with `sections` in place of the default ones. */
  async configure(sections: object): Promise<void> {
    const config = {
      data_dir: join(this.folder, 'data'),
      shutdown_grace: '10s',
      sip: { listen: ['udp://127.0.0.1:0', 'tcp://127.0.0.1:0'], trunk: this.trunk() },
      agents: [{ extension: '1001', zendesk_id: 35436, name: 'Alice' }],
      recordings: {
        folders: [{ path: this.monitor, match: '(?<unique>[^_]+)_(?<call_id>.+)\\.(wav|WAV)$', settle: '0s' }],
        rescan_every: '1s',
      },
      voicemail: { folders: [{ path: this.voicemail, settle: '0s' }], rescan_every: '1s' },
      zendesk: { requests_per_minute: 100_000 },
      uploads: { retry: { base: '50ms', cap: '500ms' } },
      admin: { listen: '127.0.0.1:0' },
      sandbox: { listen: '127.0.0.1:0', requests_per_minute: 100_000, token: sandboxToken },
      ...sections,
    }
    await writeFile(this.configFile, JSON.stringify(config, null, 2))
  }

  trunk(): object {
    return { pbx: [`sip:${pbxHost}:${this.pbx.port}`], carrier: [`sip:${carrierHost}:${this.carrier.port}`] }
  }

  /** Runs `tpe-bridge start` until it says that it has started. */
  async start(): Promise<RunningBridge> {
    const bridge = RunningBridge.spawn(this.configFile, this.folder)
    this.#running.push(bridge)
    await bridge.started()
    return bridge
  }

  /** Runs `tpe-bridge start`, whatever becomes of it. */
  spawn(): RunningBridge {
    const bridge = RunningBridge.spawn(this.configFile, this.folder)
    this.#running.push(bridge)
    return bridge
  }

  /** Leaves a whole file in a folder at once, as a recorder that renames its file does. */
  async leave(path: string, content: Uint8Array): Promise<void> {
    await mkdir(dirname(path), { recursive: true })
    this.#left += 1
    const unfinished = join(this.folder, `unfinished-${this.#left}`)
    await writeFile(unfinished, content)
    await rename(unfinished, path)
  }

  async stopBridges(): Promise<void> {
    for (const bridge of this.#running) await bridge.kill()
  }

  async close(): Promise<void> {
    await this.stopBridges()
    this.pbx.close()
    this.carrier.close()
    await rm(this.folder, { recursive: true, force: true })
  }
}
