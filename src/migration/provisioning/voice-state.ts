/**
 * Numbers, lines, queues and menus by their natural keys: what a file wants and what an account has, in the same words, so that the
 * two can be compared. Ids appear nowhere but in `AccountState.ids`.
 */
import type { Capability, Id, MenuAction, OverflowAction } from './voice-account.ts'

/** Where both can lead. */
export type CommonTarget =
  | { readonly to: 'queue'; readonly name: string }
  /** Zendesk's id. */
  | { readonly to: 'agent'; readonly id: number }
  /** E.164. */
  | { readonly to: 'number'; readonly number: string }
  | { readonly to: 'voicemail'; readonly mailbox: string | null }
  | { readonly to: 'hangup' }

/** What the other words do not cover, as the API has it. */
interface OtherTarget<Action> {
  readonly to: 'other'
  readonly action: Action
  readonly target: string | null
}

/** Where a key of a menu leads. */
export type OptionTarget =
  | CommonTarget
  | { readonly to: 'menu'; readonly name: string }
  | { readonly to: 'repeat' }
  | OtherTarget<MenuAction>

/** Where a caller goes whom a queue cannot take. */
export type OverflowTarget = CommonTarget | OtherTarget<OverflowAction>

export type Target = OptionTarget | OverflowTarget

export interface LineState {
  readonly location: string | null
  readonly enabled: boolean
}

export interface NumberState {
  readonly display_name: string
  readonly country_code: string
  /** A line's name. */
  readonly line: string | null
  readonly enabled: boolean
  /** Sorted. */
  readonly capabilities: readonly Capability[]
}

export interface QueueState {
  /** Seconds. */
  readonly max_wait_time: number | null
  readonly overflow: OverflowTarget
}

export interface MenuOption {
  readonly digit: string
  readonly label: string
  readonly target: OptionTarget
}

export interface MenuState {
  readonly greeting: string
  /** Sorted by digit. */
  readonly options: readonly MenuOption[]
  readonly repeat_message: string | null
  readonly invalid_message: string | null
}

export interface IvrState {
  readonly enabled: boolean
  /** Names. */
  readonly menu: string | null
  readonly queue: string | null
}

/** Where something stands in the file: `['queues', 0, 'overflow']`. */
export type FilePath = readonly (string | number)[]

/** One thing of the file; what it does not mention is absent and stays as it is. */
export interface Wanted<State> {
  readonly at: FilePath
  readonly set: Partial<State>
}

/** `null` for a section that the file does not have: it is left alone, also by pruning. */
export interface DesiredState {
  readonly lines: ReadonlyMap<string, Wanted<LineState>> | null
  readonly numbers: ReadonlyMap<string, Wanted<NumberState> & { readonly ivr: Partial<IvrState> | null }> | null
  /** `members`: agents' ids; `null` when the file does not speak of them. */
  readonly queues: ReadonlyMap<string, Wanted<QueueState> & { readonly members: readonly number[] | null }> | null
  readonly menus: ReadonlyMap<string, Wanted<MenuState>> | null
}

/** Ids by name. */
export interface Ids {
  readonly lines: ReadonlyMap<string, Id>
  readonly numbers: ReadonlyMap<string, Id>
  readonly queues: ReadonlyMap<string, Id>
  readonly menus: ReadonlyMap<string, Id>
}

export interface AccountState {
  readonly lines: ReadonlyMap<string, LineState>
  readonly numbers: ReadonlyMap<string, NumberState & { readonly ivr: IvrState }>
  readonly queues: ReadonlyMap<string, QueueState & { readonly members: readonly number[] }>
  /** Those that a number leads to; the API shows no others. */
  readonly menus: ReadonlyMap<string, MenuState>
  readonly ids: Ids
}

const keypad = '1234567890*#'

/** Options in the order of a telephone's keys: their order means nothing to a caller. */
export function byDigit(options: readonly MenuOption[]): readonly MenuOption[] {
  return options.toSorted((a, b) => keypad.indexOf(a.digit) - keypad.indexOf(b.digit))
}
