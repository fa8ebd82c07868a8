import type { ExitCode } from './context.ts'

/** A command cannot do what it was asked. The message is for the person at the terminal and says what to do. */
export class CommandFailed extends Error {
  readonly exitCode: ExitCode

  constructor(exitCode: ExitCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'CommandFailed'
    this.exitCode = exitCode
  }
}
