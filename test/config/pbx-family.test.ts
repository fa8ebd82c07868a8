// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the files under test hold references
import { readdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import { describe, expect, test } from 'vitest'
import { type PbxFamily, type PbxFamilyName, pbxFamilies, pbxFamilyPath, readPbxFamily } from '../../src/config/pbx-family.ts'
import { accepted, complaints } from './loading.ts'

async function familyOf(name: PbxFamilyName): Promise<PbxFamily> {
  const read = await readPbxFamily(name)
  if (!read.ok) throw new Error(`${read.file} ${read.reason}`)
  return read.family
}

describe.each(pbxFamilies)('the family %s', name => {
  test('is described by a file that the bridge can read', async () => {
    expect(await familyOf(name)).toMatchObject({ name: expect.any(String) })
  })

  test('gives the headers of its calls to a configuration that names it', async () => {
    const { sip } = await familyOf(name)
    const config = await accepted(`pbx: ${name}\n`)
    expect(config.pbx).toBe(name)
    expect(config.sip.uniqueHeaders).toEqual(sip.unique_headers)
    expect(config.sip.callIdHeaders).toEqual(sip.call_id_headers)
  })

  test('shows lines for the bridge that the bridge takes', async () => {
    const config = await accepted((await familyOf(name)).bridge, { env: { HEP_KEY: 'labhep' } })
    expect(config.pbx).toBe(name)
  })
})

test('there is a file for each family, and none besides', async () => {
  const files = await readdir(dirname(pbxFamilyPath('generic')))
  expect(files.sort()).toEqual(pbxFamilies.map(name => `${name}.yaml`).sort())
})

test('without a family it is the generic one', async () => {
  expect(await accepted('site: hq\n')).toEqual(await accepted('site: hq\npbx: generic\n'))
})

test('what is set explicitly wins over the family, an empty list too, one key apart from the other', async () => {
  const { sip } = await accepted('pbx: asterisk\nsip:\n  unique_headers: [X-Mine]\n')
  expect(sip.uniqueHeaders).toEqual(['X-Mine'])
  expect(sip.callIdHeaders).toEqual(['X-Orig-Call-ID'])
  expect((await accepted('pbx: asterisk\nsip: { unique_headers: [] }\n')).sip.uniqueHeaders).toEqual([])
})

test('the family may come from the environment', async () => {
  const config = await accepted('pbx: ${PBX}\n', { env: { PBX: 'cucm' } })
  expect(config.sip.uniqueHeaders).toEqual(['Cisco-Guid'])
})

test('a family that is none is refused with those that there are', async () => {
  const [complaint, ...others] = await complaints('site: hq\npbx: nortel\n')
  expect(others).toEqual([])
  expect(complaint).toContain('config/bridge.yaml:2:6 pbx: ')
  expect(complaint).toContain('asterisk')
})

test('a family beside a sip that is no section is no further complaint', async () => {
  expect(await complaints('pbx: asterisk\nsip: 5060\n')).toHaveLength(1)
})
