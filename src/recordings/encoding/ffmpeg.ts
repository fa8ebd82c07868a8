/**
 * Finds the ffmpeg to use: the configured one, else the first on the PATH, else the one that npm brings.
 * A configured path that does not work is an error: silently taking another one would hide it for years.
 */
import { execFile } from 'node:child_process'
import { constants } from 'node:fs'
import { access } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import { describe } from '../failure.ts'

export interface Ffmpeg {
  readonly path: string
  readonly origin: 'configured' | 'path' | 'bundled'
  /** `5.1.9-0+deb12u1`. */
  readonly version: string
  /** Something an operator should know about it; `null` when all is well. */
  readonly warning: string | null
}

export type FfmpegSearch =
  | { readonly kind: 'found'; readonly ffmpeg: Ffmpeg }
  /** `reason` says what to do. */
  | { readonly kind: 'missing'; readonly reason: string }

export interface FfmpegSearchOptions {
  /** FFMPEG_PATH or `transcode.ffmpeg`; `null` when not set. */
  readonly configured: string | null
  /** The PATH variable. */
  readonly searchPath: string
  /** Where npm has put an ffmpeg, if it has. */
  readonly bundled: () => string | null
}

export async function findFfmpeg({ configured, searchPath, bundled }: FfmpegSearchOptions): Promise<FfmpegSearch> {
  if (configured !== null) {
    const found = await probe(configured, 'configured')
    return found.kind === 'found'
      ? found
      : missing(
          `the configured ffmpeg ${configured} does not work: ${found.reason}. Correct the path, or remove it to use the one on the PATH`,
        )
  }
  const refused: string[] = []
  for (const folder of searchPath.split(delimiter).filter(part => part !== '')) {
    const path = join(folder, 'ffmpeg')
    if (!(await isExecutable(path))) continue
    const found = await probe(path, 'path')
    if (found.kind === 'found') return found
    refused.push(`${path}: ${found.reason}`)
  }
  const path = bundled()
  if (path !== null) {
    const found = await probe(path, 'bundled')
    if (found.kind === 'found') return found
    refused.push(`${path}: ${found.reason}`)
  }
  const tried = refused.length === 0 ? 'there is none on the PATH' : refused.join('; ')
  return missing(`no ffmpeg to encode recordings with (${tried}). Install one (apt-get install ffmpeg), or set FFMPEG_PATH`)
}

/** The static ffmpeg of the optional package @ffmpeg-installer/ffmpeg; `null` where it is not installed or not for this machine. */
export function bundledFfmpeg(): string | null {
  try {
    const module: unknown = createRequire(import.meta.url)('@ffmpeg-installer/ffmpeg')
    if (typeof module === 'object' && module !== null && 'path' in module && typeof module.path === 'string') return module.path
    return null
  } catch {
    // The package throws (a string, even) when it has no binary for this platform: then there is none, which is an answer.
    return null
  }
}

const run = promisify(execFile)

async function probe(path: string, origin: Ffmpeg['origin']): Promise<FfmpegSearch> {
  try {
    const options = { timeout: 10_000, killSignal: 'SIGKILL', maxBuffer: 1024 * 1024 } as const
    const [{ stdout: about }, { stdout: encoders }] = await Promise.all([
      run(path, ['-version'], options),
      run(path, ['-hide_banner', '-encoders'], options),
    ])
    const version = /^ffmpeg version (\S+)/.exec(about)?.[1]
    if (version === undefined) return missing('it does not answer -version as an ffmpeg does')
    if (!/\blibmp3lame\b/.test(encoders)) return missing(`ffmpeg ${version} was built without the MP3 encoder libmp3lame`)
    const warning =
      origin === 'bundled'
        ? `using the ffmpeg that npm brings (${version}), a build of 2018 without later security fixes: install the system's own (apt-get install ffmpeg)`
        : null
    return { kind: 'found', ffmpeg: { path, origin, version, warning } }
  } catch (error) {
    return missing(describe(error).trim())
  }
}

async function isExecutable(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK)
    return true
  } catch {
    // Not there, or not for us: the next folder of the PATH may have one.
    return false
  }
}

function missing(reason: string): FfmpegSearch {
  return { kind: 'missing', reason }
}
