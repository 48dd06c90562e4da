/** What `npm test` counts: a reporter that writes what became of each file to the file that OUTCOMES names. */

import { writeFileSync } from 'node:fs'
import { relative } from 'node:path'
import { inspect } from 'node:util'
import type { Reporter, SerializedError, TestModule } from 'vitest/node'

const ROOT = new URL('../..', import.meta.url).pathname

/** The variable that names the file to write. */
export const OUTCOMES = 'HEADWATER_TEST_OUTCOMES'

export type FileOutcome = {
  /** From the project's folder. */
  readonly file: string
  readonly passed: number
  /** Tests that failed; 1 for a file without one that failed as a whole. */
  readonly failed: number
  /** Names of tests that did not run. */
  readonly skipped: readonly string[]
}

export type Outcomes = {
  readonly files: readonly FileOutcome[]
  /** Errors that belong to no file. */
  readonly strayErrors: number
}

export default class implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], errors: readonly SerializedError[]): void {
    const path = process.env[OUTCOMES]
    if (path === undefined) throw new Error(`${OUTCOMES} names no file to write to.`)
    const files = modules.map(outcomeOf)
    // What ends a worker, such as a crash of the engine, names the file that it was running, which is a failed one.
    const stray = errors.filter((error) => !modules.some(({ moduleId }) => inspect(error).includes(moduleId)))
    const outcomes: Outcomes = { files, strayErrors: stray.length }
    writeFileSync(path, JSON.stringify(outcomes))
  }
}

function outcomeOf(module: TestModule): FileOutcome {
  const tests = [...module.children.allTests()]
  const stateOf = (wanted: string) => tests.filter((test) => test.result().state === wanted)
  const failed = stateOf('failed').length
  return {
    file: relative(ROOT, module.moduleId),
    passed: stateOf('passed').length,
    // A hook that failed, a file that could not be loaded or did not end holds no failed test, but is a failure all the same.
    failed: failed === 0 && module.state() !== 'passed' && module.state() !== 'skipped' ? 1 : failed,
    skipped: tests
      .filter((test) => ['skipped', 'pending'].includes(test.result().state))
      .map(({ fullName }) => fullName),
  }
}
