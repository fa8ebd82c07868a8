/** The logger that the SIP server takes: pino's shape, nothing of pino. */
export interface SipLog {
  debug(fields: object, msg: string): void
  info(fields: object, msg: string): void
  warn(fields: object, msg: string): void
  error(fields: object, msg: string): void
}
