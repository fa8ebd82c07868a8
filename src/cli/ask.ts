/** One question at a terminal. */
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'

export interface Terminal {
  readonly input: Readable
  readonly output: { write(text: string): void }
  /** Ends the wait, as the end of the input does. */
  readonly signal: AbortSignal
}

/** The line that was typed; '' when there came none. */
export async function ask(question: string, { input, output, signal }: Terminal): Promise<string> {
  output.write(question)
  // The terminal keeps its own line editing, so that Ctrl-C stays the signal it is everywhere else.
  const lines = createInterface({ input, signal, terminal: false })
  try {
    for await (const line of lines) return line
    return ''
  } finally {
    lines.close()
  }
}
