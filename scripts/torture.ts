/**
 * `npm run torture -- [--rounds 200] [--seed 1] [--folder PATH]`: the long form of tests/faults/crash.test.ts, one round
 * per kill. Interrupted (Ctrl-C) and run again with the same seed, or the same folder, it goes on after its last round.
 */

import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runTorture } from '../tests/faults/torture.ts'
import { readNumber, readOptions } from './read-options.ts'

const options = readOptions('npm run torture -- [--rounds 200] [--seed 1] [--folder PATH]', [
  'rounds',
  'seed',
  'folder',
])
const rounds = readNumber(options, 'rounds', 200)
const seed = readNumber(options, 'seed', 1)
const folder = options.folder ?? join(tmpdir(), `headwater-torture-${seed}`)
process.stdout.write(`${rounds} rounds with seed ${seed}, in ${folder}\n`)
const report = await runTorture({
  folder,
  seed,
  rounds,
  say: (line) => process.stdout.write(`${line}\n`),
})
process.stdout.write(`Nothing was lost: ${JSON.stringify(report)}\n`)
if (options.folder === undefined) await rm(folder, { recursive: true, force: true })
