import { defineConfig } from 'vitest/config'

/**
 * Six projects, one runner. `unit` is pure and quick; the others meet real files, sockets, decoders and browsers and
 * run two files at a time, since machines have few cores; where players show pictures in time, one at a time.
 */
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['src/**/*.test.ts', 'tests/*.test.ts'],
          exclude: ['src/adapters/**', 'src/jobs/**'],
          testTimeout: 20_000,
        },
      },
      project(
        'adapters',
        ['src/adapters/**/*.test.ts', 'src/jobs/**/*.test.ts', 'tests/suites/**/*.test.ts'],
        2,
      ),
      project('contract', ['tests/contract/**/*.test.ts'], 2),
      project('media', ['tests/media/**/*.test.ts'], 2),
      project('browser', ['tests/browser/**/*.test.ts']),
      project('faults', ['tests/faults/**/*.test.ts'], 2),
    ],
  },
})

function project(name: string, include: string[], maxWorkers = 1) {
  return { test: { name, include, testTimeout: 180_000, hookTimeout: 120_000, maxWorkers } }
}
