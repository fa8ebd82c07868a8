/**
 * When rules are asked. A call that has ended is one of the last three but one: `missed` (nobody took it), `abandoned` (the caller
 * gave up first) or `ended` (somebody took it).
 */
export const moments = ['ringing', 'answered', 'transferred', 'missed', 'abandoned', 'ended', 'voicemail'] as const
export type Moment = (typeof moments)[number]
