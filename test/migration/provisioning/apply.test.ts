import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { account, unhurried } from './account.ts'

const example = await readFile(join(import.meta.dirname, '../../../config/voice.example.yaml'), 'utf8')

const listed = async <T>(list: AsyncIterable<T>): Promise<readonly T[]> => {
  const items: T[] = []
  for await (const item of list) items.push(item)
  return items
}

describe('apply push', () => {
  test('makes the account what the example says, and changes nothing the second time', async () => {
    const { apply, client } = await account()
    const first = await apply('push', example, ['--yes'])
    expect(first).toMatchObject({ code: 0, err: '' })
    expect(first.out).toContain('done: create queue support')

    const [number] = (await listed(client.phoneNumbers.list({}, unhurried))).filter(row => row.number === '+14155550100')
    const [line] = await listed(client.phoneLines.list({}, unhurried))
    const queues = await listed(client.queues.list({}, unhurried))
    const ivr = await client.ivr.settings(number?.id ?? 0, unhurried)
    const main = await client.ivr.menu(ivr.menu_id ?? 0, unhurried)
    const [sales, support] = ['sales', 'support'].map(name => queues.find(queue => queue.name === name))
    expect(number).toMatchObject({ display_name: 'Main number', phone_line_id: line?.id, country_code: 'US' })
    expect(sales).toMatchObject({ members: [35436, 35437], overflow_action: 'voicemail', overflow_target: '2000' })
    expect(support).toMatchObject({ members: [35437], overflow_action: 'queue', overflow_target: `queue-${sales?.id}` })
    expect(ivr).toMatchObject({ enabled: true, queue_id: support?.id })
    expect(main).toMatchObject({ name: 'main', greeting: 'Thank you for calling.' })
    expect(main.options.map(({ digit, action, target_id }) => `${digit} ${action} ${target_id}`)).toEqual([
      `1 transfer queue-${sales?.id}`,
      `2 transfer queue-${support?.id}`,
      expect.stringMatching(/^3 menu menu-\d+$/),
      '0 transfer agent-35436',
      '* repeat null',
    ])

    const second = await apply('push', example, ['--yes'])
    expect(second).toEqual({ code: 0, out: 'nothing to do: the account is as the file says\n', err: '' })
    expect(await client.ivr.menu(ivr.menu_id ?? 0, unhurried)).toEqual(main)
  })

  test('shows the diff and asks; anything but yes changes nothing', async () => {
    const { apply, client } = await account()
    const questions: string[] = []
    const answer = async (question: string) => {
      questions.push(question)
      return 'y'
    }
    const declined = await apply('push', 'queues: [{ name: support }]', [], { answer })
    expect(declined).toEqual({ code: 1, out: '+ create queue support\n1 to create\n', err: 'nothing was changed\n' })
    expect(questions).toEqual(['Make these changes? Write yes: '])
    expect(await listed(client.queues.list({}, unhurried))).toEqual([])
    expect(await apply('push', 'queues: [{ name: support }]', [], { answer: async () => 'yes' })).toMatchObject({ code: 0 })
    expect(await listed(client.queues.list({}, unhurried))).toMatchObject([{ name: 'support' }])
  })

  test('changes nothing where nobody can be asked', async () => {
    const { apply, client } = await account()
    expect(await apply('push', 'queues: [{ name: support }]')).toMatchObject({ code: 2, err: expect.stringContaining('--yes') })
    expect(await listed(client.queues.list({}, unhurried))).toEqual([])
  })

  test('takes nothing away without --prune, and shows first what it takes away with it', async () => {
    const { apply, client } = await account()
    await apply('push', example, ['--yes'])
    const smaller = 'queues: [{ name: sales, members: [Alice], overflow: { hangup: true } }]\nphone_numbers: []\n'
    const kept = await apply('push', smaller, ['--yes'])
    expect(kept.code).toBe(0)
    expect(kept.out).toContain('4 more that the file does not have stay; --prune takes them away')
    expect(await listed(client.phoneNumbers.list({}, unhurried))).toHaveLength(2)
    expect(await listed(client.queues.list({}, unhurried))).toMatchObject([{}, { name: 'sales', members: [35436, 35437] }])

    const shown = await apply('diff', smaller, ['--prune'])
    expect(shown).toMatchObject({ code: 1, err: '' })
    expect(shown.out).toBe(
      [
        '- remove Bob (1002) from queue sales',
        '- delete number +14155550100',
        '- delete number +14155550101',
        '- delete queue support',
        '4 to take away\n',
      ].join('\n'),
    )
    // Menus cannot be deleted, and one of them still leads to the queue: the server says so, and the rest is done.
    const pruned = await apply('push', smaller, ['--prune', '--yes'])
    expect(pruned).toMatchObject({ code: 1 })
    expect(pruned.err).toMatch(/stopped at: delete queue support\n.*409.*\n3 changes were made; push again to go on\n$/s)
    expect(await listed(client.phoneNumbers.list({}, unhurried))).toEqual([])
    // The file has no phone_lines, so the line is none of its business.
    expect(await listed(client.phoneLines.list({}, unhurried))).toHaveLength(1)
  })

  test('deletes queues that overflow into each other', async () => {
    const { apply, client } = await account()
    await apply('push', 'queues: [{ name: a, overflow: { queue: b } }, { name: b, overflow: { queue: a } }]', ['--yes'])
    const [b, a] = await listed(client.queues.list({}, unhurried))
    expect([a?.overflow_target, b?.overflow_target].toSorted()).toEqual([`queue-${a?.id}`, `queue-${b?.id}`].toSorted())
    expect(await apply('push', 'queues: []', ['--prune', '--yes'])).toMatchObject({ code: 0, err: '' })
    expect(await listed(client.queues.list({}, unhurried))).toEqual([])
  })

  test('stops at the first failure, says what was done, and finishes when it is run again', async () => {
    const { apply, sandbox } = await account()
    await sandbox.fault('phone_ivr_menus', { kind: 'status', status: 500, body: { error: 'Internal error' } })
    const stopped = await apply('push', example, ['--yes'])
    expect(stopped.code).toBe(1)
    expect(stopped.err).toMatch(/^stopped at: create menu hours\n.*500.*\n5 changes were made; push again to go on\n$/s)
    expect(await apply('push', example, ['--yes'])).toMatchObject({ code: 0, err: '' })
    expect(await apply('diff', example)).toMatchObject({ code: 0 })
  })

  test('makes no second menu when the answer to the first was lost', async () => {
    const { apply, client, sandbox } = await account()
    await sandbox.fault('phone_ivr_menus', { kind: 'accept-then-reset' })
    expect(await apply('push', example, ['--yes'])).toMatchObject({ code: 1 })
    expect(await apply('push', example, ['--yes'])).toMatchObject({ code: 0, err: '' })
    expect((await client.ivr.menu(2, unhurried)).name).toBe('main')
    await expect(client.ivr.menu(3, unhurried)).rejects.toMatchObject({ status: 404 })
  })

  test('plans once more when somebody changed the account meanwhile, and asks again', async () => {
    const { apply, client } = await account()
    const questions: string[] = []
    const pushed = await apply('push', 'phone_lines: [{ name: Berlin, location: Mitte }]', [], {
      answer: async question => {
        questions.push(question)
        if (questions.length === 1) await client.phoneLines.create({ name: 'Berlin' }, unhurried)
        return 'yes'
      },
    })
    expect(pushed).toMatchObject({ code: 0, err: expect.stringContaining('planning once more') })
    expect(pushed.out).toContain('~ change line Berlin\n    - location: none\n    + location: "Mitte"\n')
    expect(questions).toHaveLength(2)
    expect(await listed(client.phoneLines.list({}, unhurried))).toMatchObject([{ name: 'Berlin', location: 'Mitte' }])
  })

  test('waits when it is asked to', async () => {
    const { apply, sandbox } = await account()
    await sandbox.fault('phone_queues', { kind: 'status', status: 429, headers: { 'retry-after': '0' } }, { times: 1 })
    expect(await apply('push', 'queues: [{ name: support }]', ['--yes'])).toMatchObject({ code: 0, err: '' })
  })

  test('ends with 130 when it is interrupted', async () => {
    const { apply } = await account()
    const interrupted = AbortSignal.abort('SIGINT')
    expect(await apply('push', example, ['--yes'], { interrupted })).toMatchObject({ code: 130 })
  })

  test('leaves alone what the file does not mention, and takes away what it calls null', async () => {
    const { apply, client } = await account()
    await apply('push', 'phone_lines: [{ name: Berlin, location: Mitte, enabled: false }]', ['--yes'])
    await apply('push', 'phone_lines: [{ name: Berlin, location: null }]', ['--yes'])
    expect(await listed(client.phoneLines.list({}, unhurried))).toMatchObject([{ location: null, enabled: false }])
  })
})

describe('apply plan and diff', () => {
  test('say what push would do, and do nothing', async () => {
    const { apply, client } = await account()
    expect(await apply('plan', example)).toEqual({
      code: 0,
      out: [
        'create line Berlin',
        'create number +14155550100',
        'create number +14155550101',
        'create queue sales',
        'create queue support',
        'create menu hours',
        'create menu main',
        'change menu hours',
        'set what +14155550100 answers with',
        '7 to create, 2 to change\n',
      ].join('\n'),
      err: '',
    })
    const diff = await apply('diff', example, [], { terminal: true })
    expect(diff).toMatchObject({ code: 1, err: '' })
    expect(diff.out).toContain('\u001b[32m+ create menu main\u001b[0m\n')
    expect(diff.out).toContain('+ options 0: "Operator" → Alice (1001)')
    expect(await listed(client.phoneLines.list({}, unhurried))).toEqual([])
  })

  test('show an account’s own texts without obeying them', async () => {
    const { apply, client } = await account()
    await client.phoneLines.create({ name: 'Berlin', location: '\u001b[2J' }, unhurried)
    const { out } = await apply('diff', 'phone_lines: [{ name: Berlin, location: Mitte }]')
    expect(out).not.toContain('\u001b')
  })

  test('speak JSON when asked to', async () => {
    const { apply } = await account()
    const { out } = await apply('plan', 'queues: [{ name: support, members: ["1001"] }]', ['--json'])
    expect(JSON.parse(out)).toEqual({
      changes: [{ title: 'create queue support', kind: 'queue', name: 'support', set: {}, was: null, members: [35436] }],
      kept: [],
    })
  })
})

test('diff tells trouble from differences by its exit code', async () => {
  const { apply, sandbox } = await account()
  await sandbox.fault('phone_lines', { kind: 'status', status: 500, body: { error: 'Internal error' } })
  expect(await apply('diff', 'queues: []')).toMatchObject({ code: 2, err: expect.stringContaining('500') })
})

describe('apply pull', () => {
  test('writes a file that changes nothing when it is pushed', async () => {
    const { apply } = await account()
    await apply('push', example, ['--yes'])
    const pulled = await apply('pull', '')
    expect(pulled).toMatchObject({ code: 0, err: '' })
    expect(pulled.out).toContain('members:\n      - "1001"\n')
    expect(await apply('diff', pulled.out, ['--prune'])).toMatchObject({ code: 0, err: '' })
  })
})

describe('a voice file', () => {
  test.each([
    ['a key that does not exist', 'qeues: []', '1:1 qeues: is not a key that can stand here — fix: did you mean queues?'],
    [
      'a number that YAML reads as one',
      'phone_numbers: [{ number: +14155550100 }]',
      '1:27 phone_numbers[0].number: is +14155550100, which YAML does not read as a text — fix: put it in quotes: "+14155550100"',
    ],
    [
      'a number without its country',
      'phone_numbers: [{ number: "4155550100" }]',
      '1:27 phone_numbers[0].number: is no E.164 number — fix: write it in quotes, with its country: "+14155550100"',
    ],
    [
      'a line that nobody has',
      'phone_numbers: [{ number: "+14155550100", line: Paris }]',
      '1:49 phone_numbers[0].line: names Paris, which is neither in this file nor in the account — fix: add it to phone_lines',
    ],
    [
      'an agent whom nobody knows',
      'queues:\n  - name: a\n    members: [1001, 9]',
      '3:21 queues[0].members[1]: no agent has the extension, name or id 9 — fix: add the agent to agents of the configuration (-c), or write agent-ID with the id that Zendesk has',
    ],
    [
      'the same name twice',
      'queues: [{ name: a }, { name: a }]',
      '1:31 queues[1].name: a is here a second time — fix: keep one of the two',
    ],
    [
      'two targets',
      'queues: [{ name: a, overflow: { queue: b, hangup: true } }]',
      '1:31 queues[0].overflow: leads to queue and hangup — fix: write exactly one of queue, agent, number, voicemail, hangup',
    ],
    [
      'a target that cannot stand there',
      'queues: [{ name: a, overflow: { menu: b } }]',
      '1:33 queues[0].overflow.menu: is not a key that can stand here — fix: remove it',
    ],
    [
      'the same key of the telephone twice',
      'ivr_menus: [{ name: a, greeting: "", options: [{ digit: 1, label: x, hangup: true }, { digit: "1", label: x, hangup: true }] }]',
      'ivr_menus[0].options[1].digit: key 1 is here a second time',
    ],
    [
      'a menu that no number leads to',
      'ivr_menus: [{ name: a, greeting: "", options: [] }]',
      '1:21 ivr_menus[0].name: no number leads to the menu a, so it could not be found again — fix: name it in the ivr of a number',
    ],
    [
      'a queue that overflows into itself',
      'queues: [{ name: a, overflow: { queue: a } }]',
      '1:40 queues[0].overflow.queue: a overflows into itself — fix: name another queue',
    ],
    ['an empty name', 'queues: [{ name: }]', 'queues[0].name: has no value'],
    ['broken YAML', 'queues: [', 'a bracket is not closed'],
  ])('with %s is refused where it stands, and nothing is changed', async (_name, yaml, complaint) => {
    const { apply } = await account()
    const refused = await apply('push', yaml, ['--yes', '--prune'].slice(0, yaml.includes('Paris') ? 1 : 2))
    expect(refused).toMatchObject({ code: 2, out: '' })
    expect(refused.err).toContain(complaint)
    expect(refused.err).toMatch(/^voice\.yaml(:\d+:\d+)?:? /)
    expect(refused.err).toMatch(/nothing was changed\n$/)
  })
})
