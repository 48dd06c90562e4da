/**
 * The `Decoder` port on ffmpeg. Owns the work folder: every run gets a new folder in it, `run-<random>`, removed when
 * the run is released or fails. What a crash of the server left there is removed when the next decoder is created; the
 * processes themselves die with the server (`cage.ts`).
 */

import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { HeadwaterError } from '../../lib/failure.ts'
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
import { type Cage, cageCommand, describeCage, findCage } from './cage.ts'
import { guardArgs, type InputTargets, pasteable } from './guard-args.ts'
import { OutputFile } from './output-file.ts'
import { type FfmpegEnd, runFfmpeg } from './run-ffmpeg.ts'

/** What is kept of the decoder's words: enough for a reason, or a whole report. */
const TAIL_BYTES = 8192
const REPORT_BYTES = 262_144
/** How often a growing output is looked at while a viewer waits. */
const GROWTH_POLL_MS = 60

export type DecoderDeps = {
  readonly build: DecoderBuild
  readonly blobs: Blobs
  /** Folder of its own on a disk with room for a few chunks. */
  readonly workDir: string
  readonly log: Log
}

/** Creates the decoder; removes what an earlier process left in `workDir`. */
export async function createDecoder(deps: DecoderDeps): Promise<Decoder> {
  await mkdir(deps.workDir, { recursive: true })
  for (const entry of await readdir(deps.workDir)) {
    if (entry.startsWith('run-')) await rm(join(deps.workDir, entry), { recursive: true, force: true })
  }
  const cage = await findCage()
  for (const layer of describeCage(cage)) {
    if (!layer.present) {
      deps.log.warn({ layer: layer.layer }, `Missing: ${layer.protects}. To have it, ${layer.remedy}.`)
    }
  }
  return { build: deps.build, run: (task, options) => runTask(deps, cage, task, options) }
}

async function runTask(
  deps: DecoderDeps,
  cage: Cage,
  task: DecoderTask,
  options: DecoderOptions,
): Promise<DecoderRun> {
  options.signal.throwIfAborted()
  const folder = await mkdtemp(join(deps.workDir, 'run-'))
  const files = new Map(task.outputs.map((name) => [name, new OutputFile(name, join(folder, name))]))
  const release = async (): Promise<void> => {
    await Promise.all([...files.values()].map((file) => file.close()))
    await rm(folder, { recursive: true, force: true })
  }
  const copies = new Map<string, LocalCopy>()
  try {
    for (const [name, blob] of blobsOf(task)) copies.set(name, await deps.blobs.materialize(blob))
    const secrets = [folder, deps.workDir, ...[...copies.values()].map(({ path }) => path)]
    const end = await live(deps, cage, task, options, folder, copies, files)
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

/** What the elements for inputs become. */
function targetsOf(task: DecoderTask, copies: ReadonlyMap<string, LocalCopy>): InputTargets {
  const paths = [...copies].map(([name, { path }]) => [name, `file:${path}`] as const)
  return new Map([...(task.input.from === 'pipe' ? [['input', 'pipe:0'] as const] : []), ...paths])
}

/** Starts the process and watches its outputs until it has ended. */
async function live(
  deps: DecoderDeps,
  cage: Cage,
  task: DecoderTask,
  options: DecoderOptions,
  folder: string,
  copies: ReadonlyMap<string, LocalCopy>,
  files: ReadonlyMap<string, OutputFile>,
): Promise<FfmpegEnd> {
  const args = guardArgs(task.args, targetsOf(task, copies), task.verbose === true)
  const limits = { ...task.limits, nice: task.nice }
  const command = cageCommand(cage, limits, deps.build.path, args)
  deps.log.debug({ label: task.label, command: pasteable(deps.build.path, args) }, 'decoder starts')
  const growth = new AbortController()
  const failed = new AbortController()
  const watching = options.onGrowth
    ? watchGrowth([...files.values()], options.onGrowth, growth.signal).catch((error: unknown) =>
        failed.abort(error),
      )
    : undefined
  try {
    return await runFfmpeg({
      program: command.program,
      args: command.args,
      folder,
      ...(task.input.from === 'pipe' ? { stdin: task.input.bytes } : {}),
      wallMs: task.limits.wallMs,
      keepBytes: task.verbose ? REPORT_BYTES : TAIL_BYTES,
      keep: task.verbose ? 'first' : 'last',
      signal: AbortSignal.any([options.signal, failed.signal]),
      onProgress: options.onProgress ?? (() => {}),
    })
  } finally {
    growth.abort()
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

/** Throws when the run did not give what it should. */
async function judgeEnd(
  task: DecoderTask,
  end: FfmpegEnd,
  stderr: string,
  files: ReadonlyMap<string, OutputFile>,
): Promise<void> {
  const fail = (reason: string, sentence: string): never => {
    throw new HeadwaterError('decoder_failed', sentence, {
      facts: { task: task.label, reason, exitCode: end.exitCode, signal: end.killedBy, stderr },
    })
  }
  if (end.reason === 'wall') {
    fail('wall', `${task.label}: the decoder was stopped after ${task.limits.wallMs / 1000} s.`)
  }
  if (end.reason === 'stall') fail('stall', `${task.label}: the decoder made no progress and was stopped.`)
  if (end.exitCode !== 0) {
    if (/No space left on device/i.test(stderr)) {
      throw new HeadwaterError('disk_full', `${task.label}: the disk is full.`, { facts: { stderr } })
    }
    if (end.killedBy === 'SIGXFSZ' || /File too large/i.test(stderr)) {
      fail('output', `${task.label}: the decoder wrote more than ${task.limits.outputBytes} bytes.`)
    }
    if (end.killedBy === 'SIGXCPU' || /cpu time limit/i.test(stderr)) {
      fail('cpu', `${task.label}: the decoder used more than ${task.limits.cpuSeconds} s of processor time.`)
    }
    const how = end.killedBy === null ? `ended with ${end.exitCode}` : `was ended by ${end.killedBy}`
    fail('exit', `${task.label}: the decoder ${how}: ${lastLine(stderr)}`)
  }
  for (const file of files.values()) {
    await file.refresh()
    if (file.sizeBytes === 0) fail('missing-output', `${task.label}: the decoder made no ${file.name}.`)
  }
}

/** Paths of this machine must not reach customers, and the addresses that ffmpeg prints before messages say nothing. */
function scrub(text: string, secrets: readonly string[]): string {
  let clean = text
  for (const secret of secrets) clean = clean.replaceAll(secret, '')
  return clean.replaceAll(/ @ 0x[0-9a-f]+\]/g, ']').replaceAll(/\bfile:(?=[:,'\s]|$)/g, 'input')
}

function lastLine(text: string): string {
  return text.trimEnd().split('\n').at(-1)?.trim() || 'it said nothing'
}
