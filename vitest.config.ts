import { defineConfig } from 'vitest/config'
import { EvenOrder } from './tests/harness/file-order.ts'

/**
 * Seven projects, one runner, in three groups one after the other. `unit` is pure and quick: its files share workers, so
 * that what they import is read once. Then come those that meet real files, sockets, decoders and browsers, four files at
 * a time: machines have few cores, but much of it is waiting. Last `players`, which counts the frames that are shown in
 * time: two files at a time, each of which takes half a core, with nothing beside them.
 */
export default defineConfig({
  test: {
    sequence: { sequencer: EvenOrder },
    projects: [
      {
        test: {
          name: 'unit',
          include: ['src/**/*.test.ts', 'tests/*.test.ts'],
          exclude: ['src/adapters/**', 'src/jobs/**'],
          testTimeout: 20_000,
          maxWorkers: '100%',
          isolate: false,
          sequence: { groupOrder: 0 },
        },
      },
      slow('adapters', ['src/adapters/**/*.test.ts', 'src/jobs/**/*.test.ts', 'tests/suites/**/*.test.ts']),
      slow('contract', ['tests/contract/**/*.test.ts']),
      slow('media', ['tests/media/**/*.test.ts', 'tests/live/**/*.test.ts']),
      slow('browser', ['tests/browser/**/*.test.ts'], { exclude: ['tests/browser/*players.test.ts'] }),
      slow('faults', ['tests/faults/**/*.test.ts', 'tests/attacks/**/*.test.ts']),
      slow('players', ['tests/browser/*players.test.ts'], { maxWorkers: 2, groupOrder: 2 }),
    ],
  },
})

type Manner = {
  readonly exclude?: string[]
  readonly maxWorkers?: number
  readonly groupOrder?: number
}

function slow(name: string, include: string[], { exclude, maxWorkers = 4, groupOrder = 1 }: Manner = {}) {
  return {
    test: {
      name,
      include,
      ...(exclude && { exclude }),
      testTimeout: 180_000,
      hookTimeout: 120_000,
      // Long enough for a busy machine: what is waited for is that it comes, not how soon.
      expect: { poll: { timeout: 60_000 } },
      maxWorkers,
      sequence: { groupOrder },
    },
  }
}
