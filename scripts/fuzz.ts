/**
 * `npm run fuzz -- [--minutes 10] [--target NAME] [--seed N]`: damages good inputs, real files among them, and feeds them
 * to the readers, as long as wanted. Each second has a seed of its own and the next run goes on with the next one; what
 * was found is printed with its seed and kept as a file.
 */

import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type FuzzReport, type FuzzTarget, fuzz } from '../tests/fuzz/fuzz.ts'
import { fuzzTargets } from '../tests/fuzz/targets.ts'
import { liveQueryTargets } from '../tests/fuzz/live-targets.ts'
import { requestTargets } from '../tests/fuzz/request-targets.ts'
import { textTargets } from '../tests/fuzz/text-targets.ts'
import { uploadFuzzTargets } from '../tests/fuzz/upload-targets.ts'
import { openSamples } from '../tests/media-samples.ts'
import { readNumber, readOptions } from './read-options.ts'

/** One seed's share of the time. */
const SLICE_MS = 1_000
/** Nothing a reader is given may keep it busy for so long; a request may wait for the disk besides. */
const SLOW_MS = 2_000
const FOLDER = join(import.meta.dirname, '../node_modules/.cache/headwater-fuzz')
const STATE_FILE = join(FOLDER, 'next-seed')

const options = readOptions('npm run fuzz -- [--minutes 10] [--target NAME] [--seed N]', [
  'minutes',
  'target',
  'seed',
])
const minutes = readNumber(options, 'minutes', 10, 'fraction')
/** Given, it is the only one; otherwise the run begins with the one after the last run's. */
const onlySeed = options.seed === undefined ? undefined : readNumber(options, 'seed', 1)
await mkdir(FOLDER, { recursive: true })
const allTargets = [
  ...fuzzTargets,
  ...textTargets,
  ...requestTargets,
  ...liveQueryTargets,
  ...uploadFuzzTargets,
]
const targets = allTargets.filter(({ name }) => options.target === undefined || name === options.target)
if (targets.length === 0) {
  process.stderr.write(`Expected a target out of ${allTargets.map(({ name }) => name).join(', ')}.\n`)
  process.exitCode = 2
} else {
  process.exitCode = (await runAll(targets)) === 0 ? 0 : 1
}

/** Answers how much was found. */
async function runAll(chosen: readonly FuzzTarget[]): Promise<number> {
  const samples = await openSamples()
  try {
    let found = 0
    let runs = 0
    let seed = onlySeed ?? (await readNextSeed())
    const first = seed
    const endMs = onlySeed === undefined ? performance.now() + minutes * 60_000 : 0
    do {
      for (const target of chosen) {
        const report = await fuzz(target, { seed, ms: SLICE_MS, samples })
        runs += report.runs
        found += await tell(report, seed)
      }
      seed += 1
      if (onlySeed === undefined) await saveNextSeed(seed)
    } while (performance.now() < endMs)
    process.stdout.write(`Seeds ${first} to ${seed - 1}: ${runs} inputs, ${found} findings\n`)
    return found
  } finally {
    await samples.remove()
  }
}

async function tell(report: FuzzReport, seed: number): Promise<number> {
  for (const { run, input, error } of report.failures) {
    const file = join(FOLDER, `${report.target}-${seed}-${run}.bin`)
    await writeFile(file, input)
    const what = error instanceof Error ? (error.stack ?? error.message) : String(error)
    process.stdout.write(`${report.target}, seed ${seed}, input ${run}: ${what}\n  ${file}\n`)
  }
  if (report.slowestMs <= SLOW_MS) return report.failures.length
  process.stdout.write(`${report.target}, seed ${seed}: one input took ${report.slowestMs.toFixed(0)} ms\n`)
  return report.failures.length + 1
}

async function readNextSeed(): Promise<number> {
  const text = await readFile(STATE_FILE, 'utf8').catch(() => '1')
  return Number(text)
}

async function saveNextSeed(seed: number): Promise<void> {
  await writeFile(`${STATE_FILE}.new`, String(seed))
  await rename(`${STATE_FILE}.new`, STATE_FILE)
}
