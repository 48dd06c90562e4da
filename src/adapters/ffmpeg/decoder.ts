/**
 * The `Decoder` port on ffmpeg. Owns the work folder: every run gets a new folder in it, `run-<random>`, removed when
 * the run is released or fails. What a crash of the server left there is removed when the next decoder is created; the
 * processes themselves die with the server (`cage.ts`), and the rare one that does not is ended then (`leftovers.ts`).
 */

import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Log } from '../../lib/log.ts'
import type {
  BlobName,
  Blobs,
  Decoder,
  DecoderBuild,
  DecoderOptions,
  DecoderRun,
  DecoderTask,
  LocalCopy,
} from '../../ports.ts'
import { describeCage } from './cage.ts'
import type { Cage } from './cage-command.ts'
import { FolderWatch } from './folder-watch.ts'
import { guardArgs, pasteable } from './guard-args.ts'
import { judgeEnd, scrub, wroteTooMuch } from './judge-end.ts'
import { clearLeftovers } from './leftovers.ts'
import { OutputFile } from './output-file.ts'
import { runCaged, targetsOf } from './run-caged.ts'
import type { FfmpegEnd } from './run-ffmpeg.ts'
import { RunUsers } from './run-users.ts'

const PREFIX = 'run-'
/** What is kept of the decoder's words: enough for a reason, or a whole report. */
const TAIL_BYTES = 8192
const REPORT_BYTES = 262_144
/** How often a growing output is looked at while a viewer waits. */
const GROWTH_POLL_MS = 60

export type DecoderDeps = {
  readonly build: DecoderBuild
  readonly blobs: Blobs
  /** What the runs sit in. */
  readonly cage: Cage
  /** Folder of its own on a disk with room for a few chunks. */
  readonly workDir: string
  readonly log: Log
}

/** Creates the decoder; ends and removes what an earlier process left in `workDir`. */
export async function createDecoder(deps: DecoderDeps): Promise<Decoder> {
  await mkdir(deps.workDir, { recursive: true })
  await clearLeftovers(deps.workDir, PREFIX)
  for (const { layer, present, protects, remedy } of describeCage(deps.cage)) {
    if (!present) deps.log.warn({ layer }, `Not there: ${protects}. To have it, ${remedy}.`)
  }
  const users = new RunUsers()
  return { build: deps.build, run: (task, options) => runTask({ ...deps, users }, task, options) }
}

type RunDeps = DecoderDeps & { readonly users: RunUsers }

async function runTask(deps: RunDeps, task: DecoderTask, options: DecoderOptions): Promise<DecoderRun> {
  options.signal.throwIfAborted()
  const folder = await mkdtemp(join(deps.workDir, PREFIX))
  const files = new Map(task.outputs.map((name) => [name, new OutputFile(name, join(folder, name))]))
  const release = async (): Promise<void> => {
    await Promise.all([...files.values()].map((file) => file.close()))
    await rm(folder, { recursive: true, force: true })
  }
  const copies = new Map<string, LocalCopy>()
  try {
    for (const [name, blob] of blobsOf(task)) copies.set(name, await deps.blobs.materialize(blob))
    const secrets = [folder, deps.workDir, deps.build.path, ...[...copies.values()].map(({ path }) => path)]
    const end = await live(deps, task, options, folder, copies, files)
    const stderr = scrub(end.said, secrets)
    await judgeEnd(task, end, stderr, files)
    return { files, stderr, release }
  } catch (error) {
    await release()
    throw error
  } finally {
    for (const copy of copies.values()) await copy.release()
  }
}

function blobsOf({ input, files = {} }: DecoderTask): [name: string, blob: BlobName][] {
  return [
    ...(input.from === 'blob' ? [['input', input.name] as [string, string]] : []),
    ...Object.entries(files),
  ]
}

/** Starts the process and watches its outputs until it has ended. */
async function live(
  deps: RunDeps,
  task: DecoderTask,
  options: DecoderOptions,
  folder: string,
  copies: ReadonlyMap<string, LocalCopy>,
  files: ReadonlyMap<string, OutputFile>,
): Promise<FfmpegEnd> {
  const { cage, users, build, log } = deps
  const ended = new AbortController()
  const failed = new AbortController()
  const mostBytes = Math.max(1, task.outputs.length) * task.limits.outputBytes
  const size = new FolderWatch(folder, mostBytes, () => wroteTooMuch(task))
  const life = {
    program: build.path,
    args: task.args,
    folder,
    inputs: new Map([...copies].map(([name, { path }]) => [name, path])),
    ...(task.input.from === 'pipe' ? { stdin: task.input.bytes } : {}),
    limits: { ...task.limits, nice: task.nice },
    wallMs: task.limits.wallMs,
    ...(task.limits.stallMs === undefined ? {} : { stallMs: task.limits.stallMs }),
    verbose: task.verbose === true,
    keepBytes: task.verbose ? REPORT_BYTES : TAIL_BYTES,
    signal: AbortSignal.any([options.signal, failed.signal, size.over]),
    onProgress: options.onProgress ?? (() => {}),
  }
  const command = pasteable(build.path, guardArgs(life.args, targetsOf(life), life.verbose))
  log.debug({ label: task.label, command }, 'decoder starts')
  const watching = options.onGrowth
    ? watchGrowth([...files.values()], options.onGrowth, ended.signal).catch((error: unknown) =>
        failed.abort(error),
      )
    : undefined
  try {
    return await runCaged(cage, users, life)
  } finally {
    size.stop()
    ended.abort()
    await watching
  }
}

/** Tells of every growth, one at a time, until `signal`. What is not told by then, the finished run shows. */
async function watchGrowth(
  files: readonly OutputFile[],
  onGrowth: NonNullable<DecoderOptions['onGrowth']>,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    for (const file of files) if (await file.refresh()) await onGrowth(file)
    await sleep(GROWTH_POLL_MS, undefined, { signal }).catch(() => {})
  }
}
