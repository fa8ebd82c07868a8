/** What a caller chose: to be recorded, or not to be. What becomes of the recording is for the rules to say (consent.ts). Pure. */

/** What was chosen, and when (epoch ms), as the PBX said it of a call. */
export interface Choice {
  readonly said: boolean
  readonly at: number
}

/**
 * What a word says: `yes`, `true` and `1`, or `no`, `false` and `0`, in any case. Any other word is a no, because what cannot be read is no
 * consent; `null` for none at all.
 */
export function saidIn(word: string): boolean | null {
  const text = word.trim().toLowerCase()
  return text === '' ? null : ['yes', 'true', '1'].includes(text)
}

/** Whether a word is one of those that `saidIn` knows. */
export const isChoice = (word: string): boolean => /^(?:yes|true|1|no|false|0)$/i.test(word.trim())

/** The later of two; of the same moment, the no. The same object as before when nothing is new. */
export function laterChoice(known: Choice | undefined, heard: Choice): Choice {
  if (known === undefined || heard.at > known.at) return heard
  return heard.at === known.at && known.said && !heard.said ? heard : known
}
