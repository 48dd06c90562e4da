/**
 * The `LiveDecoder` port on ffmpeg: runs that go on as long as a broadcast, in the same cage. Each has an empty folder
 * `live-<random>` in the work folder to sit in, removed with the run; what a crash left is removed at the next start.
 */

import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Log } from '../../lib/log.ts'
import type { DecoderBuild, LiveDecoder, LiveRun, LiveTask } from '../../ports.ts'
import { type Cage, cageCommand } from './cage-command.ts'
import { guardArgs, type InputTarget, pasteable } from './guard-args.ts'
import { clearLeftovers } from './leftovers.ts'
import { FIRST_OUTPUT_FD, type LiveLife, startLive } from './run-live.ts'
import { giveFolder, RunUsers } from './run-users.ts'

const PREFIX = 'live-'

export type LiveDecoderDeps = {
  readonly build: DecoderBuild
  readonly cage: Cage
  /** Folder of its own; nothing is written to it. */
  readonly workDir: string
  readonly log: Log
}

/** Creates it; ends and removes what an earlier process left in `workDir`. */
export async function createLiveDecoder(deps: LiveDecoderDeps): Promise<LiveDecoder> {
  await mkdir(deps.workDir, { recursive: true })
  await clearLeftovers(deps.workDir, PREFIX)
  const users = new RunUsers()
  return { build: deps.build, open: (task) => open({ ...deps, users }, task) }
}

async function open(deps: LiveDecoderDeps & { readonly users: RunUsers }, task: LiveTask): Promise<LiveRun> {
  const { build, cage, users, log } = deps
  const folder = await mkdtemp(join(deps.workDir, PREFIX))
  const user = cage.ownUser ? users.take() : null
  const release = async (): Promise<void> => {
    if (user !== null) users.release(user)
    await rm(folder, { recursive: true, force: true })
  }
  try {
    if (user !== null) await giveFolder(folder, user)
    const args = guardArgs(task.args, targetsOf(task), false)
    log.debug({ label: task.label, command: pasteable(build.path, args) }, 'decoder starts')
    const command = cageCommand(cage, {
      program: build.path,
      args,
      folder,
      inputs: [],
      limits: {
        // As long as the broadcast: what watches it is whether it still gives something.
        cpuSeconds: ENDLESS_SECONDS,
        outputBytes: NO_FILE_BYTES,
        memoryBytes: task.memoryBytes,
        nice: task.nice,
      },
      user: user === null ? null : { id: user, group: users.group },
    })
    const life: LiveLife = { ...command, task, folder, secrets: [folder, deps.workDir, build.path], release }
    return await startLive(life)
  } catch (error) {
    await release()
    throw error
  }
}

/** Ten years of processor time. */
const ENDLESS_SECONDS = 315_360_000
/** Of a file, were it to write one. */
const NO_FILE_BYTES = 65_536

function targetsOf({ outputs }: LiveTask): ReadonlyMap<string, InputTarget> {
  const pipes = outputs.map((name, at): [string, InputTarget] => [name, `pipe:${FIRST_OUTPUT_FD + at}`])
  return new Map([['input', 'pipe:0'] as const, ...pipes])
}
