/**
 * The lives of a call's SIP calls beside each other, with its events: what is stored of a call as a picture, at most 100 characters wide.
 * More SIP calls than there is room for are told line by line.
 */
import type { Call } from '../../events/call.ts'
import { answeredAtOf } from '../../events/legs.ts'
import type { SipCall } from '../../events/sip-call.ts'
import { ladderWidth, since } from './ladder.ts'
import { type EventReport, markOf } from './report.ts'

/** Something that happened to a SIP call. */
interface Moment {
  readonly at: number
  readonly lane: number
  readonly sign: '┬' | '┼' | '├' | '┴'
  readonly text: string
}

const timeWidth = 13
const eventWidth = 18
const narrowest = 18
const widest = 26

/** Lines without an end of line; times count from when the first SIP call began. */
export function lifeLines(call: Pick<Call, 'sipCalls'>, events: readonly EventReport[]): readonly string[] {
  const { sipCalls } = call
  if (sipCalls.length === 0) return ['  none of its SIP calls is stored']
  const start = Math.min(...sipCalls.map(({ startedAt }) => startedAt))
  const moments = sipCalls.flatMap(momentsOf)
  const rows = [
    ...moments.map(moment => ({ at: moment.at, moment, event: '' })),
    ...events.map(({ at, type }) => ({ at, moment: null, event: type })),
  ].toSorted((a, b) => a.at - b.at)
  const left = timeWidth + eventWidth
  const width = Math.min(widest, Math.floor((ladderWidth - left) / sipCalls.length))
  if (width < narrowest)
    return rows.map(({ at, moment, event }) => {
      const what = moment === null ? event : `${markOf(moment.lane)} ${moment.text}`
      return `${since(start, at).padStart(timeWidth - 3)} ${what}`
    })
  const head = sipCalls.map(({ from, to }, i) => cut(`${markOf(i)} ${from.value} → ${to.value}`, width - 1).padEnd(width))
  return [
    `${''.padEnd(left)}${head.join('')}`.trimEnd(),
    ...rows.map(({ at, moment, event }, row) => {
      const lanes = sipCalls.map((_, lane) => {
        if (moment?.lane === lane) return cut(`${moment.sign} ${moment.text}`, width - 1).padEnd(width)
        const before = rows.slice(0, row).flatMap(({ moment }) => (moment?.lane === lane ? [moment.sign] : []))
        return (before.length > 0 && !before.includes('┴') ? '│' : '').padEnd(width)
      })
      return `${since(start, at).padStart(timeWidth - 3)}   ${event.padEnd(eventWidth)}${lanes.join('')}`.trimEnd()
    }),
  ]
}

function momentsOf({ startedAt, phase, legs, to }: SipCall, lane: number): readonly Moment[] {
  const answers = legs.flatMap((leg): readonly Moment[] => {
    const at = answeredAtOf(leg)
    return at === null ? [] : [{ at, lane, sign: '┼', text: `${leg.to.value === to.value ? '' : `${leg.to.value} `}answers` }]
  })
  const gaveUp = legs.flatMap(({ state, to: phone }): readonly Moment[] => {
    const isOfFork = legs.length > 1 && state.kind === 'ended'
    return isOfFork ? [{ at: state.endedAt, lane, sign: '├', text: `${phone.value} ends${codeOf(state.sipCode)}` }] : []
  })
  const end: readonly Moment[] =
    phase.kind === 'ended'
      ? [{ at: phase.endedAt, lane, sign: '┴', text: `${phase.outcome.reason}${codeOf(phase.outcome.sipCode)}` }]
      : []
  return [{ at: startedAt, lane, sign: '┬', text: 'begins' }, ...answers, ...gaveUp, ...end]
}

const codeOf = (sipCode: number | null): string => (sipCode === null || sipCode === 200 ? '' : ` ${sipCode}`)

const cut = (text: string, room: number): string => (text.length <= room ? text : `${text.slice(0, room - 1)}…`)
