import { expect, test } from 'vitest'
import type { Upload } from '../../../src/uploads/store/upload.ts'
import { filterOf, type UploadFilter } from '../../../src/uploads/store/upload-filter.ts'

const dead: Upload = {
  id: 'rec_1',
  sink: 'zendesk',
  kind: 'recording',
  state: 'dead',
  callId: 'call_1',
  attempts: 3,
  reason: '422 File is not MP3',
  createdAt: 1_000,
  nextAttemptAt: null,
  deliveredAt: null,
  remoteId: null,
}

test.each<[UploadFilter, boolean]>([
  [{}, true],
  [{ state: null, sink: null, kind: null, callId: null, since: null, until: null, reasonContains: null }, true],
  [{ state: 'dead' }, true],
  [{ state: 'pending' }, false],
  [{ sink: 'archive' }, false],
  [{ kind: 'recording' }, true],
  [{ kind: 'event' }, false],
  [{ callId: 'call_1' }, true],
  [{ callId: 'call_2' }, false],
  [{ since: 1_000, until: 1_001 }, true],
  [{ since: 1_001 }, false],
  [{ until: 1_000 }, false],
  [{ reasonContains: 'not mp3' }, true],
  [{ reasonContains: '%' }, false],
  [{ state: 'dead', reasonContains: '503' }, false],
])('%j fits: %s', (filter, fits) => {
  expect(filterOf(filter)(dead)).toBe(fits)
})

test('what has no reason contains none', () => {
  expect(filterOf({ reasonContains: '' })({ ...dead, reason: null })).toBe(false)
})
