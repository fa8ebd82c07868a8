type Write = (fields: object, message: string) => void

/** The part of a pino logger that this stage uses. Messages are constant and lower-case; whatever varies is a field. */
export interface AdminLog {
  readonly debug: Write
  readonly info: Write
  readonly warn: Write
  readonly error: Write
}
