import { defineConfig } from 'vitest/config'

/**
 * Seven projects, one runner, in three groups one after the other. `unit` is pure and quick. Then come those that meet
 * real files, sockets, decoders and browsers, three files at a time: machines have few cores, but much of it is waiting.
 * Last `players`, which counts the frames that are shown in time: one file at a time, with nothing beside it.
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
          maxWorkers: '100%',
          sequence: { groupOrder: 0 },
        },
      },
      slow('adapters', ['src/adapters/**/*.test.ts', 'src/jobs/**/*.test.ts', 'tests/suites/**/*.test.ts']),
      slow('contract', ['tests/contract/**/*.test.ts']),
      slow('media', ['tests/media/**/*.test.ts']),
      slow('browser', ['tests/browser/**/*.test.ts'], { exclude: ['tests/browser/*players.test.ts'] }),
      slow('faults', ['tests/faults/**/*.test.ts', 'tests/attacks/**/*.test.ts']),
      slow('players', ['tests/browser/*players.test.ts'], { maxWorkers: 1, groupOrder: 2 }),
    ],
  },
})

type Manner = {
  readonly exclude?: string[]
  readonly maxWorkers?: number
  readonly groupOrder?: number
}

function slow(name: string, include: string[], { exclude, maxWorkers = 3, groupOrder = 1 }: Manner = {}) {
  return {
    test: {
      name,
      include,
      ...(exclude && { exclude }),
      testTimeout: 180_000,
      hookTimeout: 120_000,
      // Long enough for a busy machine: what is waited for is that it comes, not how soon.
      expect: { poll: { timeout: 30_000 } },
      maxWorkers,
      sequence: { groupOrder },
    },
  }
}
