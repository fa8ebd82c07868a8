/** Whom a command of an application concerns: the proxy, its requests as a server, or its requests as a client. */

import type { DialogTable } from '../dialog/dialog-table.ts'
import type { UserAgentClient } from '../dialog/uac.ts'
import type { UserAgentServer } from '../dialog/uas.ts'
import type { SipProxy } from '../proxy/proxy.ts'
import type { ControlSession, SipCommand } from './session.ts'

export interface CommandRouterParts {
  readonly uas: UserAgentServer
  readonly uac: UserAgentClient
  readonly proxy: SipProxy
  readonly dialogs: DialogTable
}

export class CommandRouter {
  readonly #parts: CommandRouterParts

  constructor(parts: CommandRouterParts) {
    this.#parts = parts
  }

  execute(command: Exclude<SipCommand, { kind: 'route' | 'remove-route' }>, session: ControlSession): void {
    const { uas, uac, proxy } = this.#parts
    switch (command.kind) {
      case 'respond':
        uas.respond(command.id, command.transactionId, command.response, session)
        break
      case 'request':
        uac.request(command.id, command.request, command.routeUri, session)
        break
      case 'request-in-dialog':
        uac.requestInDialog(command.id, command.dialogId, command.request, session)
        break
      case 'cancel':
        uac.cancel(command.id, command.transactionId, command.request, session)
        break
      case 'proxy': {
        const transaction = uas.take(command.transactionId, session)
        if (transaction === null) session.nok(command.id, `Unknown transaction id: ${command.transactionId}`)
        else proxy.proxy(command, transaction, session)
        break
      }
      default:
        command satisfies never
    }
  }

  /** Calls that were the application's end there, as requests in them would from now on be answered 481; proxied calls don't notice. */
  onSessionClosed(session: ControlSession): void {
    const { uas, uac, dialogs } = this.#parts
    uas.onSessionClosed(session)
    uac.onSessionClosed(session)
    for (const dialog of dialogs.ofSession(session)) dialogs.end(dialog)
  }
}
