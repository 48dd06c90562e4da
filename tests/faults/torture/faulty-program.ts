/**
 * The real program, its way to the outside through faults: `node faulty-program.ts <json>`. It says on its standard
 * output what happened to it, in lines that begin with `@`. Killing itself is the only way to be killed at an instant
 * that no clock can name: between a commit and its answer, before a rename, after a deletion.
 */

import { createDecoder } from '../../../src/adapters/ffmpeg/index.ts'
import { openFolderBlobs } from '../../../src/adapters/folder/blobs.ts'
import { openDatabase } from '../../../src/adapters/sql/open-database.ts'
import { systemClock } from '../../../src/adapters/system/clock.ts'
import { serve } from '../../../src/commands/serve.ts'
import { readSettings } from '../../../src/config/settings.ts'
import { onCommit } from '../../../src/lib/commit-signal.ts'
import { readBrief } from './brief.ts'
import { faultyBlobs } from './faulty-blobs.ts'
import { FaultyClock } from './faulty-clock.ts'

const { faults, clock: turns } = readBrief(process.argv[2] ?? '')
const say = (line: string): void => {
  process.stdout.write(`@${line}\n`)
}
const die = (where: string): void => {
  say(`fault kill at ${where}`)
  process.kill(process.pid, 'SIGKILL')
}
const clock = new FaultyClock(systemClock(), turns)

const { jump } = faults
if (jump) {
  setTimeout(() => {
    const turn = clock.jump(jump.byMs)
    say(`clock ${turn.realMs} ${turn.offsetMs}`)
    say(`fault clock ${jump.byMs < 0 ? 'back' : 'ahead'}`)
  }, jump.afterMs)
}

await serve(readSettings(), {
  version: 'faulty',
  outside: {
    systemClock: () => clock,
    openDatabase: async (options) => {
      const opened = await openDatabase(options)
      const { kill } = faults
      let commits = 0
      if (kill?.at === 'commit') {
        onCommit(opened.db, () => {
          commits += 1
          if (commits === kill.nth) die('a commit')
        })
      }
      return opened
    },
    openBlobs: async (options) =>
      faultyBlobs(await openFolderBlobs(options), {
        faults,
        die,
        say,
        shownMs: (realMs) => clock.shownMs(realMs),
      }),
    createDecoder: async (options) => {
      const decoder = await createDecoder(options)
      return {
        build: decoder.build,
        run: (task, runOptions) => {
          say(`run ${task.label}`)
          return decoder.run(task, runOptions)
        },
      }
    },
  },
})
