/** What the readers of capture files pass on. */

/** One captured frame with its link layer. */
export interface Frame {
  /** Epoch ms with a fraction; `null` where the file has no time for it. */
  readonly at: number | null
  /** As tcpdump numbers them (LINKTYPE_…). */
  readonly linkType: number
  readonly bytes: Buffer
}

/** Counts what a reader leaves out, by its reason. */
export type Skip = (reason: string) => void
