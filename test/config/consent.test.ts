import { expect, test } from 'vitest'
import { consentPolicies } from '../../src/events/consent.ts'
import { accepted, complaints } from './loading.ts'

test('every recording is kept, and no sidecar is looked for, unless said otherwise', async () => {
  const { recordings } = await accepted('recordings: { folders: [{ path: /r }] }\n')
  expect(recordings.consent).toEqual({ default: 'always', rules: [] })
  expect(recordings.folders[0]?.sidecar).toBe('none')
})

test('rules are for numbers, for lines, or for both', async () => {
  const yaml = `
recordings:
  folders: [{ path: /r, match: '(?<consent>yes|no)-(?<call_id>.+)', sidecar: json }]
  consent:
    default: opt_out
    rules:
      - { number: '^\\+49', policy: opt_in }
      - { line: '^1007$', policy: never }
      - { number: '^anonymous$', line: '^\\+1800', policy: always }
`
  const { recordings } = await accepted(yaml)
  expect(recordings.folders[0]?.sidecar).toBe('json')
  expect(recordings.consent).toEqual({
    default: 'opt_out',
    rules: [
      { number: /^\+49/, line: null, policy: 'opt_in' },
      { number: null, line: /^1007$/, policy: 'never' },
      { number: /^anonymous$/, line: /^\+1800/, policy: 'always' },
    ],
  })
})

test.each(consentPolicies)('%s is a policy', async policy => {
  expect((await accepted(`recordings: { consent: { default: ${policy} } }\n`)).recordings.consent.default).toBe(policy)
})

test.each([
  ['{ default: ask }', /recordings\.consent\.default: "ask" is not one of always, opt_out, opt_in, never — fix: write always/],
  ['{ rules: [{ policy: never }] }', /rules\[0\]: does not say for whom it is — fix: add number or line/],
  ['{ rules: [{ number: "(", policy: never }] }', /rules\[0\]\.number: .*is not a regular expression/],
  ['{ rules: [{ number: "^1" }] }', /rules\[0\]\.policy/],
  ['{ rules: [{ numbers: "^1", policy: never }] }', /rules\[0\]\.numbers: .*did you mean number/],
])('%s is refused with its fix', async (consent, complaint) => {
  expect((await complaints(`recordings: { consent: ${consent} }\n`)).join('\n')).toMatch(complaint)
})
