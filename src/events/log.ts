/** What the model asks of a logger: pino's shape. Messages are constant and lower-case; what varies is in the fields. */
export interface EventLog {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}
