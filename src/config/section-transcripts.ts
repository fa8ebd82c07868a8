// biome-ignore-all lint/suspicious/noTemplateCurlyInString: examples of the file speak of ${NAME} references
/** The section about transcripts: who listens to recordings and voicemails, and how long they may wait for it. */
import { z } from 'zod'
import { complain, duration, flag, integer, line, secret, word } from './fields.ts'

const http = z
  .strictObject({
    url: word(
      /^https?:\/\/[^\s/?#@]+(?:\/[^\s#]*)?$/,
      'is not the address of a transcriber',
      'write the whole address, such as http://127.0.0.1:9000/v1/audio/transcriptions',
    )
      .optional()
      .meta({
        description:
          'A transcriber of the shape that OpenAI’s POST /v1/audio/transcriptions has: the file goes there, {"text": …} comes back.',
        example: 'http://127.0.0.1:9000/v1/audio/transcriptions',
      }),
    model: line().prefault('whisper-1').describe('The model that it is asked for.'),
    token: secret().optional().meta({ description: 'Sent as Authorization: Bearer.', example: '${TRANSCRIBER_TOKEN}' }),
    language: word(/^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$/, 'is no language', 'write its code, such as en or de-AT')
      .optional()
      .meta({ description: 'What is spoken. Absent: the transcriber finds out.', example: 'en' }),
    timeout: duration('1s', '1d').prefault('5m').describe('How long one attempt may take.'),
  })
  .transform(({ url, model, token, language, timeout }) =>
    url === undefined ? null : { url, model, token: token ?? null, language: language ?? null, timeoutMs: timeout },
  )

const command = z
  .array(z.string().min(1).max(4_096))
  .min(1)
  .max(64)
  .superRefine((words, context) => {
    if (words.slice(1).some(argument => argument.includes('{file}'))) return
    context.addIssue({
      code: 'custom',
      message: complain('does not say where the file goes', 'write {file} as one of its arguments'),
    })
  })

export const transcripts = z
  .strictObject({
    http: http.prefault({}).describe('A transcriber over HTTP. Without its url, and without a command, nothing is transcribed.'),
    command: command.optional().meta({
      description:
        'Or a program, which is run without a shell. {file} is the MP3; what it prints is the text, or JSON: {"text", "language", "sentiment", "keywords"}.',
      example: ['whisper-wrapper', '{file}'],
    }),
    command_timeout: duration('1s', '1d').prefault('5m').describe('The program is killed when it takes longer.'),
    wait: duration('1s', '1d')
      .prefault('10m')
      .describe('Audio waits this long for its transcript, whatever happens to the transcriber; then it goes without.'),
    min_duration: duration('0s', '1h').prefault('2s').describe('Shorter audio says nothing and is not transcribed.'),
    recordings: flag().prefault(true).describe('Transcribe recordings of calls.'),
    voicemails: flag().prefault(true).describe('Transcribe voicemails.'),
    workers: integer(1, 32).prefault(1).describe('How many are transcribed at a time.'),
  })
  .superRefine((section, context) => {
    if (section.http === null || section.command === undefined) return
    context.addIssue({
      code: 'custom',
      path: ['command'],
      message: complain('stands beside transcripts.http.url', 'keep one of the two'),
    })
  })
  .transform(section => ({
    http: section.http,
    command: section.command ?? null,
    commandTimeoutMs: section.command_timeout,
    waitMs: section.wait,
    minDurationMs: section.min_duration,
    recordings: section.recordings,
    voicemails: section.voicemails,
    workers: section.workers,
  }))
