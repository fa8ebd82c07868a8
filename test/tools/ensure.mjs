// Brings what only the tests need. sipp plays the phones of the SIP tests (Debian package sip-tester); curl runs the Voice API's
// documented workflows as they are written.
import { spawnSync } from 'node:child_process'

const tools = [
  { command: 'sipp', debianPackage: 'sip-tester', tests: 'that load the trunk with calls' },
  { command: 'curl', debianPackage: 'curl', tests: 'of the documented workflows' },
]

const has = command => spawnSync('sh', ['-c', `command -v ${command}`]).status === 0
const missing = () => tools.filter(({ command }) => !has(command))

const wanted = missing()
if (wanted.length > 0 && process.getuid?.() === 0 && has('apt-get')) {
  console.log(`installing ${wanted.map(({ command }) => command).join(' and ')}, for the tests`)
  const options = { stdio: 'inherit', env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } }
  spawnSync('apt-get', ['update', '-qq'], options)
  spawnSync('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...wanted.map(tool => tool.debianPackage)], options)
}
for (const { command, debianPackage, tests } of missing()) {
  console.warn(`${command} is missing, so the tests ${tests} are skipped here (in CI they fail).`)
  console.warn(`To run them: sudo apt-get install ${debianPackage}`)
}
