// Brings what only the tests need. sipp plays the phones of the SIP tests; it is a Debian package (sip-tester).
import { spawnSync } from 'node:child_process'

const has = command => spawnSync('sh', ['-c', `command -v ${command}`]).status === 0

if (!has('sipp')) {
  const isRoot = process.getuid?.() === 0
  if (isRoot && has('apt-get')) {
    console.log('installing sipp (Debian package sip-tester), which the SIP tests need')
    const environment = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
    spawnSync('apt-get', ['update', '-qq'], { stdio: 'inherit', env: environment })
    spawnSync('apt-get', ['install', '-y', '-qq', '--no-install-recommends', 'sip-tester'], {
      stdio: 'inherit',
      env: environment,
    })
  }
  if (!has('sipp')) {
    console.warn('sipp is missing, so the tests that load the trunk with calls are skipped here (in CI they fail).')
    console.warn('To run them: sudo apt-get install sip-tester')
  }
}
