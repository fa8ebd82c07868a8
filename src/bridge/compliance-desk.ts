/** What the admin API has of erasing and holding: one bounded request at a time. */
import type { ComplianceAnswer, ComplianceDesk, ComplianceTarget } from '../admin/compliance-routes.ts'
import { ArchiveError } from '../archive/archive.ts'
import type { About, FoundItem } from '../uploads/store/about.ts'
import type { Compliance } from './compliance.ts'

/** What one request may be about; for more there is the command, which goes by steps and can be interrupted. */
const mostItems = 1_000
/** In which the archive has to take its markers, ms. */
const archiveMs = 30_000

export function complianceDesk(compliance: Compliance): ComplianceDesk {
  const all = async (about: About): Promise<readonly FoundItem[] | null> => {
    const found: FoundItem[] = []
    for await (const page of compliance.find(about)) {
      found.push(...page)
      if (found.length > mostItems) return null
    }
    return found
  }
  const change = async (
    target: ComplianceTarget,
    steps: (about: About) => AsyncIterable<readonly FoundItem[]>,
  ): Promise<ComplianceAnswer> => {
    const about = await compliance.about(target)
    if ((await all(about)) === null) return tooMany
    const changed: string[] = []
    try {
      for await (const step of steps(about)) changed.push(...step.map(({ id }) => id))
    } catch (cause) {
      const isSlow = cause instanceof Error && cause.name === 'TimeoutError'
      if (!isSlow && !(cause instanceof ArchiveError)) throw cause
      const what = isSlow ? `the archive took longer than ${archiveMs / 1000} s` : cause.message
      return { kind: 'refused', reason: `${what}; send the request again then` }
    }
    return { kind: 'done', items: (await all(about)) ?? [], changed }
  }
  return {
    find: async target => {
      const items = await all(await compliance.about(target))
      return items === null ? tooMany : { kind: 'done', items, changed: [] }
    },
    erase: (target, order) => change(target, about => compliance.erase(about, order)),
    hold: (target, order) => change(target, about => compliance.hold(about, order, AbortSignal.timeout(archiveMs))),
    release: (target, order) => change(target, about => compliance.release(about, order, AbortSignal.timeout(archiveMs))),
  }
}

const tooMany: ComplianceAnswer = {
  kind: 'refused',
  reason: `it is about more than ${mostItems} recordings: use the command (tpe-bridge erase, tpe-bridge hold), which goes by steps`,
}
