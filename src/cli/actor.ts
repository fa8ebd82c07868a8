/** Who runs a command, as the audit log names people. */
import { userInfo } from 'node:os'

export interface ProcessOwner {
  readonly env: Readonly<Record<string, string | undefined>>
  /** `null` where the system has no such numbers. */
  readonly uid: number | null
  readonly host: string
}

/** `ops@pbx1`; `alice as root@pbx1` when sudo says who it was. */
export const actorName = ({ env, uid, host }: ProcessOwner): string => {
  const user = userName(uid)
  const behind = env.SUDO_USER
  const isSudo = uid === 0 && behind !== undefined && behind !== '' && behind !== user
  return isSudo ? `${behind} as ${user}@${host}` : `${user}@${host}`
}

const userName = (uid: number | null): string => {
  try {
    return userInfo().username
  } catch {
    // In a container the number that a process runs as need not have a name.
    return uid === null ? 'unknown' : `uid ${uid}`
  }
}
