/** Senders' bytes, damaged: `npm run fuzz` does the same for as long as wanted. */

import { expect, test } from 'vitest'
import { fuzz } from '../fuzz/fuzz.ts'
import { fuzzTargets } from '../fuzz/targets.ts'
import { uploadFuzzTargets } from '../fuzz/upload-targets.ts'

/** What looks at an upload's bytes while they come, besides. */
const READERS = fuzzTargets.filter(({ name }) => name === 'read-duration' || name === 'sniff')

test.each([...uploadFuzzTargets, ...READERS])(
  '$name: whatever comes has a documented answer, soon, and never a 500',
  async (target) => {
    const report = await fuzz(target, { seed: 20_261_121, ms: 2_000 })
    expect(report.failures.map(({ run, error }) => `input ${run}: ${String(error)}`)).toEqual([])
    expect(report.runs).toBeGreaterThan(5)
  },
)
