// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the files under test hold references
import { describe, expect, it } from 'vitest'
import { redactedConfig } from '../../src/config/redact.ts'
import { accepted, complaints } from './loading.ts'

describe('sip.dialogs', () => {
  it('watches nobody unless told so', async () => {
    expect((await accepted('site: hq\n')).sip.dialogs).toEqual({
      subscribe: [],
      username: null,
      password: null,
      expiresMs: 600_000,
    })
  })

  it('takes extensions and credentials, and shows no password', async () => {
    const yaml =
      'sip:\n  dialogs: { subscribe: ["sip:1001@127.0.0.1:5070", "sip:1002@pbx.example;transport=tcp"], username: bridge, password: "${P}", expires: 30m }\n'
    const config = await accepted(yaml, { env: { P: 'hush' } })
    expect(config.sip.dialogs).toEqual({
      subscribe: ['sip:1001@127.0.0.1:5070', 'sip:1002@pbx.example;transport=tcp'],
      username: 'bridge',
      password: 'hush',
      expiresMs: 1_800_000,
    })
    expect(JSON.stringify(redactedConfig(config))).not.toContain('hush')
  })

  it.each([
    ['sip:127.0.0.1', 'is not the SIP URI of an extension'],
    ['1001', 'is not the SIP URI of an extension'],
    ['sips:1001@pbx', 'is a sips: URI'],
    ['sip:1001@pbx:0', 'has a port that is none'],
    ['sip:1001@pbx;user=phone', 'has a parameter that means nothing here'],
  ])('refuses %s', async (uri, reason) => {
    const [complaint] = await complaints(`sip:\n  dialogs: { subscribe: ["${uri}"] }\n`)
    expect(complaint).toContain(`sip.dialogs.subscribe[0]: "${uri}" ${reason}`)
  })

  it('refuses an extension twice, and a password of nobody', async () => {
    const yaml = 'sip:\n  dialogs: { subscribe: ["sip:1@pbx", "sip:1@PBX"], password: "${P}" }\n'
    const all = await complaints(yaml, { env: { P: 'x' } })
    expect(all.join('\n')).toContain('is listed twice')
    expect(all.join('\n')).toContain('sip.dialogs.username: is missing: sip.dialogs.password is set')
  })
})
