/** An S3 of our own for one test (s3-store.ts), gone when the test is. */
import { onTestFinished } from 'vitest'
import { bucket, Store, served } from './s3-store.ts'

export interface S3ServerOptions {
  readonly region?: string
  /** Stores of some years ago refuse checksums and tell none. */
  readonly checksums?: boolean
}

export async function s3Server({ region = 'eu-west-1', checksums = true }: S3ServerOptions = {}) {
  const store = new Store(region, checksums)
  const { endpoint, close } = await served(store)
  onTestFinished(close)
  return { store, endpoint, region, bucket }
}
