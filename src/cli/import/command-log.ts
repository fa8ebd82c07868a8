/** What the parts of a command have to say goes to standard error, beside its progress: warnings and errors, redacted. */
import type { Config } from '../../config/schema.ts'
import { createLog } from '../../log.ts'
import type { CliContext } from '../context.ts'

export type CommandLog = ReturnType<typeof createLog>

export function commandLog(context: CliContext, config: Config): CommandLog {
  const level = config.log.level === 'error' ? 'error' : 'warn'
  return createLog({
    level,
    numbers: config.log.numbers,
    isTerminal: false,
    destination: { write: line => context.stderr.write(line) },
  })
}
