/** What `pbx: NAME` says of keys that are not set: filled in before the schema sees them, so that what is set explicitly wins. */
import { formatPath } from './config-path.ts'
import { placeOf } from './explain.ts'
import { sectionAt } from './includes.ts'
import { type PbxFamilyName, pbxFamilies, readPbxFamily } from './pbx-family.ts'
import type { ConfigProblem } from './problems.ts'
import type { SourceTree } from './source-tree.ts'

/** Changes the tree in place; returns what went wrong. A family that is none is the schema's to refuse. */
export async function fillFromFamily(tree: SourceTree): Promise<readonly ConfigProblem[]> {
  const root = sectionAt(tree.value, [])
  const name = root?.pbx
  if (root === null || !isFamily(name)) return []
  const read = await readPbxFamily(name)
  if (!read.ok) {
    const place = { ...placeOf(['pbx'], tree, 'value'), path: 'pbx' }
    return [{ ...place, reason: `the file ${read.file} ${read.reason}`, fix: 'install the bridge again: the file is part of it' }]
  }
  if (root.sip === undefined) root.sip = Object.create(null)
  const sip = sectionAt(root, ['sip'])
  if (sip === null) return [] // no section: the schema says so
  const place = placeOf(['pbx'], tree, 'value')
  for (const [key, value] of Object.entries(read.family.sip)) {
    if (sip[key] !== undefined) continue
    sip[key] = [...value]
    tree.origins.set(formatPath(['sip', key]), { value: place, key: place, written: null, literal: false })
  }
  return []
}

const isFamily = (value: unknown): value is PbxFamilyName => pbxFamilies.some(name => name === value)
