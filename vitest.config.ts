import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // Some tests run the built command as a process of its own.
    globalSetup: ['test/tools/build.ts'],
    testTimeout: 20_000,
    hookTimeout: 20_000,
    // Real sockets and real child processes on two cores: more workers only steal time from each other.
    maxWorkers: 2,
    // What a file runs side by side waits for a clock most of its time.
    maxConcurrency: 3,
  },
})
