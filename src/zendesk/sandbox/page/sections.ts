/** The parts of the page, each from what it shows. Pure. */
import type { StoredAudio, StoredRecording, StoredVoicemail } from '../voice/audio/audio-shelf.ts'
import type { StoredCall, StoredEvent } from '../voice/calls/call-log.ts'
import { transcriptShown } from '../voice/transcript.ts'
import { clockTime, type Html, type HtmlValue, html, table, time } from './html.ts'
import type { PageData } from './page-data.ts'

export const callLink = (id: number): Html => html`<a href="/?call=${id}">${id}</a>`
export const ticketLink = (id: number | null): Html | null => (id === null ? null : html`<a href="/?ticket=${id}">#${id}</a>`)
/** A word such as a status, coloured by what it is. */
export const badge = (word: string): Html => html`<span class="badge ${word.replaceAll(/[^a-z_]/g, '-')}">${word}</span>`

export function callSection(calls: readonly StoredCall[]): Html {
  const rows = calls.map(({ id, call, ticketId }) => [
    callLink(id),
    time(call.started_at),
    call.direction,
    html`<b>${call.from}</b> → <b>${call.to}</b>`,
    html`${badge(call.status ?? 'in progress')} ${call.reason ?? (call.answered_at === null ? 'ringing' : 'talking')}`,
    clockTime(call.duration),
    clockTime(call.wait_time),
    call.queue ?? null,
    call.agents.map(agent => agent.name).join(', '),
    call.tags.join(' '),
    ticketLink(ticketId),
  ])
  const heads = ['Id', 'Started (UTC)', 'Direction', 'Parties', 'Status', 'Talk', 'Wait', 'Queue', 'Agents', 'Tags', 'Ticket']
  return html`<h2>Calls</h2>${table(heads, rows)}`
}

export function eventSection(events: readonly StoredEvent[]): Html | null {
  if (events.length === 0) return null
  const rows = events.map(({ event, receivedAt, late }) => [
    event.sequence,
    event.type,
    time(event.occurred_at),
    time(receivedAt),
    late ? badge('out of order') : null,
  ])
  return html`<h2>Events of this call</h2>${table(['#', 'Event', 'Occurred', 'Arrived', ''], rows)}`
}

export function recordingSection(recordings: readonly StoredRecording[], callIds: PageData['callIds']): Html {
  const rows = recordings.map(recording => [
    recording.id,
    time(recording.metadata.started_at),
    callOf(recording, callIds),
    clockTime(recording.metadata.duration),
    `${recording.metadata.channels} × ${recording.metadata.sample_rate / 1000} kHz, ${kilobytes(recording.metadata.size)}`,
    heard('recording', recording),
  ])
  return html`<h2>Recordings</h2>${table(['Id', 'Started (UTC)', 'Call', 'Length', 'Format', 'Audio and transcript'], rows)}`
}

export function voicemailSection(voicemails: readonly StoredVoicemail[], callIds: PageData['callIds']): Html {
  const rows = voicemails.map(voicemail => [
    voicemail.id,
    time(voicemail.metadata.received_at),
    html`<b>${voicemail.metadata.from}</b> → <b>${voicemail.metadata.to}</b>`,
    voicemail.metadata.mailbox,
    badge(voicemail.status),
    callOf(voicemail, callIds),
    clockTime(voicemail.metadata.duration),
    heard('voicemail', voicemail),
    ticketLink(voicemail.ticketId),
  ])
  const heads = ['Id', 'Received (UTC)', 'Parties', 'Mailbox', 'Status', 'Call', 'Length', 'Audio and transcript', 'Ticket']
  return html`<h2>Voicemails</h2>${table(heads, rows)}`
}

export function agentSection({ agents }: PageData): Html {
  const rows = agents.map(({ id, name, status, since }) => [id, name, badge(status), time(since)])
  return html`<h2>Agents</h2>${table(['Id', 'Name', 'Phone status', 'Since (UTC)'], rows)}`
}

export function queueSection({ queues }: PageData): Html {
  const rows = queues.map(({ queue, waiting, analytics }) => [
    queue.id,
    queue.name,
    queue.members.join(', '),
    waiting,
    analytics.max_queue_depth,
    analytics.average_wait_time === null ? '–' : clockTime(analytics.average_wait_time),
    analytics.abandoned_calls,
    analytics.success_rate === null ? '–' : `${analytics.success_rate} %`,
    `${queue.overflow_action} ${queue.overflow_target ?? ''}`,
  ])
  const heads = ['Id', 'Name', 'Members', 'Waiting', 'Most', 'Average wait', 'Abandoned', 'Answered', 'Overflow']
  return html`<h2>Queues</h2>${table(heads, rows)}`
}

export function numberSection({ numbers }: PageData): Html {
  const rows = numbers.map(({ number, ivr }) => [
    number.id,
    html`<b>${number.number}</b>`,
    number.display_name,
    badge(number.enabled ? 'enabled' : 'disabled'),
    number.phone_line_id,
    ivr.enabled
      ? [ivr.menu_id === null ? '' : `menu ${ivr.menu_id} `, ivr.queue_id === null ? '' : `queue ${ivr.queue_id}`]
      : '–',
  ])
  return html`<h2>Numbers</h2>${table(['Id', 'Number', 'Name', 'State', 'Line', 'Answers with'], rows)}`
}

function callOf({ metadata }: StoredAudio<StoredRecording['metadata']>, callIds: PageData['callIds']): HtmlValue {
  const name = metadata.external_call_id
  if (name === null) return null
  const id = callIds.get(name)
  return id === undefined ? name : callLink(id)
}

function heard(kind: 'recording' | 'voicemail', { id, metadata }: StoredAudio<StoredRecording['metadata']>): Html {
  const { transcription, transcription_status, sentiment, keywords } = transcriptShown(metadata.transcript)
  const said =
    transcription === null
      ? html`<small>transcript ${transcription_status}</small>`
      : html`<blockquote>${transcription}</blockquote><small>${[sentiment ?? '', ...(keywords ?? [])].filter(Boolean).join(' · ')}</small>`
  return html`${player(`/_sandbox/audio/${kind}/${id}`)}${said}`
}

/** Nothing is fetched before somebody wants to listen. */
export const player = (source: string): Html => html`<audio controls preload="none" src="${source}"></audio>`

const kilobytes = (bytes: number) => `${Math.ceil(bytes / 1000)} kB`
