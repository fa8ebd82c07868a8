import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { voiceAccount } from '../../../src/cli/apply/voice-account.ts'
import { carryOut } from '../../../src/migration/provisioning/carry-out.ts'
import { desiredState } from '../../../src/migration/provisioning/desired-state.ts'
import { exportFile } from '../../../src/migration/provisioning/export-file.ts'
import { plan } from '../../../src/migration/provisioning/plan.ts'
import { readAccount } from '../../../src/migration/provisioning/read-account.ts'
import type { VoiceAccount } from '../../../src/migration/provisioning/voice-account.ts'
import { type VoiceFile, voiceFileSchema } from '../../../src/migration/provisioning/voice-file.ts'
import { account, unhurried } from './account.ts'

const queueNames = ['a', 'b', 'c', 'd']
const menuNames = ['one', 'two', 'three']

/** Any queues that overflow into any others, circles among them. */
const queues = fc.tuple(
  ...queueNames.map(name =>
    fc.record(
      {
        name: fc.constant(name),
        members: fc.uniqueArray(fc.constantFrom('agent-1', 'agent-2', 'agent-3')),
        max_wait_time: fc.option(fc.nat(600)),
        overflow: fc.oneof(
          fc.constantFrom(...queueNames.filter(other => other !== name)).map(queue => ({ queue })),
          fc.constantFrom({ voicemail: '2000' }, { hangup: true as const }, { agent: 'agent-4' }, { number: '+14155550111' }),
        ),
      },
      { requiredKeys: ['name'] },
    ),
  ),
)

/** Menus that lead anywhere, each of them reached: the last key leads to the next one, and from the last back to the first. */
const menus = fc.tuple(
  ...menuNames.map((name, index) =>
    fc.record({
      name: fc.constant(name),
      greeting: fc.string({ maxLength: 20 }),
      options: fc
        .uniqueArray(fc.constantFrom('1', '2', '3', '*'), { maxLength: 3 })
        .chain(digits =>
          fc.tuple(
            ...digits.map(digit =>
              fc
                .oneof(
                  fc.constantFrom(...menuNames).map(menu => ({ menu })),
                  fc.constantFrom(...queueNames).map(queue => ({ queue })),
                  fc.constantFrom({ repeat: true as const }, { hangup: true as const }, { voicemail: true as const }),
                )
                .map(target => ({ digit, label: `key ${digit}`, ...target })),
            ),
          ),
        )
        .map(options => [...options, { digit: '#', label: 'next', menu: menuNames[(index + 1) % menuNames.length] }]),
    }),
  ),
)

const files = fc
  .record({
    phone_lines: fc.constantFrom([], [{ name: 'Berlin' }], [{ name: 'Berlin', location: 'Mitte', enabled: false }]),
    queues,
    ivr_menus: menus,
    queue: fc.constantFrom(null, ...queueNames),
    enabled: fc.boolean(),
  })
  .map(({ queue, enabled, ...file }) =>
    voiceFileSchema.parse({
      ...file,
      phone_numbers: [
        { number: '+14155550100', enabled, line: file.phone_lines.length === 0 ? null : 'Berlin', ivr: { menu: 'one', queue } },
        { number: '+14155550101', capabilities: ['sms', 'inbound'] },
      ],
    }),
  )

async function pushed(file: VoiceFile, to: VoiceAccount, prune = false) {
  const wanted = desiredState(file, [])
  if (!wanted.ok) throw new Error(JSON.stringify(wanted.problems))
  const state = await readAccount(to)
  const planned = plan(wanted.desired, state, { prune })
  if (!planned.ok) throw new Error(JSON.stringify(planned.problems))
  const outcome = await carryOut(planned.changes, state.ids, to, () => {})
  expect(outcome.failed).toBeNull()
  return planned.changes
}

describe('a plan', () => {
  test('brings any account to any file, in an order that the API takes, and is empty then', async () => {
    const { client } = await account()
    const there = voiceAccount(client, unhurried)
    await fc.assert(
      fc.asyncProperty(files, async file => {
        await pushed(file, there)
        expect(await pushed(file, there)).toEqual([])
        expect(await pushed(voiceFileSchema.parse(exportFile(await readAccount(there), [])), there, true)).toEqual([])
      }),
      { numRuns: 12 },
    )
  })

  test('makes room for itself from nothing, whatever circles there are, and takes queues away again', async () => {
    await fc.assert(
      fc.asyncProperty(queues, async wanted => {
        const { client } = await account()
        const there = voiceAccount(client, unhurried)
        await pushed(voiceFileSchema.parse({ queues: wanted }), there)
        await pushed(
          voiceFileSchema.parse({ queues: wanted.slice(2).map(({ name }) => ({ name, overflow: { hangup: true } })) }),
          there,
          true,
        )
        expect((await readAccount(there)).queues.size).toBe(2)
        await pushed({ queues: [] }, there, true)
        expect((await readAccount(there)).queues.size).toBe(0)
      }),
      { numRuns: 6 },
    )
  })
})
