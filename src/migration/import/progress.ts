/** One line on how an import goes. Pure. */

export interface ImportProgress {
  readonly bytes: number
  readonly totalBytes: number
  readonly rows: number
  readonly stored: number
  readonly known: number
  readonly live: number
  readonly refused: number
  /** Of what is to be delivered, this and earlier runs: calls and recordings. */
  readonly delivered: number
  readonly pending: number
  readonly dead: number
  /** Requests a minute at most. */
  readonly perMinute: number
  /** Deliveries a minute lately; `null` before any is known. */
  readonly rate: number | null
  /** Why nothing is delivered now, if so. */
  readonly held: string | null
}

const barWidth = 20

/** `[#####...............]  25%  50,000 rows  49,871 calls stored …`; at most a terminal's width is not kept to. */
export function progressLine(progress: ImportProgress): string {
  const { bytes, totalBytes, rows, stored, known, live, refused, delivered, pending, dead, held } = progress
  const reading = totalBytes === 0 ? 1 : Math.min(1, bytes / totalBytes)
  const delivering = delivered + pending === 0 ? 1 : delivered / (delivered + pending)
  // Reading is quick and delivering slow: while rows come in nobody knows how many there will be.
  const share = reading < 1 ? 0 : delivering
  const parts = [
    `[${'#'.repeat(Math.round(share * barWidth)).padEnd(barWidth, '.')}] ${String(Math.floor(share * 100)).padStart(3)}%`,
    reading < 1 ? `reading ${Math.floor(reading * 100)}%` : null,
    `${count(rows)} rows`,
    `${count(stored)} calls stored`,
    known > 0 ? `${count(known)} known` : null,
    live > 0 ? `${count(live)} reported live` : null,
    `${count(delivered)} delivered`,
    pending > 0 ? `${count(pending)} to go` : null,
    refused > 0 ? `${count(refused)} refused` : null,
    dead > 0 ? `${count(dead)} refused by Zendesk` : null,
    held === null ? etaOf(progress) : `waits: ${held.slice(0, 120)}`,
  ]
  return parts.filter(part => part !== null).join('  ')
}

function etaOf({ pending, rate, perMinute }: ImportProgress): string | null {
  const speed = rate === null || rate <= 0 ? perMinute : Math.min(rate, perMinute)
  if (pending === 0 || !Number.isFinite(speed)) return null
  const minutes = pending / speed
  if (minutes < 1) return `about ${Math.ceil(minutes * 60)}s left`
  const hours = Math.floor(minutes / 60)
  return hours === 0
    ? `about ${Math.ceil(minutes)}m left`
    : `about ${hours}h${String(Math.floor(minutes % 60)).padStart(2, '0')}m left`
}

/** `12,345`. */
export function count(value: number): string {
  return String(value).replace(/\B(?=(?:\d{3})+$)/g, ',')
}
