import { describe, expect, test } from 'vitest'
import { fuzz } from '../../tests/fuzz/fuzz.ts'
import { fuzzTargets } from '../../tests/fuzz/targets.ts'

/** Long enough for some thousand inputs; `npm run fuzz` takes minutes. */
const MS = 400

describe('damaged input makes an answer or a failure with a sentence, and soon', () => {
  test.each(fuzzTargets)('$name', async (target) => {
    for (const input of await target.seeds()) await target.run(input)
    const report = await fuzz(target, { seed: 20_261_120, ms: MS, leastRuns: 30 })
    expect(report.failures).toEqual([])
    expect(report.runs).toBeGreaterThanOrEqual(30)
    // A hostile table may cost what the largest honest one costs, on a busy machine.
    expect(report.slowestMs).toBeLessThan(2000)
  })
})
