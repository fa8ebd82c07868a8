/**
 * The log: JSON lines on stdout, readable ones on a terminal. Messages are constant, data is in fields, one line a state edge.
 * Secrets never reach it, and telephone numbers only when `log.numbers: full` asks for them.
 */
import { type DestinationStream, type Logger, pino } from 'pino'
import pretty from 'pino-pretty'

export interface LogOptions {
  readonly level: 'debug' | 'info' | 'warn' | 'error'
  readonly numbers: 'masked' | 'full'
  readonly isTerminal: boolean
  /** Where lines go; standard output when absent. */
  readonly destination?: DestinationStream
}

const secretPaths = ['token', 'secret', 'password', 'authorization', '*.token', '*.secret', '*.password', '*.authorization']
const numberPaths = ['from', 'to', 'number', 'mailbox', 'caller', 'callee', '*.from', '*.to', '*.number', '*.mailbox']

export function createLog(options: LogOptions): Logger {
  const paths = options.numbers === 'full' ? secretPaths : [...secretPaths, ...numberPaths]
  const censor = (value: unknown, path: string[]): unknown =>
    secretPaths.some(secret => secret.endsWith(path.at(-1) ?? ''))
      ? '[secret]'
      : typeof value === 'string'
        ? maskNumber(value)
        : value
  const settings = { level: options.level, base: null, redact: { paths, censor } }
  if (!options.isTerminal) return options.destination === undefined ? pino(settings) : pino(settings, options.destination)
  return pino(
    settings,
    pretty({ colorize: true, translateTime: 'SYS:HH:MM:ss.l', destination: options.destination ?? 1, sync: true }),
  )
}

/** `+14155550100` becomes `+*********00`; extensions of up to four digits stay, they name no person outside. */
export function maskNumber(text: string): string {
  return text.replace(/\d{5,}/g, digits => `${'*'.repeat(digits.length - 2)}${digits.slice(-2)}`)
}
