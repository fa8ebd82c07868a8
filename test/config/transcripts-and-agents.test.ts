// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the files under test hold references
import { describe, expect, test } from 'vitest'
import { redactedConfig } from '../../src/config/redact.ts'
import { accepted, complaints } from './loading.ts'

describe('transcripts', () => {
  test('nothing is transcribed unless a transcriber is named', async () => {
    const { transcripts } = await accepted('site: hq\n')
    expect(transcripts).toMatchObject({ http: null, command: null, waitMs: 600_000, minDurationMs: 2_000, workers: 1 })
  })

  test('a transcriber over HTTP has its token from a file or the environment, and it is never shown', async () => {
    const config = await accepted(
      'transcripts: { http: { url: "https://ai.example/v1/audio/transcriptions", token: "${T}" } }\n',
      {
        env: { T: 's3cret' },
      },
    )
    expect(config.transcripts.http).toEqual({
      url: 'https://ai.example/v1/audio/transcriptions',
      model: 'whisper-1',
      token: 's3cret',
      language: null,
      timeoutMs: 300_000,
    })
    expect(JSON.stringify(redactedConfig(config))).not.toContain('s3cret')
    const fromFile = await accepted('transcripts: { http: { url: "http://127.0.0.1:9/x", token_file: /run/t } }\n', {
      files: { '/run/t': 'filed\n' },
    })
    expect(fromFile.transcripts.http?.token).toBe('filed')
  })

  test.each([
    ['command: [whisper]', 'command: does not say where the file goes — fix: write {file} as one of its arguments'],
    ['http: { url: whisper.local }', 'http.url: "whisper.local" is not the address of a transcriber'],
    [
      '{ http: { url: "http://h/x" }, command: [w, "{file}"] }',
      'command: stands beside transcripts.http.url — fix: keep one of the two',
    ],
  ])('%s is refused', async (section, complaint) => {
    const text = section.startsWith('{') ? `transcripts: ${section}\n` : `transcripts:\n  ${section}\n`
    expect((await complaints(text)).join('\n')).toContain(`transcripts.${complaint}`)
  })
})

describe('agent status', () => {
  test('is not reported unless asked for', async () => {
    const { agentStatus } = await accepted('site: hq\n')
    expect(agentStatus).toEqual({
      report: false,
      afterCallWorkMs: 0,
      pollMs: 0,
      statuses: { available: 3, unavailable: 2, on_call: 5, after_call_work: 4 },
    })
  })

  test('takes the ids of custom statuses', async () => {
    const { agentStatus } = await accepted(
      'agent_status: { report: true, after_call_work: 30s, statuses: { on_call: 360000012 } }\n',
    )
    expect(agentStatus).toMatchObject({ report: true, afterCallWorkMs: 30_000, statuses: { on_call: 360_000_012, available: 3 } })
  })
})
