/**
 * One run of ffmpeg in the cage: gives the run its user, its folder and its inputs, completes the arguments, builds the
 * command and lives it. What is given for the run is taken back when it has ended.
 */

import { type FileHandle, open } from 'node:fs/promises'
import { type Cage, type CageLimits, cageCommand } from './cage-command.ts'
import { FIRST_INPUT_FD, guardArgs, type InputTarget } from './guard-args.ts'
import { type FfmpegEnd, type FfmpegLife, runFfmpeg } from './run-ffmpeg.ts'
import { giveFolder, letRead, type RunUsers } from './run-users.ts'

/** One run. */
export type CagedLife = Omit<FfmpegLife, 'args' | 'keep' | 'nice' | 'openFiles'> & {
  /** As a `DecoderTask` has them: without guards, inputs in braces. */
  readonly args: readonly string[]
  /** The files it reads, by the names that stand in braces. */
  readonly inputs: ReadonlyMap<string, string>
  readonly limits: CageLimits
  /** Its own report of the file is wanted, and kept from the start. */
  readonly verbose: boolean
}

/** Runs it to its end. Throws as `runFfmpeg` does, and what giving it its files throws. */
export async function runCaged(cage: Cage, users: RunUsers, life: CagedLife): Promise<FfmpegEnd> {
  const user = cage.ownUser ? users.take() : null
  const opened: FileHandle[] = []
  try {
    if (user !== null) {
      await giveFolder(life.folder, user)
      for (const path of life.inputs.values()) await letRead(path)
    }
    // Without walls its own user cannot walk to a file in a folder that is closed to it, and is handed the open file.
    if (user !== null && cage.walls === null) {
      for (const path of life.inputs.values()) opened.push(await open(path, 'r'))
    }
    const { program, args } = cageCommand(cage, {
      program: life.program,
      args: guardArgs(life.args, targetsOf(life, opened.length > 0), life.verbose),
      folder: life.folder,
      inputs: [...life.inputs.values()],
      limits: life.limits,
      user: user === null ? null : { id: user, group: users.group },
    })
    return await runFfmpeg({
      ...life,
      program,
      args,
      openFiles: opened.map(({ fd }) => fd),
      nice: life.limits.nice,
      keep: life.verbose ? 'first' : 'last',
    })
  } finally {
    for (const handle of opened) await handle.close()
    if (user !== null) users.release(user)
  }
}

/** What the elements for inputs become. */
export function targetsOf(
  { inputs, stdin }: Pick<CagedLife, 'inputs' | 'stdin'>,
  handed = false,
): ReadonlyMap<string, InputTarget> {
  const files = [...inputs].map(([name, path], at): [string, InputTarget] => [
    name,
    handed ? `file:/proc/self/fd/${FIRST_INPUT_FD + at}` : `file:${path}`,
  ])
  return new Map([...(stdin === undefined ? [] : [['input', 'pipe:0'] as const]), ...files])
}
