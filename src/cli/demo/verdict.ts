/** What has to have arrived after the demo's day at the office, and whether it has. Pure. */
import type { Arrivals, ArrivedCall } from './arrivals.ts'
import type { MadeAudio } from './office.ts'

interface Expected {
  readonly scene: string
  readonly from: string
  readonly to: string
  readonly direction: string
  readonly outcome: string
  readonly events: string
}

const expected: readonly Expected[] = [
  {
    scene: 'answered',
    from: '+14155550100',
    to: '1001',
    direction: 'inbound',
    outcome: 'connected completed',
    events: 'started ringing answered ended',
  },
  {
    scene: 'outbound, held',
    from: '1002',
    to: '+14155550142',
    direction: 'outbound',
    outcome: 'connected completed',
    events: 'started ringing answered held resumed ended',
  },
  {
    scene: 'missed',
    from: '+14155550111',
    to: '1003',
    direction: 'inbound',
    outcome: 'missed no-answer',
    events: 'started ringing ended',
  },
  {
    scene: 'caller gave up',
    from: '+14155550122',
    to: '1004',
    direction: 'inbound',
    outcome: 'abandoned caller-hung-up',
    events: 'started ringing ended',
  },
  { scene: 'busy', from: '+14155550133', to: '1005', direction: 'inbound', outcome: 'missed busy', events: 'started ended' },
  {
    scene: 'voicemail',
    from: '+14155550111',
    to: '1006',
    direction: 'inbound',
    outcome: 'connected completed',
    events: 'started ringing answered ended',
  },
]

export interface SceneResult {
  readonly scene: string
  readonly call: ArrivedCall | null
  /** What is not as it should be; empty when all is well. */
  readonly faults: readonly string[]
}

export interface AudioResult {
  readonly made: MadeAudio
  readonly mp3Ms: number | null
  readonly of: string
  readonly faults: readonly string[]
}

/** Whether nothing is missing any more, so that there is nothing to wait for. */
export function isComplete(arrivals: Arrivals, made: readonly MadeAudio[]): boolean {
  const ended = arrivals.calls.filter(call => call.events.at(-1) === 'ended')
  return ended.length >= expected.length && arrivals.audio.length >= made.length
}

export function judgeCalls({ calls }: Arrivals): SceneResult[] {
  return expected.map(({ scene, from, to, direction, outcome, events }) => {
    const matching = calls.filter(call => call.from === from && call.to === to)
    const [call = null] = matching
    if (call === null) return { scene, call, faults: [`no call from ${from} to ${to} arrived`] }
    const faults = [
      ...differs('calls', '1', String(matching.length)),
      ...differs('direction', direction, call.direction),
      ...differs('outcome', outcome, `${call.status} ${call.reason}`),
      ...differs('events', events, call.events.join(' ')),
      ...(call.inOrder ? [] : ['its events arrived out of order']),
    ]
    return { scene, call, faults }
  })
}

/** Each made file has one MP3 of its length, which the same voices never share: lengths differ by more than the tolerance. */
export function judgeAudio({ audio }: Arrivals, made: readonly MadeAudio[]): AudioResult[] {
  const left = [...audio]
  return made.map(file => {
    const at = left.findIndex(
      ({ kind, durationMs }) => kind === file.kind && Math.abs(durationMs - file.durationMs) <= toleranceMs,
    )
    const [found] = at === -1 ? [] : left.splice(at, 1)
    if (found === undefined)
      return { made: file, mp3Ms: null, of: '-', faults: [`no ${file.kind} of ${file.durationMs} ms arrived`] }
    return { made: file, mp3Ms: found.durationMs, of: found.of, faults: [] }
  })
}

/** An MP3 ends on a frame: 72 ms at 8 kHz. */
const toleranceMs = 150

function differs(what: string, wanted: string, got: string): string[] {
  return wanted === got ? [] : [`${what}: ${got} instead of ${wanted}`]
}
