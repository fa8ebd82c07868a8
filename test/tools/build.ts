/** Before the tests: builds `dist`, so that tests may run the command as a process of its own. Quick when nothing changed. */
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import process, { execPath } from 'node:process'

export function setup(): void {
  const root = join(import.meta.dirname, '../..')
  const compiler = join(root, 'node_modules/typescript/bin/tsc')
  const { status, stdout, stderr } = spawnSync(execPath, [compiler, '-p', 'tsconfig.build.json'], { cwd: root, encoding: 'utf8' })
  // 2: there are type errors, and everything was written all the same. They are the lint's to refuse.
  if (status === 2) process.stderr.write(`dist was built from code with type errors:\n${stdout}`)
  else if (status !== 0) throw new Error(`the build failed:\n${stdout}${stderr}`)
}
