/**
 * `npm run torture -- [--rounds 200] [--seed 1] [--folder PATH]`: the long form of tests/faults/crash.test.ts. Run again
 * with the same folder it goes on where it was interrupted.
 */

import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { runTorture } from '../tests/faults/torture.ts'

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '200' },
    seed: { type: 'string', default: '1' },
    folder: { type: 'string' },
  },
})
const folder = values.folder ?? join(tmpdir(), `headwater-torture-${values.seed}`)
process.stdout.write(`Seed ${values.seed}, in ${folder}\n`)
const report = await runTorture({
  folder,
  seed: Number(values.seed),
  rounds: Number(values.rounds),
  say: (line) => process.stdout.write(`${line}\n`),
})
process.stdout.write(`Nothing was lost: ${JSON.stringify(report)}\n`)
if (values.folder === undefined) await rm(folder, { recursive: true, force: true })
