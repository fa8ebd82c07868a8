/** Items and their encoded audio, in a folder that is gone after the test. */
import { createHash, randomUUID } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import type { CallParty, CallSnapshot } from '../../src/events/event.ts'
import { callIdOf } from '../../src/events/ids.ts'
import type { EncodedAudio, RecordingId, RecordingItem, VoicemailItem } from '../../src/events/recording.ts'

export const startedAt = Date.UTC(2026, 10, 22, 23, 59, 59, 999)
export const unhurried = new AbortController().signal

export async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'tpe-archive-'))
  onTestFinished(() => rm(path, { recursive: true, force: true }))
  return path
}

export async function encodedAs(content: string | Buffer, inFolder: string): Promise<EncodedAudio> {
  const path = join(inFolder, `${randomUUID()}.mp3`)
  await writeFile(path, content)
  const sha256 = createHash('sha256').update(content).digest('hex')
  return { path, size: content.length, sha256, durationMs: 1000, channels: 1, sampleRate: 8000 }
}

export function recording(id: string, changes: Partial<RecordingItem> = {}): RecordingItem {
  return {
    kind: 'recording',
    id: id as RecordingId,
    state: 'queued',
    reason: null,
    sourcePath: '/var/spool/asterisk/monitor/a.wav',
    sourceSize: 1,
    sourceMtimeMs: startedAt,
    foundAt: startedAt,
    startedAt,
    source: null,
    encoded: null,
    callId: null,
    hints: { sipCallId: null, unique: null, from: null, to: null, startedAt: null },
    matchedBy: null,
    ...changes,
  }
}

export function voicemail(id: string): VoicemailItem {
  const { hints: _hints, matchedBy: _matchedBy, ...base } = recording(id)
  return { ...base, kind: 'voicemail', from: caller, to: alice, mailbox: '1001', receivedAt: startedAt + 1000 }
}

export const caller: CallParty = { kind: 'e164', value: '+14155550100', display: 'Jürgen' }
export const alice: CallParty = { kind: 'extension', value: '1001', display: null }

export const call: CallSnapshot = {
  id: callIdOf('abc@pbx'),
  from: caller,
  to: alice,
  direction: 'inbound',
  outcome: { status: 'connected', reason: 'completed', sipCode: 200, q850: 16 },
  startedAt: startedAt - 5000,
  answeredAt: startedAt,
  endedAt: startedAt + 1000,
  durationMs: 1000,
  waitMs: 5000,
  holdMs: 0,
  agents: [{ id: 35436, extension: '1001', name: 'Alice' }],
  tags: ['vip'],
  legs: [
    {
      sipCallId: 'abc@pbx',
      from: caller,
      to: alice,
      direction: 'inbound',
      startedAt: startedAt - 5000,
      answeredAt: startedAt,
      endedAt: startedAt + 1000,
      sipCode: 200,
      q850: 16,
    },
  ],
}
