/**
 * Damages good inputs and hands them to a reader of strangers' bytes. Whatever comes, a reader may only answer or throw a
 * HeadwaterError that is not our own bug, and soon.
 */

import { isFailure } from '../../src/lib/failure.ts'
import { seededRandom } from '../faults/seeded-random.ts'
import type { Samples } from '../media-samples.ts'
import { mutate } from './mutate.ts'
import { mutateText } from './mutate-text.ts'

export type FuzzTarget = {
  readonly name: string
  /** Good inputs to damage; with `samples`, real files too. */
  seeds(samples?: Samples): Promise<readonly Uint8Array[]>
  /** Throws what the reader threw. */
  run(bytes: Uint8Array): Promise<void>
  /** What a text of this format is made of; a target without them reads bytes. */
  readonly words?: readonly string[]
  /** Gives back what the first run opened. */
  close?(): Promise<void>
}

export type FuzzReport = {
  readonly target: string
  readonly runs: number
  readonly slowestMs: number
  /** Inputs that made anything but an answer or a failure of the input's own; the seed and run number make them again. */
  readonly failures: readonly { readonly run: number; readonly input: Uint8Array; readonly error: unknown }[]
}

/** Runs one target on damaged seeds for `ms` milliseconds and `leastRuns` times, stopping after ten failures. */
export async function fuzz(
  target: FuzzTarget,
  options: { seed: number; ms: number; leastRuns?: number; samples?: Samples },
): Promise<FuzzReport> {
  try {
    return await fuzzSeeds(target, options, await target.seeds(options.samples))
  } finally {
    await target.close?.()
  }
}

/** No input of these sizes may make a reader hold on to more. */
const MOST_GROWTH_BYTES = 256 * 1024 ** 2

function memoryInUse(): number {
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}

async function fuzzSeeds(
  target: FuzzTarget,
  options: { seed: number; ms: number; leastRuns?: number },
  seeds: readonly Uint8Array[],
): Promise<FuzzReport> {
  const random = seededRandom(options.seed)
  const failures: { run: number; input: Uint8Array; error: unknown }[] = []
  const end = performance.now() + options.ms
  // However busy the machine is.
  const { leastRuns = 0 } = options
  let slowestMs = 0
  let runs = 0
  for (; (runs < leastRuns || performance.now() < end) && failures.length < 10; runs += 1) {
    const good = seeds[runs % seeds.length] ?? new Uint8Array(0)
    const input = target.words ? mutateText(good, random, target.words) : mutate(good, random)
    const started = performance.now()
    const before = memoryInUse()
    try {
      await target.run(input)
    } catch (error) {
      if (!isFailure(error) || error.kind === 'bug') failures.push({ run: runs, input, error })
    }
    slowestMs = Math.max(slowestMs, performance.now() - started)
    const grown = memoryInUse() - before
    if (grown > MOST_GROWTH_BYTES) {
      const error = new Error(`It took ${Math.round(grown / 1e6)} MB.`)
      failures.push({ run: runs, input, error })
    }
  }
  return { target: target.name, runs, slowestMs, failures }
}
