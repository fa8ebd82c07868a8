/**
 * A day of traffic for each seed, against a Zendesk that fails in every way it can, with kills, clock jumps and crashes of the database:
 * `node bench/faults.mjs [--seeds 2000] [--store sqlite|postgres] [--first 0]`. Says what was done, and exits with 1 when anything was lost,
 * doubled, out of order or late; then with the whole history of the world that it happened in.
 */
import { join } from 'node:path'
import { exit } from 'node:process'
import { parseArgs } from 'node:util'
import { createServer } from 'vite'

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '2000' },
    store: { type: 'string', default: 'sqlite' },
    first: { type: 'string', default: '0' },
  },
})
const { store } = values
const vite = await createServer({
  root: join(import.meta.dirname, '..'),
  configFile: false,
  logLevel: 'error',
  appType: 'custom',
  server: { middlewareMode: true, watch: null, ws: false },
})
let wrong = 0
try {
  // The harness is TypeScript, beside the tests that run a part of it.
  const { runSeeds } = await vite.ssrLoadModule('/test/faults/run.ts')
  const { tellFindings } = await vite.ssrLoadModule('/test/faults/tell-findings.ts')
  let done = 0
  const { figures } = await runSeeds({
    store,
    first: Number(values.first),
    seeds: Number(values.seeds),
    onBatch: ({ seeds, seconds, requests, kills }, findings) => {
      done += seeds
      wrong += findings.length
      console.log(`${done} seeds: ${requests} requests, ${kills} kills, ${seconds.toFixed(1)} s, ${findings.length} wrong`)
      if (findings.length > 0) console.log(tellFindings(findings, store))
    },
  })
  console.log(store, figures)
} finally {
  await vite.close()
}
if (wrong > 0) exit(1)
