/** The steps from another phone system, each by the command that the operator would use. */
import { mkdtemp, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'vitest'
import { run } from '../../../src/cli/program.ts'
import { agentDirectory } from '../../../src/events/agents.ts'
import { numberPlan } from '../../../src/events/numbers.ts'
import { importedCall } from '../../../src/migration/import/imported-call.ts'
import { SqliteStore } from '../../../src/uploads/store/sqlite-store.ts'
import { historicCall, masterCsv } from '../../migration/import/history.ts'
import { type FeatureSection, step } from './row.ts'
import type { World } from './world.ts'

interface Site {
  readonly dataDir: string
  /** Writes a file; answers its path. */
  write(name: string, text: string): Promise<string>
  /** Runs the command with the site's configuration; answers what it printed. Its exit code must be 0. */
  command(...argv: readonly string[]): Promise<string>
}

/** An office with a configuration that delivers to the world's sandbox. */
async function siteOf(world: World): Promise<Site> {
  const folder = await mkdtemp(join(world.folder, 'site-'))
  const dataDir = join(folder, 'data')
  const write = async (name: string, text: string) => {
    const path = join(folder, name)
    await writeFile(path, text)
    return path
  }
  const config = {
    data_dir: dataDir,
    numbers: { country: 'US', internal: ['^1\\d{3}$'] },
    agents: [
      { extension: '1001', zendesk_id: 35_436, name: 'Alice' },
      { extension: '1002', zendesk_id: 35_437, name: 'Bob' },
    ],
    zendesk: { base_url: world.url, token: world.token, requests_per_minute: 100_000 },
  }
  const file = await write('bridge.yaml', JSON.stringify(config))
  const command = async (...argv: readonly string[]) => {
    const printed: string[] = []
    const out = { write: (text: string) => void printed.push(text), isTerminal: false }
    const context = { env: {}, version: '0.0.0-test', actor: 'test@here', stdout: out, stderr: out, interrupted: world.signal }
    const code = await run([...argv, '-c', file], context)
    expect(code, printed.join('')).toBe(0)
    return printed.join('')
  }
  return { dataDir, write, command }
}

const provisioning = join(import.meta.dirname, '../../../config/voice.example.yaml')

export const migration: FeatureSection = {
  title: 'Migration from previous phone systems',
  rows: [
    step('Import call history into Zendesk', '`tpe-bridge import` brings every call once, however often it runs', world =>
      world.apart({}, async fresh => {
        const site = await siteOf(fresh)
        const file = await site.write('Master.csv', masterCsv(20))
        await site.command('import', 'asterisk-cdr', file, '--timezone', 'UTC')
        await site.command('import', 'asterisk-cdr', file, '--timezone', 'UTC')
        const { metrics } = await fresh.client.phoneCalls.list({}, fresh.signal).page()
        expect(metrics.total_calls).toBe(20)
        expect(metrics.missed_calls + metrics.abandoned_calls).toBe(3)
      }),
    ),
    step('Migrate phone numbers', '`tpe-bridge apply` provisions numbers and lines from a file; twice changes nothing', world =>
      world.apart({}, async fresh => {
        const site = await siteOf(fresh)
        const [line, number] = [fresh.name('Berlin'), fresh.number()]
        const wanted = { phone_lines: [{ name: line }], phone_numbers: [{ number, line, display_name: 'Main' }] }
        const file = await site.write('voice.yaml', JSON.stringify(wanted))
        await site.command('apply', 'push', file, '--yes')
        const read = () => fresh.client.phoneNumbers.list({}, fresh.signal).page()
        const first = await read()
        expect(first.items).toMatchObject([{ number, display_name: 'Main' }])
        expect(await fresh.client.phoneLines.list({}, fresh.signal).page()).toMatchObject({ items: [{ name: line }] })
        await site.command('apply', 'push', file, '--yes')
        expect(await read()).toEqual(first)
        // Exit code 0: nothing is left to do.
        await site.command('apply', 'diff', file)
      }),
    ),
    step('Configure IVR and routing', '`tpe-bridge apply` makes menus and queues, and leads numbers to them', world =>
      world.apart({}, async fresh => {
        const site = await siteOf(fresh)
        await site.command('apply', 'push', provisioning, '--yes')
        await site.command('apply', 'diff', provisioning)
        const { items: queues } = await fresh.client.queues.list({}, fresh.signal).page()
        expect(queues.map(({ name }) => name)).toEqual(expect.arrayContaining(['sales', 'support']))
        const { items: numbers } = await fresh.client.phoneNumbers.list({}, fresh.signal).page()
        const main = numbers.find(({ number }) => number === '+14155550100')
        const { menu_id, queue_id } = await fresh.client.ivr.settings(main?.id ?? 0, fresh.signal)
        expect(queue_id).toBe(queues.find(({ name }) => name === 'support')?.id)
        const sales = queues.find(({ name }) => name === 'sales')
        const { options } = await fresh.client.ivr.menu(menu_id ?? 0, fresh.signal)
        expect(options).toContainEqual(
          expect.objectContaining({ digit: '1', action: 'transfer', target_id: `queue-${sales?.id}` }),
        )
      }),
    ),
    step(
      'Train agents on new system',
      'the sandbox’s page shows what a call makes in Zendesk, before the account sees one',
      async world => {
        const call = await world.call({ from: world.number() })
        const ticket = { subject: `Training ${world.unique()}`, description: 'How a call becomes a ticket' }
        await world.client.tickets.createFromCall(call.id, ticket, world.signal)
        const page = await (await fetch(world.url, { headers: { accept: 'text/html' } })).text()
        expect(page).toContain(call.from)
        expect(page).toContain(ticket.subject)
      },
    ),
    step(
      'Monitor quality during transition',
      '`tpe-bridge report` sets the old system’s records beside what the bridge saw',
      world =>
        world.apart({}, async fresh => {
          const site = await siteOf(fresh)
          const store = await SqliteStore.open({ dataDir: site.dataDir, role: 'bridge', now: Date.now, log: { error() {} } })
          const place = { name: 'hq', numbers: numberPlan({ country: 'US', internal: [/^1\d{3}$/] }), agents: agentDirectory([]) }
          const seen = importedCall(historicCall(), place, Date.now())
          if ('reason' in seen) throw new Error(seen.reason)
          await store.calls.append([seen.change])
          await store.close()
          const file = await site.write('Master.csv', masterCsv(5))
          const report = JSON.parse(await site.command('report', 'asterisk-cdr', file, '--timezone', 'UTC', '--json'))
          expect(report).toMatchObject({ total: { records: { calls: 5, answered: 4 }, bridge: { calls: 1, answered: 1 } } })
        }),
    ),
  ],
}
