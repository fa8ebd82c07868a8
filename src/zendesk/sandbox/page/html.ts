/** HTML that cannot be forgotten to be escaped: every value in a template is text, unless it is Html itself. Pure. */

export class Html {
  readonly text: string

  constructor(text: string) {
    this.text = text
  }
}

export type HtmlValue = Html | string | number | null | readonly HtmlValue[]

/** Escapes each value; `null` is nothing, lists are joined. */
export function html(parts: TemplateStringsArray, ...values: readonly HtmlValue[]): Html {
  return new Html(parts.map((part, index) => (index === 0 ? part : `${written(values[index - 1] ?? null)}${part}`)).join(''))
}

/** For what stands in the source of this program, not in the data. */
export const trusted = (text: string): Html => new Html(text)

function written(value: HtmlValue): string {
  if (value === null) return ''
  if (value instanceof Html) return value.text
  if (typeof value === 'string' || typeof value === 'number') return escaped(String(value))
  return value.map(written).join('')
}

const escaped = (text: string) => text.replace(/[&<>"']/g, character => `&#${character.charCodeAt(0)};`)

/** A table; an empty one says so. */
export function table(heads: readonly string[], rows: readonly (readonly HtmlValue[])[]): Html {
  if (rows.length === 0) return html`<p class="none">Nothing yet.</p>`
  const body = rows.map(cells => html`<tr>${cells.map(cell => html`<td>${cell}</td>`)}</tr>\n`)
  return html`<table><thead><tr>${heads.map(head => html`<th>${head}</th>`)}</tr></thead><tbody>\n${body}</tbody></table>`
}

/** `22 Nov 2026 09:30:00` in UTC. Takes epoch ms or RFC 3339. */
export function time(at: number | string | null): Html | null {
  if (at === null) return null
  const iso = new Date(at).toISOString()
  return html`<time datetime="${iso}">${iso.slice(0, 19).replace('T', ' ')}</time>`
}

/** `2:05`, `1:02:05`, of whole seconds. */
export function clockTime(seconds: number): string {
  const [hours, minutes, rest] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, Math.floor(seconds) % 60]
  const tail = `${String(rest).padStart(2, '0')}`
  return hours === 0 ? `${minutes}:${tail}` : `${hours}:${String(minutes).padStart(2, '0')}:${tail}`
}
