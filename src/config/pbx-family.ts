/**
 * PBX families as data: config/pbx/NAME.yaml, shipped with the bridge. What a family's file says is what the bridge takes for granted of such
 * a PBX (family-defaults.ts) and what docs/pbx/NAME.md tells people.
 */
import { fileURLToPath } from 'node:url'
import { parse } from 'yaml'
import { z } from 'zod'
import { type FileText, readTextFile } from './read-file.ts'

/** The families, the one that is meant without `pbx` last. */
export const pbxFamilies = [
  'asterisk',
  'freeswitch',
  'kamailio',
  'opensips',
  'cucm',
  'broadworks',
  'metaswitch',
  'avaya',
  '3cx',
  'generic',
] as const

export type PbxFamilyName = (typeof pbxFamilies)[number]

/** The ways to watch a PBX, by the section of the configuration that each one is set up in: hep, sip.trunk, sip.siprec, sip.dialogs. */
export const waysToWatch = ['hep', 'trunk', 'siprec', 'dialogs'] as const

export type WayToWatch = (typeof waysToWatch)[number]

const text = () => z.string().regex(/\S/)
/** One line of text. */
const sentence = () =>
  text()
    .max(600)
    .regex(/^\S.*$/)
const headers = () => z.array(z.string().regex(/^[A-Za-z0-9-]{1,64}$/)).max(32)

/** What can be seen one way. */
const sight = z.strictObject({
  /** Who makes it possible: the PBX itself, something beside it, nobody; or nobody has told us. */
  by: z.enum(['pbx', 'beside', 'none', 'unverified']),
  /** With which means. */
  with: sentence(),
  seen: sentence(),
  unseen: sentence(),
})

/** Lines of the PBX's own configuration. */
const setting = z.strictObject({
  /** Where they go: a file, or a place in a user interface. */
  where: sentence(),
  why: sentence(),
  /** As a Markdown fence names it. */
  language: z.enum(['ini', 'xml', 'text', 'sh']),
  lines: text(),
})

const family = z.strictObject({
  name: sentence(),
  description: sentence(),
  /** A proxy: both sides of it are one SIP call. Otherwise each leg has a Call-ID of its own. */
  keeps_call_id: z.boolean(),
  /** The defaults of the keys of the same names. */
  sip: z.strictObject({ unique_headers: headers(), call_id_headers: headers() }),
  /** How its SIP calls become one call. */
  ties: z.array(sentence()).min(1).max(8),
  sight: z.strictObject({ hep: sight, trunk: sight, siprec: sight, dialogs: sight }),
  settings: z.array(setting).max(8),
  /** The bridge's own configuration, for the way that suits most sites. */
  bridge: text(),
  /** What nobody has confirmed, or what differs between sites. */
  check_on_site: z.array(sentence()).max(8),
})

export type PbxFamily = Readonly<z.output<typeof family>>

export type PbxFamilyFile =
  | { readonly ok: true; readonly family: PbxFamily }
  /** `reason` completes "FILE …". */
  | { readonly ok: false; readonly file: string; readonly reason: string }

/** Where a family's file lies, in the package as in the repository. */
export function pbxFamilyPath(name: PbxFamilyName): string {
  return fileURLToPath(new URL(`../../config/pbx/${name}.yaml`, import.meta.url))
}

/** Reads what is known of a family. Never throws: an installation may be broken. */
export async function readPbxFamily(name: PbxFamilyName): Promise<PbxFamilyFile> {
  const file = pbxFamilyPath(name)
  const content = await readTextFile(file)
  return content.ok ? familyIn(file, content) : { ok: false, file, reason: content.reason }
}

function familyIn(file: string, { text: yaml }: FileText & { readonly ok: true }): PbxFamilyFile {
  let value: unknown
  try {
    value = parse(yaml)
  } catch (error) {
    return { ok: false, file, reason: `is not valid YAML (${error instanceof Error ? error.name : 'unknown error'})` }
  }
  const read = family.safeParse(value)
  if (read.success) return { ok: true, family: read.data }
  const [issue] = read.error.issues
  return { ok: false, file, reason: `is no description of a PBX: ${issue?.path.join('.') ?? ''} ${issue?.message ?? ''}` }
}
