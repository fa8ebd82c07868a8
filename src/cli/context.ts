/** What a command may use of the process it runs in; main.ts makes the real one, tests make their own. */
export interface CliContext {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly version: string
  /** Who runs it, for the audit log: `ops@pbx1`. */
  readonly actor: string
  readonly stdout: { write(text: string): void; readonly isTerminal: boolean }
  readonly stderr: { write(text: string): void }
  /** What the person at the terminal answers; absent where there is none. */
  readonly ask?: (question: string) => Promise<string>
  /** Calls the listener at each SIGHUP, instead of ending; answers how to stop that. Absent where a hang-up means that the terminal is gone. */
  readonly onHangup?: (listener: () => void) => () => void
  /** Aborted by SIGINT or SIGTERM; its reason is the signal's name. */
  readonly interrupted: AbortSignal
}

/** 0 done, 1 failed, 2 wrong usage or configuration, 130 interrupted. */
export type ExitCode = 0 | 1 | 2 | 130

/** How a command tells its exit code; a command that says nothing is done. */
export type Finish = (code: ExitCode) => void
