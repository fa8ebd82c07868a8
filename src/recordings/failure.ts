/** Telling faults of this machine (a full disk, a missing permission) from faults of a file: only the latter are a file's fate. */

/** The `code` of a Node.js system error, or `null`. */
export function errorCode(error: unknown): string | null {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : null
}

export function isGone(error: unknown): boolean {
  const code = errorCode(error)
  return code === 'ENOENT' || code === 'ENOTDIR'
}

/** One line for a log or an operator, with what to do where that is known. */
export function describe(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error)
  const advice = advices[errorCode(error) ?? '']
  return advice === undefined ? message : `${message} (${advice})`
}

const advices: Readonly<Record<string, string>> = {
  ENOSPC: 'the disk is full: free some space; work goes on by itself',
  EDQUOT: 'the disk quota is used up: raise it; work goes on by itself',
  EACCES: "the bridge's user may not read or write it: change its mode or owner",
  EPERM: "the bridge's user may not do that: change the mode or owner",
  EROFS: 'the file system is mounted read-only',
  EMFILE: 'too many open files: raise the limit (ulimit -n, LimitNOFILE=)',
  ENFILE: 'too many open files on this machine: raise fs.file-max',
  EIO: 'the disk or the network share reported an error',
  ESTALE: 'the network share was exported anew: mount it again',
}
