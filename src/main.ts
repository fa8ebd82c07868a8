#!/usr/bin/env node
/** The process: arguments, environment, signals, exit codes. Nothing else touches `process`. */
import { readFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { actorName } from './cli/actor.ts'
import { ask } from './cli/ask.ts'
import { run } from './cli/program.ts'

const interruption = new AbortController()

const isTerminal = process.stdout.isTTY === true
// A terminal that hangs up is gone; a service that gets the same signal is asked to read its configuration again.
for (const name of isTerminal ? (['SIGINT', 'SIGTERM', 'SIGHUP'] as const) : (['SIGINT', 'SIGTERM'] as const)) {
  process.on(name, () => {
    if (interruption.signal.aborted) process.exit(130) // the second signal: at once; stored work stays stored
    interruption.abort(name)
  })
}
// `tpe-bridge calls list | head` closes the pipe early; that is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1))

const manifest: { readonly version: string } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'))

process.exitCode = await run(process.argv.slice(2), {
  env: process.env,
  version: manifest.version,
  actor: actorName({ env: process.env, uid: process.getuid?.() ?? null, host: hostname() }),
  stdout: {
    write: text => void process.stdout.write(text),
    isTerminal,
  },
  stderr: { write: text => void process.stderr.write(text) },
  ...(process.stdin.isTTY === true && isTerminal
    ? { ask: question => ask(question, { input: process.stdin, output: process.stdout, signal: interruption.signal }) }
    : {}),
  ...(isTerminal
    ? {}
    : {
        onHangup: listener => {
          process.on('SIGHUP', listener)
          return () => void process.off('SIGHUP', listener)
        },
      }),
  interrupted: interruption.signal,
})
