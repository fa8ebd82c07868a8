/** What the bridge must know about an agent's status after a restart, as it stands in the sink's memory under `agent:ID`. */
import { z } from 'zod'
import { type Hold, theirs } from './hold.ts'

const noteSchema = z.object({
  own: z.string().max(100).nullable(),
  wrote: z.string().max(100).nullable(),
  stretch: z.number().nullable(),
})

export const noteKey = (agentId: number): string => `agent:${agentId}`

export function noteOf({ own, wrote, stretch }: Hold): string {
  return JSON.stringify({ own, wrote, stretch })
}

/** Nothing noted, or a note that is not ours to read: then the status is the agent's. */
export function holdFrom(note: string | null): Hold {
  if (note === null) return theirs
  try {
    const parsed = noteSchema.safeParse(JSON.parse(note))
    return parsed.success ? { ...theirs, ...parsed.data } : theirs
  } catch {
    // What an older version wrote is no reason to fail: the next call begins afresh.
    return theirs
  }
}
