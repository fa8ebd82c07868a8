/** 409: what is asked for contradicts what is there. */
import { agentNotAvailable } from '../../wire/words.ts'
import { Problem } from '../problem.ts'

/** A name or a number that something else has. */
export const taken = (field: string, complaint: string) =>
  new Problem(409, { error: 'Conflict', description: complaint, details: { [field]: [complaint] } })

/** A deletion that would leave something without what it refers to. */
export const inUse = (what: string, by: string) =>
  new Problem(409, { error: 'Conflict', description: `This ${what} is in use by ${by}: change that first` })

/** The Voice API's own words. */
export const agentBusy = () => new Problem(409, agentNotAvailable)
