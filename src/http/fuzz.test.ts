import { describe, expect, test } from 'vitest'
import { liveQueryTargets } from '../../tests/fuzz/live-targets.ts'
import { requestTargets } from '../../tests/fuzz/request-targets.ts'
import { fuzz } from '../../tests/fuzz/fuzz.ts'
import { textTargets } from '../../tests/fuzz/text-targets.ts'

/** Some thousand inputs each; `npm run fuzz` takes minutes. */
const MS = 150

describe('whatever a stranger writes is understood or refused', () => {
  test.each([...textTargets, ...requestTargets, ...liveQueryTargets])('$name', async (target) => {
    for (const input of await target.seeds()) await target.run(input).catch(refusalOnly)
    const report = await fuzz(target, { seed: 20_261_121, ms: MS, leastRuns: 10 })
    expect(
      report.failures.map(({ input, error }) => [String(error), Buffer.from(input).toString('latin1')]),
    ).toEqual([])
    // `npm run fuzz` looks at how long an input takes.
    expect(report.runs).toBeGreaterThanOrEqual(10)
  })
})

function refusalOnly(error: unknown): void {
  expect(error).toMatchObject({ name: 'HeadwaterError' })
  expect(error).not.toMatchObject({ kind: 'bug' })
}
