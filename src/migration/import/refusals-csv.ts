/** The refused rows as a CSV file, for whoever corrects them. */
import type { Refusal } from '../historic-call.ts'

export const refusalsHeader = 'file,line,reason,detail,fix\n'

export function refusalLine({ file, line, reason, detail, fix }: Refusal): string {
  return `${[file, String(line), reason, detail, fix].map(field).join(',')}\n`
}

/** Quoted where it must be; what a spreadsheet would take for a formula begins with an apostrophe (CSV injection). */
function field(text: string): string {
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text
  return /[",\n\r]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
}
