/**
 * What a delivery of several requests must still know after a crash between two of them: the ids that Zendesk gave, whose user a
 * number is, which ticket a caller got last. The outbox's store implements it.
 *
 * Keys are `KIND:NAME`. Kept while there is anything of the call or delivery: `call:CALL`, `call-ticket:CALL`, `wish:DELIVERY`,
 * `item:ITEM`. Kept for good: `caller:NUMBER`, `first:NUMBER`, `ticket-of:…`, `agent:ID`, `oauth:tokens`. Values are JSON text of whoever owns the kind, who also parses
 * them with a schema: what an older version wrote must not be believed blindly.
 */
export interface SinkMemory {
  /** `null`: nothing is known. */
  get(key: string): Promise<string | null>
  /** On disk when it resolves. */
  put(key: string, value: string): Promise<void>
  /** Stores the value unless there is one; resolves with the one that is stored now. Of two who claim at once one wins. */
  claim(key: string, value: string): Promise<string>
}
