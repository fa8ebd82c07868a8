/** The NOTIFYs of test/fixtures/asterisk-blf, and documents made for tests. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const root = join(import.meta.dirname, '../../fixtures/asterisk-blf')

/** Every folder: one call each. */
export const capturedCalls = readdirSync(root, { withFileTypes: true })
  .filter(entry => entry.isDirectory())
  .map(({ name }) => name)
  .sort()

/** The bodies that a watcher of the extension got during that call, in order, the one after its unsubscribe included. */
export function capturedBodies(call: string, extension: string): readonly string[] {
  return readdirSync(join(root, call))
    .filter(name => name.startsWith(`${extension}-`))
    .sort()
    .map(name => {
      const notify = readFileSync(join(root, call, name), 'utf8')
      return notify.slice(notify.indexOf('\r\n\r\n') + 4)
    })
}

export interface MadeDialog {
  readonly id: string
  /** Attributes of `<dialog>`, such as `call-id="a" local-tag="b"`. */
  readonly attributes?: string
  readonly state: string
  /** Attributes of `<state>`. */
  readonly of?: string
  /** Further elements. */
  readonly more?: string
}

/** A document, as an RFC 4235 notifier writes it. */
export function madeDocument(version: number, state: 'full' | 'partial', dialogs: readonly MadeDialog[]): string {
  const elements = dialogs.map(
    ({ id, attributes = '', state, of = '', more = '' }) =>
      `<dialog id="${id}" ${attributes}><state ${of}>${state}</state>${more}</dialog>`,
  )
  return `<?xml version="1.0"?>\n<dialog-info xmlns="urn:ietf:params:xml:ns:dialog-info" version="${version}" state="${state}" entity="sip:1002@pbx">${elements.join('')}</dialog-info>`
}

/** What FreeSWITCH and Kamailio say of a call from 1001 to the watched 1002. */
export function namedCall(state: string, of = '', held = false): MadeDialog {
  const rendering = held ? '<param pname="+sip.rendering" pvalue="no"/>' : ''
  return {
    id: 'd1',
    attributes: 'call-id="call-1@pbx" local-tag="bob" remote-tag="alice" direction="recipient"',
    state,
    of,
    more:
      `<local><identity display="Bob">sip:1002@pbx</identity><target uri="sip:1002@pbx">${rendering}</target></local>` +
      '<remote><identity display="Alice">sip:1001@pbx</identity><target uri="sip:1001@pbx"/></remote>',
  }
}
