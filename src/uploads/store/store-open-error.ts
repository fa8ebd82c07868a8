export type StoreOpenReason = 'in-use' | 'missing' | 'newer-version' | 'older-version' | 'unusable'

/** Why a store cannot be opened; the message says what to do. */
export class StoreOpenError extends Error {
  readonly reason: StoreOpenReason

  constructor(reason: StoreOpenReason, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'StoreOpenError'
    this.reason = reason
  }
}
