/** Every way in which the sink may misbehave; faulty-sink.ts knows how. Those named `…-after` happen once the effect is there. */

export const attemptFaults = [
  'silence',
  'silence-after',
  'late-effect',
  'reset',
  'reset-while-sending',
  'reset-after',
  'close',
  'half-close',
  'half-close-after',
  'garbage',
  '409',
  '429-seconds',
  '429-date',
  '429-bare',
  '429-text',
  '500',
  '500-after',
  '502-page',
  '502-page-after',
  '503',
  '503-seconds',
  '503-while-sending',
  '200-page',
  '200-lacks-id-after',
  '200-broken-after',
  '201-cut-after',
  '201-cut-reset-after',
  '201-drip-after',
  '201-drip-for-ever-after',
] as const

export type FaultName = (typeof attemptFaults)[number] | '422'

/** What a whole outage looks like. */
export const outageFaults = [
  'reset',
  'silence',
  'half-close',
  '502-page',
  '503',
  '503-seconds',
  '429-seconds',
  '200-page',
] as const
