/** Made-up history: CDRs of Asterisk, one call each, and the call they make. */
import type { HistoricCall } from '../../../src/migration/historic-call.ts'

const base = Date.UTC(2026, 0, 5, 8)

export function historicCall(more: Partial<HistoricCall> = {}): HistoricCall {
  return {
    system: 'asterisk',
    id: '1767600000.1',
    names: ['1767600000.1'],
    sipCallIds: [],
    from: { user: '+14155550100', display: 'Bob', anonymous: false },
    to: { user: '1001', display: null, anonymous: false },
    answeredBy: null,
    direction: null,
    startedAt: base,
    answeredAt: base + 4_000,
    endedAt: base + 64_000,
    outcome: { status: 'connected', reason: 'completed', sipCode: null, q850: null },
    recordings: [],
    tags: [],
    ...more,
  }
}

/** `count` lines of Master.csv; each call is another one's by its number alone. */
export function masterCsv(count: number, first = 0): string {
  const lines: string[] = []
  for (let n = first; n < first + count; n++) {
    const start = base + n * 20_000
    const answered = n % 7 !== 0
    const end = start + 5_000 + (n % 60) * 1_000
    const caller = `+1415555${1000 + (n % 9000)}`
    const phone = 1001 + (n % 20)
    const times = `"${shown(start)}",${answered ? `"${shown(start + 3_000)}"` : ''},"${shown(end)}"`
    const lengths = `${(end - start) / 1000},${answered ? (end - start) / 1000 - 3 : 0}`
    const id = `${start / 1000}.${n}`
    lines.push(
      `"","${caller}","${phone}","in","""C"" <${caller}>","PJSIP/t-${n}","PJSIP/${phone}-${n}","Dial","PJSIP/${phone},30",${times},${lengths},"${answered ? 'ANSWERED' : 'NO ANSWER'}","DOCUMENTATION","${id}","","","${id}",${n}\n`,
    )
  }
  return lines.join('')
}

function shown(at: number): string {
  return new Date(at).toISOString().slice(0, 19).replace('T', ' ')
}
