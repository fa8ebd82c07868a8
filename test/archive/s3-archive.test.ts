import { execFile } from 'node:child_process'
import { randomBytes, randomUUID } from 'node:crypto'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, onTestFinished, test } from 'vitest'
import { ArchiveError } from '../../src/archive/archive.ts'
import type { S3Account } from '../../src/archive/s3/client.ts'
import { S3Archive } from '../../src/archive/s3/s3-archive.ts'
import { alice, call, encodedAs, folder, recording, unhurried, voicemail } from './audio.ts'
import { type S3ServerOptions, s3Server } from './s3-server.ts'
import { keys } from './s3-store.ts'

const key = 'hq/2026/11/22/rec_a.mp3'

async function site({
  server: serverOptions,
  account: changes,
  publicUrl = null,
}: {
  server?: S3ServerOptions
  account?: Partial<S3Account>
  publicUrl?: string | null
} = {}) {
  const { store, endpoint, region, bucket } = await s3Server(serverOptions)
  const spool = await folder()
  const account: S3Account = {
    bucket,
    prefix: 'pbx/',
    region,
    endpoint,
    credentials: keys,
    pathStyle: true,
    storageClass: null,
    sse: null,
    kmsKeyId: null,
    checksums: 'sha256',
    ...changes,
  }
  const archive = new S3Archive({
    account,
    site: 'hq',
    publicUrl,
    newName: randomUUID,
    clock: Date.now,
    partBytes: 5 * 1_048_576,
  })
  onTestFinished(() => archive.stop())
  return { store, archive, spool, encoded: (content: string | Buffer) => encodedAs(content, spool) }
}

async function failure(work: Promise<unknown>): Promise<ArchiveError> {
  const error = await work.then(
    () => null,
    cause => cause,
  )
  if (!(error instanceof ArchiveError)) throw new Error(`no ArchiveError: ${String(error)}`, { cause: error })
  expect(error.message).not.toContain(keys.secretKey)
  return error
}

describe('a bucket as archive', () => {
  test('keeps audio under prefix, site, day and id, tells what it is, and is asked whether it did', async () => {
    const { store, archive, encoded } = await site({ publicUrl: 'https://calls.example.com/' })
    const item = recording('rec_a', { callId: call.id })
    expect(await archive.store(item, await encoded('voice'), { call }, unhurried)).toEqual({
      key,
      url: `https://calls.example.com/${key}`,
    })
    expect(store.objects.get(`pbx/${key}`)).toMatchObject({
      bytes: Buffer.from('voice'),
      headers: {
        'content-type': 'audio/mpeg',
        'x-amz-meta-call': call.id,
        'x-amz-meta-direction': 'inbound',
        'x-amz-meta-from': '+14155550100',
        'x-amz-meta-to': '1001',
        'x-amz-meta-site': 'hq',
      },
    })
    expect(store.operations).toEqual(['Head', 'Put', 'Head', 'Head', 'Put', 'Head'])
  })

  test('keeps a record beside the audio when the call is known, and none when it is not', async () => {
    const { store, archive, encoded } = await site()
    await archive.store(recording('rec_a'), await encoded('voice'), { call }, unhurried)
    await archive.store(recording('rec_b'), await encoded('voice'), null, unhurried)
    expect([...store.objects.keys()].sort()).toEqual([
      'pbx/hq/2026/11/22/rec_a.mp3',
      'pbx/hq/2026/11/22/rec_a.vcon.json',
      'pbx/hq/2026/11/22/rec_b.mp3',
    ])
    const record = store.objects.get('pbx/hq/2026/11/22/rec_a.vcon.json')
    expect(record?.headers['content-type']).toBe('application/vcon+json')
    expect(JSON.parse(record?.bytes.toString() ?? '')).toMatchObject({ vcon: '0.4.0', dialog: [{ filename: 'rec_a.mp3' }] })
  })

  test('does not send again what is there, and replaces what is not whole', async () => {
    const { store, archive, encoded } = await site()
    const audio = await encoded('voice')
    const object = `pbx/${key}`
    await archive.store(recording('rec_a'), audio, null, unhurried)
    await archive.store(recording('rec_a'), audio, null, unhurried)
    expect(store.operations.filter(name => name === 'Put')).toHaveLength(1)
    const kept = store.objects.get(object)
    if (kept === undefined) throw new Error('nothing is kept')
    store.objects.set(object, { ...kept, bytes: Buffer.from('voic') })
    await archive.store(recording('rec_a'), audio, null, unhurried)
    expect(store.objects.get(object)?.bytes.toString()).toBe('voice')
  })

  test('sends large audio in parts, whole and in order', async () => {
    const { store, archive, encoded } = await site()
    const bytes = randomBytes(11 * 1_048_576)
    await archive.store(recording('rec_a'), await encoded(bytes), { call }, unhurried)
    expect(store.operations).toEqual([
      'Head',
      'ListUploads',
      'Begin',
      'Part',
      'Part',
      'Part',
      'Complete',
      'Head',
      'Head',
      'Put',
      'Head',
    ])
    expect(store.objects.get(`pbx/${key}`)?.bytes.equals(bytes)).toBe(true)
    expect(store.uploads.size).toBe(0)
  })

  test.each(['Part', 'Complete'])('gives up all parts when %s fails, and does it all at the next try', async operation => {
    const { store, archive, encoded } = await site()
    const audio = await encoded(randomBytes(6 * 1_048_576))
    store.fault = asked => (asked.operation === operation ? { status: 500, code: 'InternalError' } : null)
    expect((await failure(archive.store(recording('rec_a'), audio, null, unhurried))).blame.kind).toBe('retry')
    expect(store.uploads.size).toBe(0)
    expect(store.operations).toContain('Abort')
    store.fault = () => null
    await archive.store(recording('rec_a'), audio, null, unhurried)
    expect(store.objects.get(`pbx/${key}`)?.bytes.length).toBe(audio.size)
  })

  test('believes no 200 that has an error in its body', async () => {
    const { store, archive, encoded } = await site()
    const audio = await encoded(randomBytes(6 * 1_048_576))
    store.fault = asked => (asked.operation === 'Complete' ? 'late' : null)
    const error = await failure(archive.store(recording('rec_a'), audio, null, unhurried))
    expect(error).toMatchObject({ blame: { kind: 'retry' }, message: expect.stringContaining('InternalError') })
    expect(store.uploads.size).toBe(0)
  })

  test.each([
    ['lose', 'does not have it as it was sent'],
    ['late', 'InternalError'],
  ] as const)('believes no 200 to a PUT after which nothing is there (%s)', async (fault, words) => {
    const { store, archive, encoded } = await site()
    store.fault = asked => (asked.operation === 'Put' ? fault : null)
    const error = await failure(archive.store(recording('rec_a'), await encoded('voice'), null, unhurried))
    expect(error).toMatchObject({ blame: { kind: 'retry' }, message: expect.stringContaining(words) })
  })

  test.each([
    ['small', 5, 6],
    ['large', 6 * 1_048_576, 10],
  ])(
    'ends with the same objects whichever request of %s audio is lost, before it is heard or after',
    async (_name, size, requests) => {
      const { store, archive, encoded } = await site()
      const audio = await encoded(randomBytes(size))
      for (let lost = 0; lost < requests; lost += 1) {
        store.objects.clear()
        let asked = 0
        store.fault = () => (asked++ === lost ? (lost % 2 === 0 ? 'cut' : 'unheard') : null)
        // Looking for abandoned uploads may fail without harm; everything else is tried again.
        await archive
          .store(recording('rec_a'), audio, { call }, unhurried)
          .catch(cause => expect(cause).toBeInstanceOf(ArchiveError))
        await archive.store(recording('rec_a'), audio, { call }, unhurried)
        expect([...store.objects].map(([name, { bytes }]) => [name, bytes.length > 0])).toEqual([
          ['pbx/hq/2026/11/22/rec_a.mp3', true],
          ['pbx/hq/2026/11/22/rec_a.vcon.json', true],
        ])
        expect(store.objects.get(`pbx/${key}`)?.bytes.length).toBe(size)
      }
    },
  )

  test('gives up what a process that died left, once it is a day old, and of this key only', async () => {
    const { store, archive, encoded } = await site()
    const left = (of: string, ageMs: number) => ({ key: of, headers: {}, parts: new Map(), initiatedAt: Date.now() - ageMs })
    store.uploads.set('old', left(`pbx/${key}`, 90_000_000))
    store.uploads.set('young', left(`pbx/${key}`, 1000))
    store.uploads.set('other', left(`pbx/${key}.bak`, 90_000_000))
    await archive.store(recording('rec_a'), await encoded(randomBytes(6 * 1_048_576)), null, unhurried)
    expect([...store.uploads.keys()]).toEqual(['young', 'other'])
  })

  test('asks for storage class and encryption, of parts too', async () => {
    const account = { storageClass: 'STANDARD_IA', sse: 'aws:kms', kmsKeyId: 'key-1' } as const
    const { store, archive, encoded } = await site({ account })
    const wanted = {
      'x-amz-storage-class': 'STANDARD_IA',
      'x-amz-server-side-encryption': 'aws:kms',
      'x-amz-server-side-encryption-aws-kms-key-id': 'key-1',
    }
    await archive.store(recording('rec_a'), await encoded('voice'), null, unhurried)
    await archive.store(recording('rec_b'), await encoded(randomBytes(6 * 1_048_576)), null, unhurried)
    for (const { headers } of store.objects.values()) expect(headers).toMatchObject(wanted)
  })

  test('works with a store that knows no checksums', async () => {
    const { store, archive, encoded } = await site({ server: { checksums: false }, account: { checksums: 'none' } })
    await archive.store(recording('rec_a'), await encoded('voice'), { call }, unhurried)
    await archive.store(recording('rec_b'), await encoded(randomBytes(6 * 1_048_576)), null, unhurried)
    expect(store.objects.size).toBe(3)
  })

  test('writes metadata in ASCII, whatever the names are', async () => {
    const { store, archive, encoded } = await site()
    const from = { kind: 'other', value: `Zoë\r\n100% ${'ü'.repeat(200)}`, display: null } as const
    await archive.store(voicemail('rec_a'), await encoded('voice'), { call: { ...call, from, to: alice } }, unhurried)
    const value = store.objects.get(`pbx/${key}`)?.headers['x-amz-meta-from'] ?? ''
    expect(value).toMatch(/^Zo%C3%AB%0D%0A100%25%20(%C3%BC)+/)
    expect(value.length).toBeLessThanOrEqual(160)
  })

  test('gives back what it keeps, and leaves no file when that is something else or cut', async () => {
    const { store, archive, encoded, spool } = await site()
    const audio = await encoded('voice')
    await archive.store(recording('rec_a'), audio, null, unhurried)
    const path = join(spool, 'back')
    await archive.fetch(key, { ...audio, path }, unhurried)
    expect(await readFile(path, 'utf8')).toBe('voice')
    const before = await readdir(spool)
    const elsewhere = { ...audio, path: join(spool, 'other') }
    expect((await failure(archive.fetch(key, { ...elsewhere, sha256: '0'.repeat(64) }, unhurried))).blame.kind).toBe('reject')
    store.fault = () => 'half'
    expect((await failure(archive.fetch(key, elsewhere, unhurried))).blame.kind).toBe('retry')
    store.fault = () => null
    expect((await failure(archive.fetch('hq/2026/11/22/rec_z.mp3', elsewhere, unhurried))).blame.kind).toBe('reject')
    expect(await readdir(spool)).toEqual(before)
  })

  test('deletes audio with its record, once, and nothing that is held', async () => {
    const { store, archive, encoded } = await site()
    await archive.store(recording('rec_a'), await encoded('voice'), { call }, unhurried)
    store.objects.set(`pbx/${key}.hold`, { bytes: Buffer.alloc(0), headers: {}, sha256: null })
    expect(await archive.delete(key, unhurried)).toBe('held')
    expect(store.objects.size).toBe(3)
    store.objects.delete(`pbx/${key}.hold`)
    expect(await archive.delete(key, unhurried)).toBe('deleted')
    expect(await archive.delete(key, unhurried)).toBe('absent')
    expect(store.objects.size).toBe(0)
    await expect(archive.delete('../elsewhere', unhurried)).rejects.toThrow(TypeError)
  })

  test('lists the audio of its site, oldest first, page by page, up to a day', async () => {
    const { store, archive, encoded } = await site()
    const audio = await encoded('voice')
    for (const [id, day] of Object.entries({ a: 20, b: 3, c: 21, d: 22, e: 3 })) {
      await archive.store(recording(id, { startedAt: Date.UTC(2026, 10, day, 12) }), audio, { call }, unhurried)
    }
    for (const other of ['pbx/hq2/2026/01/01/x.mp3', 'pbx/hq/notes.txt', 'hq/2026/01/01/x.mp3']) {
      store.objects.set(other, { bytes: Buffer.alloc(0), headers: {}, sha256: null })
    }
    const listed: string[] = []
    for await (const { key: found } of archive.list(Date.UTC(2026, 10, 22), unhurried)) listed.push(found.slice(11))
    expect(listed).toEqual(['03/b.mp3', '03/e.mp3', '20/a.mp3', '21/c.mp3'])
  })

  test('stops when it is told to, and gives its parts up', async () => {
    const { store, archive, encoded } = await site()
    const stopping = new AbortController()
    store.fault = asked => {
      if (asked.operation === 'Part') stopping.abort(new Error('stopping'))
      return null
    }
    const audio = await encoded(randomBytes(6 * 1_048_576))
    await expect(archive.store(recording('rec_a'), audio, null, stopping.signal)).rejects.toThrow('stopping')
    expect(store.uploads.size).toBe(0)
  })

  test('says that the encoded file is gone or changed, and asks the store nothing', async () => {
    const { store, archive, encoded, spool } = await site()
    const audio = await encoded('voice')
    await writeFile(audio.path, 'VOICE')
    const changed = await failure(archive.store(recording('rec_a'), audio, null, unhurried))
    expect(changed).toMatchObject({ blame: { kind: 'reject' }, message: expect.stringContaining('is not what was encoded') })
    const gone = await failure(archive.store(recording('rec_a'), { ...audio, path: join(spool, 'gone') }, null, unhurried))
    expect(gone).toMatchObject({ blame: { kind: 'reject' }, message: expect.stringContaining('restore it and redrive') })
    expect(store.asked).toEqual([])
  })
})

describe('what a refusal of S3 means', () => {
  const wait = { kind: 'wait', scope: 'sink' }
  test.each([
    ['SlowDown', { status: 503, code: 'SlowDown' }, { ...wait, afterMs: 5000 }, 'SlowDown'],
    ['Retry-After', { status: 503, code: 'SlowDown', headers: { 'retry-after': '7' } }, { ...wait, afterMs: 7000 }, 'SlowDown'],
    ['429', { status: 429, code: 'TooManyRequests' }, { ...wait, afterMs: 5000 }, '429'],
    ['500', { status: 500, code: 'InternalError' }, { kind: 'retry', afterMs: null }, '500 InternalError it said InternalError'],
    ['a gateway', { status: 502, html: '<html><body>Bad <b>Gateway</body>' }, { kind: 'retry', afterMs: null }, '502'],
    ['a lost connection', 'cut', { kind: 'retry', afterMs: null }, 'ECONNRESET'],
    ['damage on the way', { status: 400, code: 'BadDigest' }, { kind: 'retry', afterMs: null }, 'BadDigest'],
    ['a time-out', { status: 400, code: 'RequestTimeout' }, { kind: 'retry', afterMs: null }, 'RequestTimeout'],
    ['no permission', { status: 403, code: 'AccessDenied' }, { ...wait, afterMs: 60_000 }, 's3:PutObject'],
    ['a clock', { status: 403, code: 'RequestTimeTooSkewed' }, { ...wait, afterMs: 60_000 }, "set this machine's clock"],
    ['a full store', { status: 507, code: 'XMinioStorageFull' }, { ...wait, afterMs: 60_000 }, 'make room'],
    ['a KMS key', { status: 400, code: 'KMS.DisabledException' }, { ...wait, afterMs: 60_000 }, 'archive.s3.kms_key_id'],
    ['anything else', { status: 400, code: 'InvalidArgument' }, { kind: 'reject' }, 'InvalidArgument'],
    [
      'another region',
      { status: 301, code: 'PermanentRedirect', headers: { 'x-amz-bucket-region': 'us-east-2' } },
      { ...wait, afterMs: 60_000 },
      'write archive.s3.region: us-east-2',
    ],
  ] as const)('%s', async (_name, fault, blame, words) => {
    const { store, archive, encoded } = await site()
    store.fault = asked => (asked.operation === 'Put' ? fault : null)
    const error = await failure(archive.store(recording('rec_a'), await encoded('voice'), null, unhurried))
    expect(error).toMatchObject({ blame, message: expect.stringContaining(words) })
    expect(store.operations).toEqual(['Head', 'Put'])
  })

  test.each([
    ['a wrong secret', { credentials: { ...keys, secretKey: 'wrong' } }, 'archive.s3.secret_key'],
    ['an unknown key', { credentials: { ...keys, accessKey: 'AKIAOTHER' } }, 'archive.s3.access_key'],
    ['a wrong region', { region: 'us-east-1' }, 'write archive.s3.region: eu-west-1'],
    ['a wrong bucket', { bucket: 'other' }, 'correct archive.s3.bucket'],
  ])('%s holds the archive until it is corrected', async (_name, account, words) => {
    const { archive, encoded } = await site({ account })
    const error = await failure(archive.store(recording('rec_a'), await encoded('voice'), null, unhurried))
    expect(error).toMatchObject({ blame: { kind: 'wait', scope: 'sink', afterMs: 60_000 } })
    expect(error.message).toContain(words)
  })

  test('no store at all is tried again', async () => {
    const { archive, encoded } = await site({ account: { endpoint: 'http://127.0.0.1:1' } })
    const error = await failure(archive.store(recording('rec_a'), await encoded('voice'), null, unhurried))
    expect(error).toMatchObject({ blame: { kind: 'retry' }, message: expect.stringContaining('ECONNREFUSED') })
  })
})

test('nothing about the version of Node is written to the terminal', async () => {
  const script = `
    const { s3Client } = await import(${JSON.stringify(new URL('../../dist/archive/s3/client.js', import.meta.url).href)})
    s3Client({ bucket: 'a', prefix: '', region: 'eu-west-1', endpoint: null, credentials: null, pathStyle: false, storageClass: null, sse: null, kmsKeyId: null, checksums: 'sha256' })`
  const { stderr } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script])
  expect(stderr).toBe('')
})
