/**
 * The four workflows of the Voice API's documentation, run as they are written there, by curl. Only the ids are those of what is
 * in this sandbox: the documentation's 12345, 67890 and abcd stand for anybody's.
 */
import { execFile, spawnSync } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { env, stdout } from 'node:process'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { heard, World } from './features/world.ts'
import { silence } from './made-mp3.ts'

const run = promisify(execFile)
const present = spawnSync('curl', ['--version']).status === 0
if (!present) stdout.write('curl is missing, so the workflows are not run as written. Install it: sudo apt-get install curl\n')

let world: World
beforeAll(async () => {
  world = await World.start()
})
afterAll(() => world?.stop())

interface Step {
  readonly method: string
  readonly path: string
  /** The body of a POST or PUT; what a GET answers, as the documentation shows it. */
  readonly json: unknown
}

interface Answered {
  readonly status: number
  readonly type: string
  readonly body: Buffer
}

/** `GET /path` and the JSON that may follow it; lines with `#` are for people. */
function stepsOf(text: string): readonly Step[] {
  const written = text.replace(/^#.*$/gm, '').trim()
  const pieces = written.split(/^(GET|POST|PUT|DELETE) (\/\S*)$/m).slice(1)
  const steps: Step[] = []
  for (let at = 0; at < pieces.length; at += 3) {
    const [method = '', path = '', json = ''] = pieces.slice(at, at + 3)
    steps.push({ method, path, json: json.trim() === '' ? null : JSON.parse(json) })
  }
  return steps
}

/** Runs the steps one after the other; each must succeed. `ids` maps the documentation's to the sandbox's. */
async function follow(text: string, ids: Readonly<Record<string, unknown>> = {}): Promise<readonly Answered[]> {
  const answers: Answered[] = []
  for (const step of stepsOf(text)) {
    const path = step.path.replace(/[^/=&?]+/g, word => String(ids[word] ?? word))
    const sent = step.method === 'GET' ? null : step.json
    const answer = await curl(step.method, path, sent)
    expect(answer.status, `${step.method} ${path}: ${answer.body.toString('utf8', 0, 500)}`).toBeLessThan(300)
    if (step.method === 'GET' && step.json !== null)
      expect(shapeOf(parsed(answer), step.json)).toEqual(shapeOf(step.json, step.json))
    answers.push(answer)
  }
  return answers
}

async function curl(method: string, path: string, body: unknown): Promise<Answered> {
  const file = join(world.folder, `answer-${world.unique()}`)
  const sent = body === null ? [] : ['--header', 'Content-Type: application/json', '--data', JSON.stringify(body)]
  const { stdout } = await run('curl', [
    ...['--silent', '--show-error', '--request', method, '--output', file, '--write-out', '%{http_code} %{content_type}'],
    ...['--header', `Authorization: Bearer ${world.token}`, ...sent],
    `${world.url}/api/v2/channels/voice${path}`,
  ])
  const [status = '', type = ''] = stdout.split(' ')
  // curl makes no file of an empty body.
  return { status: Number(status), type, body: status === '204' ? Buffer.alloc(0) : await readFile(file) }
}

const parsed = ({ body }: Answered) => JSON.parse(body.toString('utf8'))

/** The types of those fields of `value` that `like` has. */
function shapeOf(value: unknown, like: unknown): unknown {
  if (typeof like !== 'object' || like === null || typeof value !== 'object' || value === null) return typeof value
  const fields = new Map(Object.entries(value))
  return Object.fromEntries(Object.entries(like).map(([name, example]) => [name, shapeOf(fields.get(name), example)]))
}

it.runIf(!present && env.CI !== undefined)('curl is installed where all tests have to run', () => {
  expect.unreachable('curl is missing: apt-get install curl')
})

describe.skipIf(!present)('the workflows of the documentation, with curl', () => {
  it('Call Recording Access', async () => {
    const call = await world.call()
    const recording = await world.recording(call.external)
    const answers = await follow(
      `
# 1. Get call log entry
GET /phone_calls/12345

# 2. Check if recording exists
{
  "phone_call": {
    "recording_url": "https://..."
  }
}

# 3. Download recording
GET /phone_recordings/67890/download
`,
      { 12345: call.id, 67890: recording.id },
    )
    expect(answers.map(({ type }) => type)).toEqual(['application/json;', 'audio/mpeg'])
    expect(answers[1]?.body.equals(silence(40))).toBe(true)
  })

  it('Voicemail-to-Ticket Automation', async () => {
    const voicemail = await world.voicemail()
    const [listed, , ticket] = await follow(
      `
# 1. List new voicemails
GET /phone_voicemails?filter=new

# 2. Get voicemail details
GET /phone_voicemails/abcd

# 3. Create ticket with recording attached
POST /tickets
{
  "ticket": {
    "subject": "Voicemail followup required",
    "description": "Customer called while unavailable",
    "attachments": [
      {
        "url": "https://voicemail-recording.mp3"
      }
    ]
  }
}

# 4. Mark voicemail handled
DELETE /phone_voicemails/abcd
`,
      { abcd: voicemail.id },
    )
    expect(listed && parsed(listed).phone_voicemails).toContainEqual(expect.objectContaining({ id: voicemail.id }))
    expect(ticket && parsed(ticket).ticket).toMatchObject({
      subject: 'Voicemail followup required',
      attachments: [{ url: 'https://voicemail-recording.mp3' }],
    })
    const again = await curl('GET', '/phone_voicemails?filter=new', null)
    expect(parsed(again).phone_voicemails).not.toContainEqual(expect.objectContaining({ id: voicemail.id }))
  })

  it('Agent Availability Management', async () => {
    const [, status] = await follow(`
# 1. Update agent status to available
PUT /agents/12345/phone_status
{
  "status": "available"
}

# 2. Route inbound calls to available agents
# (Configured in IVR or queue settings)

# 3. Monitor agent activity
GET /agents/12345/phone_status
`)
    expect(status && parsed(status)).toMatchObject({ agent_id: 12_345, status: 'available' })
  })

  it('Call Quality Monitoring', async () => {
    const call = await world.call({ agents: [{ id: 123, extension: '1001', name: 'Alice' }] })
    const recording = await world.recording(call.external, heard('Full call transcript...'))
    const [recent, recordings, reviewed] = await follow(
      `
# 1. Get recent calls for agent
GET /phone_calls?agent_id=123&limit=50

# 2. Access call recordings for review
GET /phone_calls/456/recordings

# 3. Check transcription for quality assessment
GET /phone_calls/456
{
  "phone_call": {
    "transcription": "Full call transcript..."
  }
}
`,
      { 456: call.id },
    )
    expect(recent && parsed(recent).phone_calls).toMatchObject([{ id: call.id }])
    expect(recordings && parsed(recordings).phone_recordings).toMatchObject([{ id: recording.id, call_id: call.id }])
    expect(reviewed && parsed(reviewed).phone_call.transcription).toBe('Full call transcript...')
  })
})
