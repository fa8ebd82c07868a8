/** `tpe-bridge tickets`: which rule fires for a call or voicemail that is stored, and why. Sends nothing. */
import { Command } from 'commander'
import { rulesOf } from '../bridge/zendesk.ts'
import type { CallEvent, CallId } from '../events/event.ts'
import type { EncodedAudio, RecordingId, VoicemailItem } from '../events/recording.ts'
import type { Store } from '../uploads/store/store.ts'
import type { Delivery } from '../zendesk/delivery.ts'
import type { TicketRules } from '../zendesk/tickets/ticket-rules.ts'
import type { TicketChoice, TicketDecision, TicketWish } from '../zendesk/tickets/wish.ts'
import { type ConfigOption, configOption, configurationOf } from './configuration.ts'
import type { CliContext, Finish } from './context.ts'
import { CommandFailed } from './failure.ts'
import { withStore } from './store.ts'

/** What the rules say of one event or voicemail. */
interface Tested {
  readonly id: string
  /** `call.answered`, `voicemail`. */
  readonly moment: string
  readonly decision: TicketDecision
}

export function ticketsCommand(context: CliContext, _finish: Finish): Command {
  const tickets = new Command('tickets').description('look at what the ticket rules do')
  tickets
    .command('test')
    .description('which rule fires for each event of a call, or for a voicemail, and why; sends nothing')
    .argument('<id>', 'of a call (`tpe-bridge calls`) or a voicemail (`tpe-bridge uploads`)')
    .option(...configOption)
    .option('--json', 'one JSON document instead of text')
    .action(async (id: string, option: ConfigOption & { readonly json?: boolean }) => {
      const { config } = await configurationOf(context, option)
      const rules = rulesOf(config)
      const tested = await withStore(context, option, store => testStored(id, config.site, rules, store))
      context.stdout.write(option.json === true ? `${JSON.stringify({ id, tested }, null, 2)}\n` : tested.map(textOf).join('\n'))
    })
  return tickets
}

async function testStored(id: string, site: string, rules: TicketRules, store: Store): Promise<readonly Tested[]> {
  // An id of nothing finds nothing.
  const call = await store.views.getCall(id as CallId)
  if (call !== null) {
    const firstTimeCaller = await isFirst(call.events[0]?.event ?? null, rules, store)
    const voicemails = call.items.flatMap(({ item }) => (item.kind === 'voicemail' ? [item] : []))
    return [
      ...call.events.map(({ event }): Tested => {
        const delivery: Delivery = { kind: 'event', idempotencyKey: event.id, event }
        return { id: event.id, moment: event.type, decision: rules.decide(delivery, { firstTimeCaller, recordingUrl: null }) }
      }),
      ...voicemails.map(item => testVoicemail(item, site, rules)),
    ]
  }
  const item = await store.items.get(id as RecordingId)
  if (item?.kind === 'voicemail') return [testVoicemail(item, site, rules)]
  if (item?.kind === 'recording')
    throw new CommandFailed(1, `${id} is a recording: no rule is asked about it; test its call${callHint(item.callId)}`)
  throw new CommandFailed(1, `no call or voicemail ${id}: see \`tpe-bridge calls list\` and \`tpe-bridge uploads list\``)
}

function testVoicemail(item: VoicemailItem, site: string, rules: TicketRules): Tested {
  const audio = item.encoded ?? notEncoded(item)
  const delivery: Delivery = { kind: 'voicemail', idempotencyKey: item.id, site, item, audio }
  const facts = { firstTimeCaller: null, recordingUrl: '(its address in Zendesk)' }
  return { id: item.id, moment: 'voicemail', decision: rules.decide(delivery, facts) }
}

/** What the rules read of audio that is not encoded yet is its length. */
function notEncoded({ sourcePath: path, sourceSize: size, source }: VoicemailItem): EncodedAudio {
  const { durationMs, channels, sampleRate } = source ?? { durationMs: 0, channels: 1, sampleRate: 8000 }
  return { path, size, sha256: '', durationMs, channels, sampleRate }
}

/** As the bridge would find it, without noting that anybody called. */
async function isFirst(event: CallEvent | null, rules: TicketRules, store: Store): Promise<boolean | null> {
  if (event === null || !rules.asksFirstTimeCaller) return null
  const { call } = event
  if (call.direction !== 'inbound' || call.from.kind !== 'e164') return false
  const first = await store.memory.get(`first:${call.from.value}`)
  return first === null || first === call.id
}

function callHint(callId: CallId | null): string {
  return callId === null ? '' : `, ${callId}`
}

function textOf({ id, moment, decision: { wish, why } }: Tested): string {
  const lines = why.map(line => `    ${line}`)
  const outcome = wish === null ? ['  no ticket'] : [`  rule ${wish.rule} fires`, ...wishLines(wish)]
  return `${[`${moment} (${id})`, ...lines, ...outcome].join('\n')}\n`
}

function wishLines(wish: TicketWish): readonly string[] {
  const { create, comment, assigneeId, displayTo } = wish
  const lines: string[] = []
  const say = (name: string, text: string | number | null): void => {
    if (text !== null && text !== '')
      lines.push(`    ${`${name}:`.padEnd(14)}${String(text).replaceAll('\n', `\n${' '.repeat(18)}`)}`)
  }
  say('ticket', choiceText(wish.choice, create !== null))
  if (create !== null) {
    say('subject', create.subject)
    say('description', create.description)
    say('priority', create.priority)
    say('tags', create.tags.join(', '))
    for (const { id, value } of create.customFields) say(`field ${id}`, value)
  }
  say(wish.publicComment ? 'reply' : 'comment', comment)
  say('assignee', assigneeId)
  say('display to', displayTo)
  return lines
}

function choiceText(choice: TicketChoice, creates: boolean): string {
  const otherwise = creates ? 'otherwise a new one' : 'otherwise none'
  switch (choice.kind) {
    case 'new':
      return `the call’s own, ${otherwise}`
    case 'given':
      return `${choice.ticketId}, which the PBX named; ${otherwise}`
    case 'recent': {
      const whose = choice.of === 'rule' ? 'the one this rule gave the caller' : 'the caller’s last one'
      return `the call’s own, or ${whose} if used within ${choice.withinMs / 60_000} min; ${otherwise}`
    }
    default:
      return choice satisfies never
  }
}
