/** The sandbox's front page: what has arrived, as plain HTML. Pure. */
import type { StoredRecording, StoredVoicemail } from './voice/audio/audio-shelf.ts'
import type { StoredCall } from './voice/calls/call-log.ts'

export interface Overview {
  readonly version: string
  readonly counts: Readonly<Record<string, number>>
  readonly calls: readonly StoredCall[]
  readonly recordings: readonly StoredRecording[]
  readonly voicemails: readonly StoredVoicemail[]
}

export function overviewPage({ version, counts, calls, recordings, voicemails }: Overview): string {
  const callRows = calls.map(({ id, sequence, call }) => [
    id,
    call.started_at,
    call.direction,
    call.from,
    call.to,
    call.status ?? 'in progress',
    call.reason ?? '',
    call.duration,
    sequence,
  ])
  const recordingRows = recordings.map(({ id, metadata }) => [
    id,
    metadata.started_at,
    metadata.external_call_id ?? '',
    metadata.duration,
    metadata.size,
  ])
  const voicemailRows = voicemails.map(({ id, metadata }) => [
    id,
    metadata.received_at,
    metadata.from,
    metadata.to,
    metadata.mailbox,
    metadata.duration,
    metadata.size,
  ])
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>tpe-bridge sandbox</title>
<style>body{font:14px/1.5 system-ui,sans-serif;margin:2rem}table{border-collapse:collapse}td,th{padding:.1rem .8rem .1rem 0;text-align:left}</style>
</head>
<body>
<h1>tpe-bridge sandbox ${escapeHtml(version)}</h1>
${table(['', ''], Object.entries(counts))}
<h2>Phone calls</h2>
${table(['id', 'started', 'direction', 'from', 'to', 'status', 'reason', 'seconds', 'events'], callRows)}
<h2>Recordings</h2>
${table(['id', 'started', 'call', 'seconds', 'bytes'], recordingRows)}
<h2>Voicemails</h2>
${table(['id', 'received', 'from', 'to', 'mailbox', 'seconds', 'bytes'], voicemailRows)}
</body>
</html>
`
}

function table(heads: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  if (rows.length === 0) return '<p>Nothing yet.</p>'
  const line = (cells: readonly (string | number)[], tag: 'td' | 'th') =>
    `<tr>${cells.map(cell => `<${tag}>${escapeHtml(String(cell))}</${tag}>`).join('')}</tr>`
  return `<table>\n${[line(heads, 'th'), ...rows.map(row => line(row, 'td'))].join('\n')}\n</table>`
}

const escapeHtml = (text: string) => text.replace(/[&<>"']/g, character => `&#${character.charCodeAt(0)};`)
