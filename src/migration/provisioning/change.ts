/** One change that brings an account nearer to the file: what it concerns, by name, and the fields that differ. */
import type { IvrState, LineState, MenuState, NumberState, QueueState } from './voice-state.ts'

/** `was` is `null` for what does not exist yet; `set` holds only what differs. */
interface Setting<Kind extends string, State> {
  readonly kind: Kind
  readonly name: string
  readonly set: Partial<State>
  readonly was: Partial<State> | null
}

export type Change =
  | Setting<'phone_line', LineState>
  | Setting<'phone_number', NumberState>
  | (Setting<'queue', QueueState> & {
      /** Of a new queue. */
      readonly members: readonly number[]
    })
  | Setting<'ivr_menu', MenuState>
  /** The IVR settings of a number; `name` is the number. */
  | (Setting<'ivr', IvrState> & { readonly now: IvrState })
  | { readonly kind: 'member'; readonly action: 'add' | 'remove'; readonly name: string; readonly agent: number }
  | { readonly kind: 'deletion'; readonly of: 'phone_number' | 'queue' | 'phone_line'; readonly name: string }

/** Whether something is taken away for good. */
export function takesAway(change: Change): boolean {
  return change.kind === 'deletion' || (change.kind === 'member' && change.action === 'remove')
}
