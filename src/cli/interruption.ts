/** Resolves when the process is told to stop; keeps it alive until then. */
export function untilInterrupted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  return new Promise(resolve => {
    const alive = setInterval(() => {}, 2 ** 30)
    const stop = (): void => {
      clearInterval(alive)
      resolve()
    }
    signal.addEventListener('abort', stop, { once: true })
  })
}
