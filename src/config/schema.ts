/**
 * The whole configuration file: every key, its default, its limits and its one line of documentation. The example file and the JSON
 * Schema for editors are generated from here (`npm run generate`).
 *
 * Keys are those of the file (snake_case, units in the values); what comes out is `Config` (camelCase, Ms and Bytes in the names).
 */
import { z } from 'zod'
import { duration, path, word } from './fields.ts'
import { pbxFamilies } from './pbx-family.ts'
import { agentStatus } from './section-agent-status.ts'
import { archive } from './section-archive.ts'
import { hep } from './section-hep.ts'
import { reconciliation } from './section-reconciliation.ts'
import { spool } from './section-spool.ts'
import { store } from './section-store.ts'
import { tickets } from './section-tickets.ts'
import { transcripts } from './section-transcripts.ts'
import { zendesk } from './section-zendesk.ts'
import { recordings, transcode, voicemail } from './sections-audio.ts'
import { admin, enoughFor, sandbox, uploads } from './sections-delivery.ts'
import { agents, calls, numbers, sip } from './sections-sip.ts'

/** The version of the file's format that this bridge reads. */
export const configVersion = 1

const log = z.strictObject({
  level: z
    .enum(['debug', 'info', 'warn', 'error'])
    .prefault('info')
    .describe('The least important lines that are still written.'),
  numbers: z
    .enum(['masked', 'full'])
    .prefault('masked')
    .describe('Telephone numbers in logs: all but the last two digits hidden, or whole.'),
})

export const configSchema = z
  .strictObject({
    version: z.literal(configVersion).prefault(configVersion).describe('Of this file’s format.'),
    site: word(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/, 'is not a short name', 'use letters, digits, dots and dashes, such as hq')
      .prefault('hq')
      .describe('The name of this place; it is part of every event.'),
    data_dir: path()
      .prefault('./data')
      .describe('Where the bridge keeps its database and the audio on its way. Paths are relative to the working directory.'),
    shutdown_grace: duration('0s', '10m')
      .prefault('10s')
      .describe('How long a stopping bridge lets work in flight finish. What is not delivered stays stored.'),
    log: log.prefault({}).describe('What the bridge writes to standard output.'),
    pbx: z
      .enum(pbxFamilies)
      .prefault('generic')
      .describe(
        'The family of the PBX, whose ways the bridge then takes for granted: the defaults of sip.unique_headers and sip.call_id_headers are those of config/pbx/NAME.yaml. docs/pbx says how each is set up.',
      ),
    sip: sip.prefault({}).describe('Signalling: what the bridge sees of calls.'),
    hep: hep
      .prefault({})
      .describe('Capture agents (HEP): the PBX sends copies of its signalling, and its calls stay out of our hands.'),
    calls: calls.prefault({}).describe('How long the bridge believes in calls that fell silent.'),
    numbers: numbers.prefault({}).describe('How telephone numbers are read.'),
    agents: agents.prefault([]).describe('Who sits at which extension.'),
    agent_status: agentStatus.prefault({}).describe('Agents’ status in Zendesk, after their phones.'),
    recordings: recordings.prefault({}).describe('Recordings of calls.'),
    voicemail: voicemail.prefault({}).describe('Messages left in mailboxes.'),
    transcode: transcode.prefault({}).describe('How audio becomes MP3.'),
    transcripts: transcripts.prefault({}).describe('What is said in recordings and voicemails, as text.'),
    spool: spool.prefault({}).describe('Audio on its way, and how much of the disk it may take.'),
    zendesk: zendesk.prefault({}).describe('Where calls, recordings and voicemails go.'),
    tickets: tickets.prefault({}).describe('Tickets that calls and voicemails make by themselves.'),
    uploads: uploads.prefault({}).describe('The outbox: everything on its way to Zendesk.'),
    store: store.prefault({}).describe('Where the bridge keeps what is on its way.'),
    archive: archive.prefault({}).describe('Audio kept beside Zendesk.'),
    reconciliation: reconciliation.prefault({}).describe('What should be there and is not: looked for now and then.'),
    admin: admin.prefault({}).describe('The bridge’s own HTTP server.'),
    sandbox: sandbox.prefault({}).describe('A Zendesk for trying things out.'),
  })
  .transform(({ data_dir, shutdown_grace, agent_status, uploads, ...rest }) => ({
    ...rest,
    uploads: { ...uploads, concurrency: uploads.concurrency ?? enoughFor(rest.zendesk.requestsPerMinute) },
    dataDir: data_dir,
    shutdownGraceMs: shutdown_grace,
    agentStatus: agent_status,
  }))

type DeepReadonly<T> = T extends RegExp
  ? T
  : T extends readonly (infer Item)[]
    ? readonly DeepReadonly<Item>[]
    : T extends object
      ? { readonly [Key in keyof T]: DeepReadonly<T[Key]> }
      : T

/** The configuration as the bridge uses it: parsed, frozen; what is not set and has no default is `null`. */
export type Config = DeepReadonly<z.output<typeof configSchema>>

/** Sections and keys of later versions: named for what they are, instead of as typing errors. */
export const notInThisVersion: readonly string[] = []
