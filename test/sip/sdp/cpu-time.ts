/** How long something takes on an idle machine: other processes and one collection of garbage must not make a test fail. */

/** The least CPU time of three runs, in ms. */
export function cpuMs(run: () => unknown): number {
  const times = [0, 1, 2].map(() => {
    const before = process.cpuUsage()
    run()
    const { user, system } = process.cpuUsage(before)
    return (user + system) / 1000
  })
  return Math.min(...times)
}
