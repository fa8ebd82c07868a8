import { userInfo } from 'node:os'
import { expect, test } from 'vitest'
import { actorName } from '../../src/cli/actor.ts'

const me = userInfo().username

test('whoever runs a command is named with the machine', () => {
  expect(actorName({ env: {}, uid: 1000, host: 'pbx1' })).toBe(`${me}@pbx1`)
})

test('behind sudo the person is named, too', () => {
  expect(actorName({ env: { SUDO_USER: 'alice' }, uid: 0, host: 'pbx1' })).toBe(`alice as ${me}@pbx1`)
})

test('a SUDO_USER that did not come from sudo to root counts for nothing', () => {
  expect(actorName({ env: { SUDO_USER: 'alice' }, uid: 1000, host: 'pbx1' })).toBe(`${me}@pbx1`)
  expect(actorName({ env: { SUDO_USER: '' }, uid: 0, host: 'pbx1' })).toBe(`${me}@pbx1`)
})
