/** The room on the disk, as operators see it. */
import { resolve } from 'node:path'
import type { Logger } from 'pino'
import type { PartHealth } from '../admin/health.ts'
import type { MetricFamily } from '../admin/metrics.ts'
import type { Config } from '../config/schema.ts'
import { purposes, type SpaceLimits } from '../recordings/intake/space.ts'
import type { Spool } from '../recordings/intake/spool.ts'
import { SpoolSpace } from '../recordings/intake/spool-space.ts'

/** The limits of the section `spool`, on the disk that holds `data_dir`. */
export function spoolSpace(config: Pick<Config, 'dataDir' | 'spool'>, spool: Spool, log: Logger): SpoolSpace {
  return new SpoolSpace({ spool, folder: resolve(config.dataDir), limits: spaceLimits(config), clock: Date.now, log })
}

/** What the section `spool` says. */
export function spaceLimits({ spool }: Pick<Config, 'spool'>): SpaceLimits {
  return { minFreeBytes: spool.minFreeBytes, maxSpoolBytes: spool.maxBytes }
}

/** Says what stands still and what goes on. */
export function diskHealth(space: SpoolSpace): PartHealth {
  const { encoding, uploads } = space.status().shortages
  if (encoding !== null) {
    const reason = `no audio is encoded or taken by HTTP until there is room (recordings stay where they are, calls go on): ${encoding.reason}`
    return { state: 'degraded', reason }
  }
  if (uploads !== null)
    return { state: 'degraded', reason: `no recordings are taken by HTTP until there is room: ${uploads.reason}` }
  return { state: 'ok', reason: null }
}

export function diskMetrics(space: SpoolSpace): readonly MetricFamily[] {
  const { found, shortages } = space.status()
  const { encodingPutOff, uploadsPutOff } = space.counters
  const sizes: readonly (readonly [name: string, help: string, value: number])[] =
    found === null
      ? []
      : [
          ['disk_free_bytes', 'What is free where data_dir is, less what is held for audio under way', found.freeBytes],
          ['spool_bytes', 'Audio on its way', found.spoolBytes],
        ]
  return [
    ...sizes.map(
      ([name, help, value]): MetricFamily => ({
        name: `tpe_bridge_${name}`,
        help,
        type: 'gauge',
        samples: [{ labels: {}, value }],
      }),
    ),
    {
      name: 'tpe_bridge_spool_short',
      help: '1 while there is no room for more audio',
      type: 'gauge',
      samples: purposes.map(purpose => ({ labels: { for: purpose }, value: shortages[purpose] === null ? 0 : 1 })),
    },
    {
      name: 'tpe_bridge_spool_put_off_total',
      help: 'Files that found no room, since the start',
      type: 'counter',
      samples: [
        { labels: { for: 'encoding' }, value: encodingPutOff },
        { labels: { for: 'uploads' }, value: uploadsPutOff },
      ],
    },
  ]
}
