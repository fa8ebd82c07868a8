/** A trace for people: for each call who called whom, the ladder, the SIP calls and why they are one, the events; then what stayed alone. */
import type { CallSnapshot } from '../../events/event.ts'
import type { Ignored } from '../../events/step.ts'
import { formatTable, formatTime } from '../table.ts'
import { type Alone, dialplanAdvice } from './explain.ts'
import { ladder, ladderWidth, since } from './ladder.ts'
import type { IgnoredSignal } from './replay.ts'
import type { CallReport, EventReport, SipReport, TraceReport } from './report.ts'

const mostRungs = 300
const mostIgnored = 20

/** The calls, one after the other. */
export function textOfCall(report: CallReport): string {
  const { call, sipCalls, places, messages, events, ignored, absorbed, leftOut } = report
  const start = call.startedAt
  const shown = messages.slice(0, mostRungs)
  const hidden = messages.length - shown.length + leftOut.tooMany
  const left = [
    ...(leftOut.acks > 0 ? [`${leftOut.acks} ACK`] : []),
    ...(leftOut.repeated > 0 ? [`${leftOut.repeated} sent again (×)`] : []),
    ...(hidden > 0 ? [`${hidden} more than fit here`] : []),
  ]
  return [
    ...headOf(call, report.goesOn),
    '',
    ...sipLines(sipCalls),
    '',
    ...ladder(shown, places, start),
    ...(left.length === 0 ? [] : [`${' '.repeat(11)}left out: ${left.join(', ')}`]),
    '',
    ...eventLines(events, start),
    ...absorbed.flatMap(({ id, reason, at, events }) => [
      `  until ${since(start, at)} ${id} was a call of its own, joined by ${reason}:`,
      ...eventLines(events, start),
    ]),
    ...ignoredLines(ignored, start, sipCalls),
  ].join('\n')
}

/** Who called whom, and how it went. */
export function headOf(call: CallSnapshot, goesOn: boolean): readonly string[] {
  const { outcome, agents, transfers = [] } = call
  const how =
    outcome === null
      ? `${call.answeredAt === null ? 'not answered' : 'talking'}; ${goesOn ? 'still going on when the capture ends' : 'in progress'}`
      : `${outcome.status} (${outcome.reason}${outcome.q850 === null ? '' : `, Q.850 ${outcome.q850}`})`
  const names = agents.map(({ name, extension }) => `${name} (${extension})`).join(', ')
  return [
    `${call.direction} ${call.from.value} → ${call.to.value}: ${how}`,
    `  ${call.id}, from ${formatTime(call.startedAt)} (UTC)`,
    `  waited ${seconds(call.waitMs)}, talked ${seconds(call.durationMs)}, held ${seconds(call.holdMs)}${names === '' ? '' : `, agents ${names}`}`,
    ...transfers.map(
      ({ kind, by, to, at }) => `  ${since(call.startedAt, at)} ${by.value} passed it on to ${to.value} (${kind})`,
    ),
  ]
}

/** The SIP calls, each with its reason. */
export function sipLines(sipCalls: readonly SipReport[]): readonly string[] {
  const rows = sipCalls.map(({ mark, from, to, state, reason, sipCallId }, i) => [
    mark,
    `${from} → ${to}`,
    state,
    reason ?? (i === 0 ? 'the caller’s' : '-'),
    sipCallId,
  ])
  return indented(formatTable(['', 'SIP CALL', 'STATE', 'PART OF IT BY', 'CALL-ID'], rows).trimEnd().split('\n'))
}

function eventLines(events: readonly EventReport[], start: number): readonly string[] {
  return events.map(({ at, type }) => `${since(start, at).padStart(10)} ${type}`)
}

function ignoredLines(ignored: readonly IgnoredSignal[], start: number, sipCalls: readonly SipReport[]): readonly string[] {
  const repeated = ignored.filter(({ reason }) => reason === 'repeated').reduce((sum, { count }) => sum + count, 0)
  const others = ignored.filter(({ reason }) => reason !== 'repeated')
  return [
    ...(repeated === 0 ? [] : [`  ${repeated} of what was seen was known already`]),
    ...others.slice(0, mostIgnored).map(({ kind, reason, sipCallId, at, count }) => {
      const mark = sipCalls.find(each => each.sipCallId === sipCallId)?.mark ?? '?'
      return `${since(start, at).padStart(10)} ${mark} ${kind} ignored${count > 1 ? ` (×${count})` : ''}: ${ignoredWords(reason)}`
    }),
    ...(others.length > mostIgnored ? [`  and ${others.length - mostIgnored} more kinds of signals that were ignored`] : []),
  ]
}

/** Why a signal changed nothing. */
export function ignoredWords(reason: Ignored): string {
  switch (reason) {
    case 'unknown-call':
      return 'no INVITE of this Call-ID was seen before'
    case 'unknown-dialog':
      return 'its tags belong to no dialog of this call'
    case 'repeated':
      return 'it was known'
    case 'stale':
      return 'something newer has overtaken it'
    case 'not-answered':
      return 'the call was not answered'
    case 'already-answered':
      return 'the call was answered already'
    case 'already-cancelled':
      return 'the caller had given up already'
    case 'already-ended':
      return 'the call was over'
    case 'too-many-legs':
      return 'the call has as many SIP calls as one may have'
    default:
      return reason satisfies never
  }
}

/** What is said behind the calls: what stayed alone and why, and what belongs to no call. */
export function textOfRest({ alone, isAllAlone, strangers }: TraceReport, callIdHeader: string): string {
  return [...aloneLines(alone, isAllAlone, callIdHeader), ...strangerLines(strangers)].map(line => `${line}\n`).join('')
}

function aloneLines(alone: readonly Alone[], isAll: boolean, callIdHeader: string): readonly string[] {
  if (alone.length === 0) return []
  return [
    `Not joined${isAll ? '' : ' (the first ones)'}:`,
    ...alone.flatMap(({ older, younger, party, overlapMs, names, why, remedies }) => [
      '',
      `  ${older} and ${younger} share ${party}, for ${seconds(overlapMs)} at the same time`,
      ...names.older.map((name, i) => `    ${i === 0 ? 'older   ' : '        '} ${name}`),
      ...names.younger.map((name, i) => `    ${i === 0 ? 'younger ' : '        '} ${name}`),
      ...wrapped(`why: ${why}`),
      ...remedies.flatMap(remedy => wrapped(`what would join them: ${remedy}`)),
    ]),
    '',
    ...dialplanAdvice(callIdHeader).map(line => `  ${line}`),
  ]
}

function strangerLines(strangers: readonly IgnoredSignal[]): readonly string[] {
  if (strangers.length === 0) return []
  const ids = [...new Set(strangers.map(({ sipCallId }) => sipCallId))]
  return [
    '',
    `Of ${ids.length} SIP call${ids.length === 1 ? '' : 's'} the beginning is missing, and nothing was heard that tells of a call:`,
    ...ids.slice(0, mostIgnored).map(id => {
      const kinds = strangers
        .filter(({ sipCallId }) => sipCallId === id)
        .map(({ kind, count }) => `${kind}${count > 1 ? ` ×${count}` : ''}`)
      return `  ${id}: ${kinds.join(', ')}`
    }),
    ...(ids.length > mostIgnored ? [`  and ${ids.length - mostIgnored} more`] : []),
  ]
}

/** `1.5s`, `2m05s`. */
function seconds(ms: number): string {
  return ms < 60_000
    ? `${(ms / 1000).toFixed(1)}s`
    : `${Math.floor(ms / 60_000)}m${String(Math.round(ms / 1000) % 60).padStart(2, '0')}s`
}

const indented = (lines: readonly string[]): readonly string[] => lines.map(line => `  ${line}`)

/** Lines of at most the ladder's width, broken at blanks. */
function wrapped(text: string): readonly string[] {
  const lines: string[] = []
  let line = '   '
  for (const word of text.split(' ')) {
    if (line.trim() !== '' && line.length + word.length >= ladderWidth) {
      lines.push(line)
      line = '     '
    }
    line += ` ${word}`
  }
  return [...lines, line]
}
