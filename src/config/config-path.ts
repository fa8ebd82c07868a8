/** The names of keys: `recordings.folders[0].match`. */

export type PathStep = string | number

/** A path as problems show it; keys that are no plain words are quoted and cut, so that any YAML key makes one short line. */
export function formatPath(path: readonly PathStep[]): string {
  let text = ''
  for (const step of path) {
    if (typeof step === 'number') text += `[${step}]`
    else if (/^[\w-]{1,64}$/.test(step)) text += text === '' ? step : `.${step}`
    else text += `[${JSON.stringify(step.slice(0, 64))}]`
  }
  return text
}

/** The keys whose values are secrets; each may come from a file instead (`token_file`), and none is ever shown. */
export const secretPaths: readonly (readonly string[])[] = [
  ['sip', 'drachtio', 'secret'],
  ['sip', 'dialogs', 'password'],
  ['hep', 'auth_key'],
  ['zendesk', 'token'],
  ['zendesk', 'oauth', 'client_secret'],
  ['zendesk', 'oauth', 'refresh_token'],
  ['transcripts', 'http', 'token'],
  ['store', 'postgres'],
  ['archive', 's3', 'secret_key'],
  ['admin', 'token'],
  ['sandbox', 'token'],
]

/** Of a path as in the file, or as in the parsed configuration (`zendesk.oauth.clientSecret`). */
export function isSecretPath(path: string): boolean {
  const asInFile = path.replace(/[A-Z]/g, letter => `_${letter.toLowerCase()}`)
  return secretPaths.some(secret => formatPath(secret) === asInFile)
}
