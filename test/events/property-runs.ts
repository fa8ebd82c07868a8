/** How many cases a property is tried with: 1,000 unless `PROPERTY_RUNS` says more. */
export const runs = { numRuns: Number(process.env.PROPERTY_RUNS ?? 1000) }

/** How long a test of a property may take, ms. */
export const propertyTimeoutMs = 30 * runs.numRuns
