/** What happens to one caller, as the outbox is told of it; and what a person would then expect to find. */
import { createHash } from 'node:crypto'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import type { CallEvent, CallParty } from '../../../src/events/event.ts'
import type { AudioItem, EncodedAudio } from '../../../src/events/recording.ts'
import { answeredCall, callerNo, missedCall, transferredCall } from '../calls/made-scenarios.ts'
import { madeRecording, madeVoicemail } from '../made-events.ts'
import type { Found } from './dialects.ts'

export interface Story {
  readonly caller: CallParty
  readonly events: readonly CallEvent[]
  readonly items: readonly AudioItem[]
  readonly expected: Found
}

export interface Audio {
  readonly short: EncodedAudio
  readonly fourHours: EncodedAudio
}

const answered = { answered: true, ended: true }
const unanswered = { answered: false, ended: true }

/** `n` makes a caller that nobody else has. */
export const stories: Readonly<Record<string, (n: number, audio: Audio) => Story>> = {
  'an inbound call is answered and recorded': (n, { short }) => recorded(n, 'a', short),
  'a call is missed': n => ({
    caller: callerNo(n),
    events: missedCall(`call_m${n}`, callerNo(n)),
    items: [],
    expected: { calls: [unanswered], tickets: 1, audio: 0 },
  }),
  'a caller leaves a message': (n, { short }) => ({
    caller: callerNo(n),
    events: missedCall(`call_v${n}`, callerNo(n), true),
    items: [{ ...madeVoicemail(`vm_${n}`, short, `call_v${n}`), from: callerNo(n) }],
    expected: { calls: [unanswered], tickets: 1, audio: 1 },
  }),
  'a call is handed to a colleague': (n, { short }) => ({
    caller: callerNo(n),
    events: transferredCall(`call_t${n}`, callerNo(n)),
    items: [madeRecording(`rec_t${n}`, short, `call_t${n}`)],
    expected: { calls: [answered], tickets: 1, audio: 1 },
  }),
  'a recording of four hours': (n, { fourHours }) => recorded(n, 'l', fourHours),
  'the same caller is missed again': n => ({
    caller: callerNo(n),
    events: [...missedCall(`call_r${n}`, callerNo(n)), ...missedCall(`call_s${n}`, callerNo(n))],
    items: [],
    expected: { calls: [unanswered, unanswered], tickets: 1, audio: 0 },
  }),
}

function recorded(n: number, kind: string, audio: EncodedAudio): Story {
  const id = `call_${kind}${n}`
  return {
    caller: callerNo(n),
    events: answeredCall(id, callerNo(n)),
    items: [madeRecording(`rec_${kind}${n}`, audio, id)],
    expected: { calls: [answered], tickets: 1, audio: 1 },
  }
}

/** Four hours of silence at 24 kbit/s, as the transcoder makes them when 50 MB is the limit: MPEG-2.5 frames of 216 bytes, 72 ms. */
export async function fourHours(folder: string): Promise<EncodedAudio> {
  const frame = Buffer.concat([Buffer.from([0xff, 0xe3, 0x38, 0xc4]), Buffer.alloc(212)])
  const info = Buffer.from(frame)
  info.write('Info', 4 + 9, 'latin1')
  const pieceOf72s = Buffer.concat(Array.from({ length: 1_000 }, () => frame))
  const path = join(folder, 'long.mp3')
  const file = await open(path, 'w')
  const hash = createHash('sha256')
  for (const piece of [info, ...Array.from({ length: 200 }, () => pieceOf72s)]) {
    await file.write(piece)
    hash.update(piece)
  }
  await file.close()
  return {
    path,
    size: info.length + 200 * pieceOf72s.length,
    sha256: hash.digest('hex'),
    durationMs: 200 * 72_000,
    channels: 1,
    sampleRate: 8000,
  }
}
