/** How a bridge takes part in a database that several share. */
export interface Share {
  /** Which bridge: the same after a restart (bridge-id.ts). What lies on its disk is its own to send. */
  readonly bridge: string
  /** The place that it watches (`site`); bridges of one place see each other's calls. */
  readonly site: string
  /** Where its deliveries go. Bridges of one database deliver for each other, so it has to be the same for all. */
  readonly account: string
  /** Which process: no other ever has the same. */
  readonly owner: string
  /** Without a sign of life for this long, what it was delivering is anybody's. */
  readonly leaseMs: number
}
