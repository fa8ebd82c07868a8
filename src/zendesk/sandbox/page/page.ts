/** The sandbox's front page: what the bridge did, to look at and to listen to. Pure. */
import { createHash } from 'node:crypto'
import { type Html, html, trusted } from './html.ts'
import type { PageData } from './page-data.ts'
import {
  agentSection,
  callSection,
  eventSection,
  numberSection,
  queueSection,
  recordingSection,
  voicemailSection,
} from './sections.ts'
import { displaySection, documentedCallSection, ticketSection } from './ticket-section.ts'

const style = `
:root{color-scheme:light dark;--line:#8884;--soft:#8882;--good:#1a7f37;--bad:#c0392b;--busy:#b26a00}
body{font:14px/1.5 system-ui,sans-serif;margin:0 auto;max-width:88rem;padding:1rem 2rem 4rem}
header{display:flex;gap:1.5rem;align-items:baseline;flex-wrap:wrap}
h1{font-size:1.3rem;margin:.5rem 0}h2{font-size:1.05rem;margin:2rem 0 .5rem}h3{font-size:1rem;margin:0}
table{border-collapse:collapse;width:100%}th{text-align:left;font-weight:600}
td,th{padding:.3rem .8rem .3rem 0;border-bottom:1px solid var(--line);vertical-align:top}
ul.counts{display:flex;flex-wrap:wrap;gap:.3rem 1.2rem;list-style:none;padding:0;margin:.5rem 0}
audio{height:2rem;width:18rem;max-width:100%;vertical-align:middle;margin-right:.5rem}
blockquote{margin:.3rem 0;padding-left:.7rem;border-left:3px solid var(--line);white-space:pre-wrap;max-height:12rem;overflow:auto}
article{border:1px solid var(--line);border-radius:6px;padding:.6rem 1rem;margin:.6rem 0}
.comment{border-left:3px solid var(--good);padding:.1rem .8rem;margin:.5rem 0;overflow-wrap:anywhere}.comment p{margin:.2rem 0;white-space:pre-wrap}
.comment.private{border-color:var(--busy);background:var(--soft)}.comment.voice{border-style:double}
.badge{border-radius:4px;padding:0 .4rem;background:var(--soft);white-space:nowrap}
.connected,.available,.solved,.enabled{color:var(--good)}.missed,.abandoned,.urgent,.high,.out-of-order{color:var(--bad)}.on_call,.after_call_work,.in-progress{color:var(--busy)}
.field{margin-right:.6rem}.facts{margin:.2rem 0;opacity:.85}.none,small,i{opacity:.7}
`

/** Looks again every few seconds, but not while somebody listens, reads what they selected, or is elsewhere. */
const script = `
setInterval(() => {
  const listening = [...document.querySelectorAll('audio')].some(player => !player.paused)
  if (!document.hidden && !listening && String(getSelection()) === '') location.reload()
}, 5000)
`

const hashOf = (text: string) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`

/** The page loads nothing but audio from here, and runs nothing but the script above. */
export const pagePolicy = [
  "default-src 'none'",
  `style-src ${hashOf(style)}`,
  `script-src ${hashOf(script)}`,
  "media-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

export interface PageFrame {
  readonly version: string
  readonly counts: Readonly<Record<string, number>>
  /** Whether the page looks again by itself. */
  readonly refresh: boolean
}

export function page(data: PageData, { version, counts, refresh }: PageFrame): string {
  const { call, ticket } = data.filter
  const focused = call !== null || ticket !== null
  const here = call !== null ? `call=${call}` : ticket !== null ? `ticket=${ticket}` : ''
  const title = call !== null ? `Call ${call}` : ticket !== null ? `Ticket #${ticket}` : 'tpe-bridge sandbox'
  const arrived = Object.entries(counts).map(([name, count]) => html`<li>${name.replaceAll('_', ' ')} <b>${count}</b></li>`)
  const sections: readonly (Html | null)[] = [
    focused ? null : html`<ul class="counts">${arrived}</ul>`,
    callSection(data.calls),
    eventSection(data.events),
    ticketSection(data.tickets),
    recordingSection(data.recordings, data.callIds),
    voicemailSection(data.voicemails, data.callIds),
    ...(focused
      ? []
      : [documentedCallSection(data), displaySection(data), agentSection(data), queueSection(data), numberSection(data)]),
  ]
  const toggle = refresh
    ? html`<a href="/?${here}&amp;refresh=off">stop refreshing</a>`
    : html`<a href="/?${here}">refresh every 5 s</a>`
  return html`<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${title}</title>
<style>${trusted(style)}</style>
</head>
<body>
<header><h1>${title}</h1><span>local Zendesk of tpe-bridge ${version}</span>${focused ? html`<a href="/">everything</a>` : null}${toggle}</header>
<main>
${sections}
</main>
${refresh ? html`<script>${trusted(script)}</script>` : null}
</body>
</html>
`.text
}
