// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the files under test hold references
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { loadConfig } from '../../src/config/load.ts'
import { formatProblem } from '../../src/config/problems.ts'
import { maxFileBytes, readTextFile } from '../../src/config/read-file.ts'
import { redactedConfig } from '../../src/config/redact.ts'
import { accepted, complaints, load } from './loading.ts'

/** What is written, and every line that the operator gets, from the place on. */
const refusals: readonly (readonly [string, string, readonly string[]])[] = [
  ['a mistyped key', 'sip:\n  trnk: {}\n', ['2:3 sip.trnk: is not a key of the configuration — fix: did you mean trunk?']],
  ['a key in camel case', 'dataDir: x\n', ['1:1 dataDir: is not a key of the configuration — fix: did you mean data_dir?']],
  [
    'a key that resembles none',
    'calls: { colour: red }\n',
    ['1:10 calls.colour: is not a key of the configuration — fix: remove it; the keys here are orphan_after, ring_orphan_after'],
  ],
  [
    'a dialect that does not exist',
    'zendesk:\n  api: talk\n',
    ['2:8 zendesk.api: "talk" is not one of partner-edition, calls — fix: write partner-edition or calls'],
  ],
  [
    'a TLS listener without a certificate',
    'sip:\n  listen: ["tls://127.0.0.1:5061"]\n',
    [
      '2:12 sip.listen[0]: "tls://127.0.0.1:5061" needs a certificate — fix: set sip.tls.cert and sip.tls.key, or use udp:// or tcp://',
    ],
  ],
  [
    'a TLS peer without a TLS listener',
    'sip:\n  trunk: { pbx: ["sip:127.0.0.1"], carrier: ["sips:sip.example"] }\n',
    [
      '2:46 sip.trunk.carrier[0]: "sips:sip.example" is reached by TLS, and nothing listens by TLS for its answers — fix: add a tls:// listener to sip.listen',
    ],
  ],
  [
    'a certificate without its key',
    'sip:\n  tls: { cert: sip.crt }\n',
    ['2:3 sip.tls.key: is missing: sip.tls.cert is set — fix: add the private key of that certificate: key: FILE'],
  ],
  [
    'certificates wanted of everyone, of whatever authority',
    'sip:\n  tls: { cert: sip.crt, key: sip.key, verify_peers: everyone }\n',
    [
      '2:3 sip.tls.ca: is missing: sip.tls.verify_peers is everyone — fix: name who vouches for your peers, or anyone with a public certificate gets in',
    ],
  ],
  [
    'a file of another version, as a whole',
    'version: 2\nfoo: bar\n',
    [
      '1:10 version: the file is not of version 1, the only one that this bridge reads — fix: use the bridge it was written for, or bring it to the form of config/bridge.example.yaml and write version: 1',
    ],
  ],
  [
    'a duration without a unit',
    'shutdown_grace: 10\n',
    ['1:17 shutdown_grace: 10 has no unit — fix: write 10s for seconds, 10m for minutes'],
  ],
  [
    'a duration of no kind',
    'shutdown_grace: 10 parsecs\n',
    ['1:17 shutdown_grace: "10 parsecs" is not a duration — fix: write a number and a unit, such as 500ms, 10s, 15m, 4h or 7d'],
  ],
  [
    'a duration that no timer has',
    'shutdown_grace: 30d\n',
    ['1:17 shutdown_grace: "30d" is not between 0s and 10m — fix: write a duration from 0s to 10m'],
  ],
  [
    'an extension that YAML reads as a number',
    'agents:\n  - { extension: 1001, zendesk_id: 5, name: A }\n',
    ['2:18 agents[0].extension: YAML reads 1001 as a number — fix: put it in quotes: "1001"'],
  ],
  [
    'a number whose plus YAML drops',
    'agents:\n  - extension: +14155550100\n    zendesk_id: 5\n    name: A\n',
    [
      '2:16 agents[0].extension: YAML reads +14155550100 as a number and makes 14155550100 of it — fix: put it in quotes: "+14155550100"',
    ],
  ],
  [
    'an agent without a name',
    'agents:\n  - extension: "1"\n    zendesk_id: 5\n',
    ['2:5 agents[0].name: is missing — fix: add it, such as name: "Alice"'],
  ],
  [
    'an extension given twice',
    'agents:\n  - { extension: "1", zendesk_id: 5, name: A }\n  - { extension: "1", zendesk_id: 6, name: B }\n',
    ['3:18 agents[1].extension: "1" belongs to agents[0] already — fix: give an extension to one agent only'],
  ],
  [
    'a broken regular expression',
    'numbers:\n  internal: ["^(1"]\n',
    [
      '2:14 numbers.internal[0]: "^(1" is not a regular expression: unterminated group — fix: correct it; \\( \\[ \\. stand for the characters themselves',
    ],
  ],
  [
    'a backslash that YAML takes for itself',
    'numbers:\n  internal: ["^1\\d{3}$"]\n',
    [
      `2:17: a backslash begins no escape in a "double-quoted" text — fix: double the backslash (\\\\d), or use 'single quotes', where it stands for itself`,
    ],
  ],
  [
    'a group that would tie nothing',
    "recordings:\n  folders:\n    - path: /x\n      match: '(?<callid>.+)\\.wav$'\n",
    [
      '4:14 recordings.folders[0].match: "(?<callid>.+)\\\\.wav$" has the unknown group callid — fix: name groups call_id, unique, from, to, time, consent; others are written (?:…)',
    ],
  ],
  [
    'a word outside the vocabulary',
    'log: { numbers: maskd }\n',
    ['1:17 log.numbers: "maskd" is not one of masked, full — fix: write masked'],
  ],
  [
    'a number out of range',
    'uploads: { concurrency: 0 }\n',
    ['1:25 uploads.concurrency: "0" is less than 1 — fix: write a number of at least 1'],
  ],
  [
    'a fraction',
    'uploads: { concurrency: 1.5 }\n',
    ['1:25 uploads.concurrency: is a number, where a whole number is expected — fix: write a whole number'],
  ],
  [
    'a text for a section',
    'sip: 5060\n',
    ['1:6 sip: is a number, where a section (lines of KEY: VALUE) is expected — fix: write a section (lines of KEY: VALUE)'],
  ],
  [
    'a list for the file',
    '- sip\n',
    ['1:1: is a list, where a section (lines of KEY: VALUE) is expected — fix: write a section (lines of KEY: VALUE)'],
  ],
  [
    'an admin server that others can reach without a token',
    'admin:\n  listen: 0.0.0.0:8080\n',
    [
      '2:11 admin.listen: "0.0.0.0:8080" is open to other machines, and admin.token is not set — fix: add admin.token, or listen on 127.0.0.1',
    ],
  ],
  [
    'an account without a token',
    'zendesk:\n  base_url: https://example.zendesk.com\n',
    ['1:1 zendesk.token: is missing: zendesk.base_url is set — fix: add the API token of the account: token: "${ZENDESK_TOKEN}"'],
  ],
  [
    'an account without TLS',
    'zendesk: { base_url: "http://example.zendesk.com", token: "${T:-x}" }\n',
    ['1:22 zendesk.base_url: "http://example.zendesk.com" would send the token unencrypted — fix: use https://'],
  ],
  [
    'a password in an address',
    'zendesk: { base_url: "https://me:hunter2@example.com" }\n',
    [
      '1:22 zendesk.base_url: "https://***@example.com" holds a user or a password — fix: leave them out; the token has a key of its own',
    ],
  ],
  [
    'a drachtio-server without its secret',
    'sip: { server: drachtio }\n',
    ['1:1 sip.drachtio.secret: is missing: sip.server is drachtio — fix: set it to the <admin secret="…"> of drachtio.conf.xml'],
  ],
  [
    'a trunk with one end',
    'sip:\n  trunk:\n    pbx: ["sip:127.0.0.1:5070"]\n',
    ['3:10 sip.trunk.pbx: is set, but sip.trunk.carrier is not — fix: add sip.trunk.carrier: calls pass between the two'],
  ],
  [
    'a relative folder to move to',
    'recordings: { after_upload: "move:done" }\n',
    [
      '1:29 recordings.after_upload: "move:done" moves to a path that is not absolute — fix: write keep, delete or move:/absolute/folder',
    ],
  ],
  [
    'a move into a folder that is watched',
    'recordings: { after_upload: "move:/rec/done", folders: [{ path: /rec }] }\n',
    [
      '1:29 recordings.after_upload: "move:/rec/done" moves into recordings.folders[0], which is watched — fix: move to a folder outside of it',
    ],
  ],
  [
    'a key written twice',
    'site: a\nlog: {}\nsite: b\n',
    ['3:1 site: is written twice, first on line 1 — fix: keep one of the two'],
  ],
  ['a tab', 'sip:\n\tserver: embedded\n', ['2:1: a tab indents this line — fix: indent with spaces']],
  [
    'a reference without quotes in braces',
    'zendesk: { token: ${T} }\n',
    [
      '1:20: something stands here that YAML does not expect — fix: check the commas and quotes; within { } and [ ] a value such as ${NAME} must be in quotes',
    ],
  ],
  [
    'a second document',
    'site: a\n---\nsite: b\n',
    ['2:1: a second YAML document begins here — fix: remove the line ---; a configuration is one document'],
  ],
  [
    'an alias of nothing',
    'site: *a\n',
    ['1:7 site: an alias (*) names no anchor (&) before it — fix: put text that begins with * in quotes'],
  ],
  [
    'an environment variable that is not set',
    'site: hq\nzendesk:\n  token: ${ZENDESK_TOKEN}\n  base_url: https://example.zendesk.com\n',
    [
      '3:10 zendesk.token: environment variable ZENDESK_TOKEN is not set — fix: set ZENDESK_TOKEN, or write ${ZENDESK_TOKEN:-default}',
    ],
  ],
  [
    'a reference that is none',
    'site: "${1st}"\n',
    ['1:7 site: has ${ that begins no reference — fix: write ${NAME} or ${NAME:-default}; a literal ${ is written $${'],
  ],
]

describe('a file is refused with place, path, reason and fix:', () => {
  test.for(refusals)('%s', async ([, yaml, expected]) => {
    expect(await complaints(yaml)).toEqual(expected.map(text => `config/bridge.yaml:${text}`))
  })
})

test('all problems come at once, in the order of the file', async () => {
  const found = await complaints(
    'site: ""\nshutdown_grace: soon\nsip:\n  listen: []\n  oops: 1\nzendesk:\n  token: ${NO}\nadmin: { port: 1 }\n',
  )
  expect(found.map(text => text.split(' ').slice(0, 2).join(' '))).toEqual([
    'config/bridge.yaml:1:7 site:',
    'config/bridge.yaml:2:17 shutdown_grace:',
    'config/bridge.yaml:4:11 sip.listen:',
    'config/bridge.yaml:5:3 sip.oops:',
    'config/bridge.yaml:7:10 zendesk.token:',
    'config/bridge.yaml:8:10 admin.port:',
  ])
})

test('a file of another kind altogether gives a hundred problems at most', async () => {
  const found = await complaints(Array.from({ length: 500 }, (_, i) => `setting${i}: 1`).join('\n'))
  expect(found).toHaveLength(100)
  expect(found.at(-1)).toContain('401 more problems')
})

test('nothing, an empty file and empty sections are the built-in defaults', async () => {
  const defaults = await loadConfig({ path: null, env: {}, readFile: readTextFile })
  if (!defaults.ok) throw new Error('the defaults are refused')
  expect(defaults.source).toBe('built-in defaults')
  expect(await accepted('')).toEqual(defaults.config)
  expect(await accepted('# nothing\nsip:\nagents:\nvoicemail:\n  folders:\nzendesk:\n  token:\n')).toEqual(defaults.config)
})

test('values come out parsed', async () => {
  const config = await accepted(`
shutdown_grace: 1.5s
sip:
  listen: ["udp://[::1]:5060"]
  trunk: { pbx: ["sip:10.0.0.5"], carrier: ["sip:carrier.example:5080;transport=tcp"], no_answer: 500ms }
numbers: { country: DE, internal: ['^\\d{2}$'] }
recordings: { max_upload: 1GiB, after_upload: "move:/done", folders: [{ path: /rec, polling: true }] }
transcode: { bitrate: 48k, workers: 3, sample_rate: 16000, timeout: 30m }
`)
  expect(config.shutdownGraceMs).toBe(1500)
  expect(config.sip.listen).toEqual([{ uri: 'udp://[::1]:5060', transport: 'udp', host: '::1', port: 5060 }])
  expect(config.sip.trunk).toMatchObject({
    pbx: [{ uri: 'sip:10.0.0.5', host: '10.0.0.5', port: 5060, transport: 'udp' }],
    carrier: [{ host: 'carrier.example', port: 5080, transport: 'tcp' }],
    noAnswerMs: 500,
  })
  expect(config.numbers.internal[0]?.test('12')).toBe(true)
  expect(config.recordings).toMatchObject({
    maxUploadBytes: 2 ** 30,
    afterUpload: { kind: 'move', path: '/done' },
    matchWaitMs: 900_000,
  })
  expect(config.recordings.folders[0]).toMatchObject({
    path: '/rec',
    settleMs: 10_000,
    unfinishedAfterMs: 300_000,
    polling: true,
  })
  expect(config.transcode).toMatchObject({ bitrateKbps: 48, workers: 3, sampleRate: 16_000, timeoutMs: 1_800_000, ffmpeg: null })
})

test('the default plan takes 1001 for an extension, and neither 911 nor 112', async () => {
  const { numbers } = await accepted('')
  const internal = (text: string) => numbers.internal.some(pattern => pattern.test(text))
  expect(['101', '1001', '20000'].filter(internal)).toHaveLength(3)
  expect(['911', '112', '999', '988', '411', '+14155550100', '10', '0', '123456'].filter(internal)).toEqual([])
})

test('the configuration cannot be changed', async () => {
  const { sip, recordings, ...rest } = await accepted('')
  expect([sip, sip.listen, sip.listen[0], recordings.afterUpload, rest.numbers.internal].every(Object.isFrozen)).toBe(true)
})

describe('the environment', () => {
  test('may hold any character without being read as YAML', async () => {
    const token = 'a:b#c}{"\'&*!|>%@`'
    const given = { env: { TOKEN: token, URL: 'https://example.zendesk.com' } }
    const { zendesk } = await accepted('zendesk: { token: "${TOKEN}", base_url: "${URL}" }\n', given)
    expect(zendesk).toMatchObject({ token, baseUrl: 'https://example.zendesk.com' })
  })

  test('is not substituted into what it gave', async () => {
    expect((await accepted('data_dir: "${A}"\n', { env: { A: '${B}', B: 'no' } })).dataDir).toBe('${B}')
  })

  test('fills numbers, booleans and parts of texts; defaults and the escape work', async () => {
    const yaml =
      'site: "s-${N}-${M:-x}"\ndata_dir: "/$${literal}"\nuploads: { concurrency: "${C:-4}" }\nrecordings: { http: "${H:-false}" }\n'
    const config = await accepted(yaml, { env: { N: '1', M: '' } })
    expect(config).toMatchObject({
      site: 's-1-x',
      dataDir: '/${literal}',
      uploads: { concurrency: 4 },
      recordings: { http: false },
    })
  })

  test('with an explicit empty default leaves a key unset', async () => {
    expect((await accepted('zendesk: { base_url: "${URL:-}", token: "${TOKEN:-}" }\n')).zendesk).toMatchObject({
      baseUrl: null,
      token: null,
    })
  })

  test('set but empty counts as missing', async () => {
    expect(await complaints('site: ${A}\n', { env: { A: '' } })).toEqual([
      'config/bridge.yaml:1:7 site: environment variable A is empty — fix: set A, or write ${A:-default}',
    ])
  })

  test('never shows in a problem', async () => {
    const given = { env: { SECRET: 's3cr3t value' } }
    const found = await complaints(
      'site: ${SECRET}\nshutdown_grace: ${SECRET}\nzendesk: { token: "${SECRET}", base_url: "${SECRET}" }\n',
      given,
    )
    expect(found).toHaveLength(4)
    expect(found.join('\n')).not.toContain('s3cr3t')
    expect(found[0]).toContain('"${SECRET}" is not a short name')
  })
})

describe('secrets', () => {
  test('may come from files next to the configuration, less one line break', async () => {
    const files = { '/run/secrets/z': 'tok-1\n', 'config/admin.token': 'tok-2\r\n' }
    const yaml =
      'zendesk: { base_url: "https://a.example", token_file: /run/secrets/z }\nadmin: { token_file: admin.token, listen: "0.0.0.0:1" }\n'
    const config = await accepted(yaml, { files })
    expect([config.zendesk.token, config.admin.token]).toEqual(['tok-1', 'tok-2'])
  })

  test('are named once', async () => {
    expect(await complaints('admin:\n  token: abc\n  token_file: t\n', { files: { 'config/t': 'x' } })).toEqual([
      'config/bridge.yaml:3:15 admin.token_file: is set, and so is admin.token — fix: keep one of the two',
    ])
  })

  test('never show in a problem, wherever they were put', async () => {
    const secret = 'hunter2 hunter2'
    const files = { 'config/spaced': `${secret}\n\n`, 'config/empty': '\n' }
    const yaml = `zendesk: { token: "${secret}" }\nadmin: { token_file: "${secret}" }\nsandbox: { token_file: spaced }\nsip: { drachtio: { secret: 12345 } }\n`
    const found = (await complaints(yaml, { files })).join('\n')
    expect(found.split('\n')).toEqual([
      'config/bridge.yaml:1:19 zendesk.token: holds characters that cannot stand in a header field — fix: use visible ASCII characters, no spaces',
      'config/bridge.yaml:2:22 admin.token_file: the file it names does not exist — fix: correct the path, or the file’s permissions',
      'config/bridge.yaml:3:24 sandbox.token: begins or ends with a space or a line break — fix: remove it; only one line break at the end of a secret file is dropped',
      'config/bridge.yaml:4:28 sip.drachtio.secret: YAML reads the value as a number, not as text — fix: put it in quotes',
    ])
    expect(await complaints('admin: { token_file: empty }\n', { files })).toEqual([
      'config/bridge.yaml:1:22 admin.token: is empty — fix: set it, or remove the key',
    ])
  })

  test('in the file itself are accepted with a warning, unlike those from the environment; a token without an account is one, too', async () => {
    const loaded = await load('zendesk:\n  token: abc\n')
    expect(loaded.ok && loaded.warnings.map(formatProblem)).toEqual([
      'config/bridge.yaml:2:10 zendesk.token: stands in the file itself — fix: take it from the environment (${NAME}) or from a file (token_file)',
      'config/bridge.yaml:2:10 zendesk.token: is set, but zendesk.base_url is not: everything goes to the sandbox — fix: set zendesk.base_url',
    ])
    const given = { env: { T: 'abc' } }
    const referred = await load('admin: { token: "${T}" }\n', given)
    expect(referred).toMatchObject({ ok: true, warnings: [] })
  })

  test('are hidden when the configuration is shown', async () => {
    const config = await accepted(
      'sip: { drachtio: { secret: key1 } }\nzendesk: { token: key2, base_url: "http://localhost:1" }\nadmin: { token: key3 }\nsandbox: { token: key4 }\n',
    )
    const shown = JSON.stringify(redactedConfig(config))
    expect(shown).not.toMatch(/"key[1-4]"/)
    expect(shown.match(/\[secret\]/g)).toHaveLength(4)
    // Unset ones are not shown as set, but for the sandbox's, which has a default.
    expect(JSON.stringify(redactedConfig(await accepted(''))).match(/\[secret\]/g)).toHaveLength(1)
    expect(redactedConfig(config)).toMatchObject({ numbers: { internal: ['^(?!(?:[1-9]11|112|988|999)$)[1-9]\\d{2,4}$'] } })
  })
})

describe('the table of agents', () => {
  test('gives what a list in the file gives', async () => {
    const files = {
      'config/agents.csv': '﻿name;extension;zendesk_id\r\n"Alice ""Al"" B; Jr";1001;35436\r\n\r\n# gone;1;2\r\nBob;+1002;7'.slice(
        1,
      ),
    }
    expect((await accepted('agents_file: agents.csv\n', { files })).agents).toEqual([
      { extension: '1001', id: 35436, name: 'Alice "Al" B; Jr' },
      { extension: '+1002', id: 7, name: 'Bob' },
    ])
  })

  test('is refused with its own lines and columns', async () => {
    const files = {
      'config/agents.csv':
        'extension,zendesk_id,name\n1001,x,Alice\n1001,5,Bob\n1002,6\n"10 03",7,"A\nB"\n1003,8,Eve\n1003,9,"Eve\n',
    }
    expect(await complaints('agents_file: agents.csv\n', { files })).toEqual([
      'config/agents.csv:2:6 agents[0].zendesk_id: is a text, where a number is expected — fix: write a number',
      'config/agents.csv:4:1 agents_file: has 2 values, the header has 3 — fix: give every column a value; put a name that holds the separator in quotes',
      'config/agents.csv:5:1 agents[2].extension: "10 03" is not an extension — fix: write the digits (or the SIP user name) alone, in quotes: "1001"',
      'config/agents.csv:5:11 agents[2].name: "A\\nB" is no short line of text — fix: write up to 200 characters on one line',
      'config/agents.csv:8:8 agents_file: a quote is not closed — fix: add the closing "; a quote within a cell is written ""',
    ])
  })

  test('that is missing or has no header says so', async () => {
    expect(await complaints('agents_file: no.csv\n')).toEqual([
      'config/bridge.yaml:1:14 agents_file: config/no.csv does not exist — fix: correct the path, or the file’s permissions',
    ])
    expect(await complaints('agents_file: a.csv\n', { files: { 'config/a.csv': '1001,5,Alice\n' } })).toEqual([
      'config/a.csv:1:1 agents_file: has no column extension, zendesk_id, name — fix: begin the file with the line extension,zendesk_id,name',
    ])
  })
})

describe('anchors', () => {
  test('and merge keys are understood', async () => {
    const yaml =
      'uploads:\n  retry: &r { base: 2s }\n  give_up_after: &t 8d\n  keep_delivered: *t\nrecordings:\n  folders:\n    - &f { path: /a, settle: 1s }\n    - { <<: *f, path: /b }\n'
    const config = await accepted(yaml)
    expect(config.uploads.keepDeliveredMs).toBe(8 * 86_400_000)
    expect(config.recordings.folders).toMatchObject([
      { path: '/a', settleMs: 1000 },
      { path: '/b', settleMs: 1000 },
    ])
  })

  test.for([
    [
      'a bomb',
      `site: [${Array.from({ length: 12 }, (_, i) => `&a${i} [${i === 0 ? 'x' : `*a${i - 1},`.repeat(9)}]`).join(', ')}]\n`,
    ],
    ['a cycle', 'site: &a [*a, *a]\n'],
    ['a cycle of merges', 'log: &a { <<: *a }\n'],
    ['too many', `site: ${'&a '.repeat(45_000)}\n`],
    ['brackets without end', '['.repeat(500_000)],
    ['dashes without end', '- '.repeat(500_000)],
    ['keys without end', 'a:\n'.repeat(300_000)],
    ['steps without end', Array.from({ length: 1000 }, (_, i) => `${' '.repeat(i)}a:`).join('\n')],
  ])('%s are refused quickly', async ([, yaml]) => {
    const started = performance.now()
    expect((await complaints(yaml ?? '')).length).toBeGreaterThan(0)
    expect(performance.now() - started).toBeLessThan(10_000) // unbounded they take minutes
  })
})

test('keys that every object has are keys like others', async () => {
  const found = await complaints('__proto__: { x: 1 }\nconstructor: 1\ntoString: 2\nsip: { __proto__: 1 }\n')
  expect(found.map(text => text.split(' ')[1])).toEqual(['__proto__:', 'constructor:', 'toString:', 'sip.__proto__:'])
})

test('listening on loopback for peers elsewhere is a warning', async () => {
  const loaded = await load('sip: { trunk: { pbx: ["sip:10.0.0.5"], carrier: ["sip:10.0.0.6"] } }\n')
  expect(loaded.ok && loaded.warnings.map(({ path }) => path)).toEqual(['sip.listen'])
})

test('no text makes loading throw, and every refusal names a place, a reason and a fix', async () => {
  const words = [
    'sip:',
    'agents:',
    '- ',
    '  ',
    '\n',
    '&a ',
    '*a',
    '<<: ',
    '${A}',
    '${',
    '"',
    "'",
    '[',
    ']',
    '{',
    '}',
    ': ',
    ',',
    '|',
    '+1415',
    '~',
    '!!x ',
    '#',
    '\t',
    'token: ',
    'listen: ',
    '__proto__: ',
    'agents_file: x',
    '?',
    '---',
    '%',
  ]
  const yaml = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.array(fc.oneof(fc.constantFrom(...words), fc.string()), { maxLength: 30 }).map(parts => parts.join('')),
  )
  await fc.assert(
    fc.asyncProperty(yaml, fc.string(), async (text, file) => {
      const loaded = await load(text, { env: { A: file }, files: { 'config/x': file } })
      if (loaded.ok) return
      expect(loaded.problems.length).toBeGreaterThan(0)
      for (const problem of loaded.problems)
        expect(problem.reason.length > 0 && problem.fix.length > 0 && problem.file.length > 0).toBe(true)
    }),
    { numRuns: 300 },
  )
})

describe('real files', () => {
  let folder = ''
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tpe-config-'))
  })
  afterAll(() => rm(folder, { recursive: true }))
  const loadFile = async (name: string, content: string | Buffer | null) => {
    const path = join(folder, name)
    if (content !== null) await writeFile(path, content)
    const loaded = await loadConfig({ path, env: {}, readFile: readTextFile })
    return loaded.ok ? loaded.config.site : loaded.problems.map(problem => formatProblem(problem).replace(folder, ''))
  }

  test('are read, with a byte order mark too', async () => {
    expect(await loadFile('bom.yaml', '﻿site: branch\n')).toBe('branch')
  })

  test('that cannot be read say why', async () => {
    const fix = 'fix: name another file with -c FILE, or begin with a copy of config/bridge.example.yaml'
    expect(await loadFile('absent.yaml', null)).toEqual([`/absent.yaml: does not exist — ${fix}`])
    expect(await loadFile('.', null)).toEqual([`: is a folder — ${fix}`])
    expect(await loadFile('latin1.yaml', Buffer.from('site: Zürich', 'latin1'))).toEqual([
      `/latin1.yaml: is not UTF-8 text — ${fix}`,
    ])
    expect(await loadFile('large.yaml', Buffer.alloc(maxFileBytes + 1, 35))).toEqual([
      `/large.yaml: is larger than 1 MiB — ${fix}`,
    ])
  })
})
