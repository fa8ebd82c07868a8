/** The section about agents' status in Zendesk: whether it follows their phones. */
import { z } from 'zod'
import { duration, flag, integer } from './fields.ts'

const statusId = () => integer(1, Number.MAX_SAFE_INTEGER)

const statuses = z.strictObject({
  available: statusId().prefault(3).describe('Zendesk’s own: Online.'),
  unavailable: statusId().prefault(2).describe('Zendesk’s own: Offline.'),
  on_call: statusId().prefault(5).describe('Zendesk’s own: Transfers only. Better: a custom status “On a call”.'),
  after_call_work: statusId().prefault(4).describe('Zendesk’s own: Away. Better: a custom status “After-call work”.'),
})

export const agentStatus = z
  .strictObject({
    report: flag()
      .prefault(false)
      .describe(
        'Tell Zendesk when an agent is on a call. It needs agents, so that the bridge knows whose phone is whose. An agent is on a call while either the calls that are seen say so, or the PBX does of an extension in sip.dialogs; what a PBX that falls silent said last counts for a minute.',
      ),
    after_call_work: duration('0s', '1d')
      .prefault('0s')
      .describe('How long an agent who has talked is in after-call work before going back to the status of before the call.'),
    poll: duration('0s', '1d')
      .prefault('0s')
      .describe(
        'Within this time every agent’s status is read once, so that what agents set by hand is seen at once. 0s: only before a call.',
      ),
    statuses: statuses
      .prefault({})
      .describe('With `zendesk.api: calls`: the unified agent statuses of the account that stand for each (their ids).'),
  })
  .transform(section => ({
    report: section.report,
    afterCallWorkMs: section.after_call_work,
    pollMs: section.poll,
    statuses: section.statuses,
  }))
