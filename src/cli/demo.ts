import { Command } from 'commander'
import type { CliContext, Finish } from './context.ts'
export function demoCommand(_context: CliContext, _finish: Finish): Command {
  return new Command('demo')
}
