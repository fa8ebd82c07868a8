/** What is allowed but probably not meant. The bridge starts all the same and logs these. */
import { isLoopback } from './addresses.ts'
import { formatPath, type PathStep, secretPaths } from './config-path.ts'
import { placeOf } from './explain.ts'
import type { ConfigProblem } from './problems.ts'
import type { Config } from './schema.ts'
import type { SourceTree } from './source-tree.ts'

export function warningsOf(config: Config, tree: SourceTree): readonly ConfigProblem[] {
  const warnings: ConfigProblem[] = []
  const warn = (path: readonly PathStep[], reason: string, fix: string): void => {
    warnings.push({ ...placeOf(path, tree, 'value'), path: formatPath(path), reason, fix })
  }
  for (const path of secretPaths) {
    const origin = tree.origins.get(formatPath(path))
    if (origin?.literal === true && origin.written !== null && origin.written !== '')
      warn(path, 'stands in the file itself', `take it from the environment (\${NAME}) or from a file (${path.at(-1)}_file)`)
  }
  if (config.zendesk.token !== null && config.zendesk.baseUrl === null)
    warn(['zendesk', 'token'], 'is set, but zendesk.base_url is not: everything goes to the sandbox', 'set zendesk.base_url')
  if (config.store.postgres !== null && config.zendesk.baseUrl === null)
    warn(
      ['store', 'postgres'],
      'is set, but zendesk.base_url is not: each bridge delivers to a sandbox of its own',
      'set zendesk.base_url',
    )
  const { listen, server, trunk } = config.sip
  const remote = [...trunk.pbx, ...trunk.carrier].find(peer => !isLoopback(peer.host))
  if (server === 'embedded' && remote !== undefined && listen.every(({ host }) => isLoopback(host)))
    warn(
      ['sip', 'listen'],
      `only this machine can reach it, but ${remote.uri} is another`,
      'listen on an address that your peers can reach',
    )
  return warnings
}
