import { expect, test } from 'vitest'
import { spoolPlace } from '../../src/bridge/erasure-places.ts'
import { aRecording } from '../uploads/fixtures.ts'

const errand = { keepSources: false, places: {}, remoteId: null, wasSent: false, archiveKey: null, files: [], elsewhere: [] }
const signal = new AbortController().signal

test('a spool whose disk refuses is one place that is tried again; a bug of ours is none', async () => {
  const refusing = (error: Error) => spoolPlace({ erase: () => Promise.reject(error) })
  const readOnly = Object.assign(new Error('EROFS: read-only file system, unlink x'), { code: 'EROFS' })
  expect(await refusing(readOnly).erase(aRecording('r1', null), errand, signal)).toMatchObject({
    kind: 'retry',
    reason: expect.stringContaining('mounted read-only'),
  })
  await expect(refusing(new TypeError('ours')).erase(aRecording('r1', null), errand, signal)).rejects.toThrow('ours')
})
