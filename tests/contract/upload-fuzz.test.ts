/** Senders' bytes, damaged: `npm run fuzz` does the same for as long as wanted. */

import { expect, test } from 'vitest'
import { fuzz } from '../fuzz/targets.ts'
import { uploadFuzzTargets } from '../fuzz/upload-targets.ts'

test.each(uploadFuzzTargets)(
  '$name: whatever comes has a documented answer, soon, and never a 500',
  async (target) => {
    const report = await fuzz(target, { seed: 20_261_121, ms: 1_000 })
    expect(report.failures.map(({ run, error }) => `input ${run}: ${String(error)}`)).toEqual([])
    expect(report.runs).toBeGreaterThan(5)
  },
)
