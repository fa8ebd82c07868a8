/** Tables for people: columns as wide as their widest cell. Nothing is cut: an id that cannot be copied is of no use. */

export type Cell = string | number | null

export function formatTable(titles: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const texts = [titles, ...rows.map(row => row.map(cell => (cell === null ? '-' : String(cell))))]
  const widths = titles.map((_, index) => Math.max(...texts.map(row => row[index]?.length ?? 0)))
  const lines = texts.map(row =>
    row
      .map((text, index) => (index === row.length - 1 ? text : text.padEnd(widths[index] ?? 0)))
      .join('  ')
      .trimEnd(),
  )
  return `${lines.join('\n')}\n`
}

/** `2m05s`, `14s`, `1h02m`; whole seconds. */
export function formatDuration(ms: number): string {
  const seconds = Math.round(ms / 1000)
  if (seconds < 60) return `${seconds}s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 60) return `${minutes}m${String(seconds % 60).padStart(2, '0')}s`
  return `${Math.floor(minutes / 60)}h${String(minutes % 60).padStart(2, '0')}m`
}

/** `2026-11-22 06:38:08` in UTC, as everything the bridge reports. */
export function formatTime(at: number | null): string {
  return at === null ? '-' : new Date(at).toISOString().slice(0, 19).replace('T', ' ')
}
