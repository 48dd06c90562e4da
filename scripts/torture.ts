/**
 * `npm run torture -- [--kind crash|live|files] [--rounds 500] [--seed 1] [--folder PATH]`: the long forms of
 * tests/faults/crash.test.ts (a round is a kill, of `live` one of a server with a broadcast) and of
 * tests/attacks/damaged.test.ts (a round is a damaged copy of each of twenty media files, so 500 rounds are 10,000 files);
 * without `--kind` one after the other. Interrupted (Ctrl-C) and run again with the same seed, or the same folder, it goes
 * on after its last round. Ends with 1 when something was found.
 */

import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runLiveTorture } from '../tests/faults/live-torture.ts'
import { removeTorture, runTorture } from '../tests/faults/torture.ts'
import { Violation } from '../tests/faults/torture/client.ts'
import { describeEnds, judge } from '../tests/fuzz/media-report.ts'
import { runMediaTorture } from '../tests/fuzz/media-torture.ts'
import { readChoice, readNumber, readOptions } from './read-options.ts'

type Run = { readonly folder: string; readonly seed: number; readonly rounds: number }

/** What each kind does; answers whether everything held. */
const KINDS: Readonly<Record<string, (run: Run) => Promise<boolean>>> = {
  crash: async (run) => {
    try {
      const tally = await runTorture({ ...run, say })
      for (const line of tally.lines()) say(line)
    } catch (error) {
      if (!(error instanceof Violation)) throw error
      say(`A promise is broken: ${error.message}\nEverything is as the kill left it in ${run.folder}`)
      return false
    }
    // Its disk too, whoever named the folder.
    await removeTorture(run.folder)
    return true
  },
  live: async (run) => {
    try {
      say(JSON.stringify(await runLiveTorture({ ...run, say })))
      return true
    } catch (error) {
      if (!(error instanceof Violation)) throw error
      say(`A promise is broken: ${error.message}\nEverything is as the kill left it in ${run.folder}`)
      return false
    }
  },
  files: async (run) => {
    const report = await runMediaTorture({ ...run, say })
    say(describeEnds(report))
    const broken = judge(report)
    for (const sentence of broken) say(sentence)
    if (broken.length > 0) say(`What was found is kept in ${join(run.folder, 'found')}`)
    return broken.length === 0
  },
}

const options = readOptions(
  'npm run torture -- [--kind crash|live|files] [--rounds 500] [--seed 1] [--folder PATH]',
  ['kind', 'rounds', 'seed', 'folder'],
)
const rounds = readNumber(options, 'rounds', 500)
const seed = readNumber(options, 'seed', 1)
const only = readChoice(options, 'kind', Object.keys(KINDS))
for (const [kind, run] of Object.entries(KINDS)) {
  if (only !== undefined && kind !== only) continue
  const folder = join(options.folder ?? tmpdir(), `headwater-torture-${kind}-${seed}`)
  say(`${kind}: ${rounds} rounds with seed ${seed}, in ${folder}`)
  const held = await run({ folder, seed, rounds })
  if (!held) process.exitCode = 1
  else if (options.folder === undefined) await rm(folder, { recursive: true, force: true })
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}
