/** One thing that the Voice API's documentation says, as a promise that a real sandbox keeps. */
import type { World } from './world.ts'

export type FeatureKind = 'endpoint' | 'property' | 'value' | 'workflow' | 'limit' | 'error' | 'step'

export interface FeatureRow {
  readonly kind: FeatureKind
  /** As the documentation writes it: `GET /phone_calls/{id}`, `phone_line_id`. Unique within its section and kind. */
  readonly name: string
  /** A sentence without a full stop. */
  readonly promise: string
  /** Rejects when the promise is broken. Rows share a world, in any order: each makes what it needs. */
  readonly run: (world: World) => Promise<void>
}

/** The rows of one chapter. */
export interface FeatureSection {
  readonly title: string
  readonly rows: readonly FeatureRow[]
}

type Run = FeatureRow['run']
const rowOf =
  (kind: FeatureKind) =>
  (name: string, promise: string, run: Run): FeatureRow => ({ kind, name, promise, run })

export const endpoint = rowOf('endpoint')
export const property = rowOf('property')
export const value = rowOf('value')
export const workflow = rowOf('workflow')
export const limit = rowOf('limit')
export const error = rowOf('error')
export const step = rowOf('step')
