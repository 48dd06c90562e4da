/**
 * The one place that starts ffmpeg. One call is one life of one process: started in its own group and folder, fed,
 * watched, and gone when the promise settles, whatever the way. Its folder is the caller's (`decoder.ts`).
 *
 * A run ends early when its signal is aborted, when it lasts longer than its wall clock allows, or when for a while
 * neither input is taken nor progress made (a decoder caught in a loop by a hostile file). Then the whole group is
 * killed at once: there is nothing worth finishing.
 */

import { type ChildProcess, spawn } from 'node:child_process'
import type { Readable, Writable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { Patience } from '../../lib/patience.ts'
import type { DecoderProgress } from '../../ports.ts'
import { CHILD_ENV } from './child-env.ts'
import { KeptText, killGroup, waitForEnd } from './child-life.ts'
import { PROGRESS_FD } from './guard-args.ts'
import { ProgressReader } from './read-progress.ts'
import { niceSession } from './session-nice.ts'

/** One life of ffmpeg. */
export type FfmpegLife = {
  readonly program: string
  readonly args: readonly string[]
  readonly folder: string
  /** Open files that it gets as descriptors, from `FIRST_INPUT_FD` on. */
  readonly openFiles?: readonly number[]
  /** Fed to standard input; closed input when absent. */
  readonly stdin?: AsyncIterable<Uint8Array>
  readonly wallMs: number
  /** 0–19; of its session. */
  readonly nice: number
  /** How long it may take no input and make no progress, milliseconds; 90,000 unless said otherwise. */
  readonly stallMs?: number
  /** How much of what it says is kept, from the end (`verbose`: from the start). */
  readonly keepBytes: number
  readonly keep: 'first' | 'last'
  readonly signal: AbortSignal
  readonly onProgress: (progress: DecoderProgress) => void
}

/** Without input taken or progress made for this long a run is hung. Slow disks stay far below it. */
const STALL_MS = 90_000
/** How long the piece of input that is being read may take after the run has ended. */
const LAST_PIECE_MS = 1_000

/** How a life ended. `reason` is null when it ended by itself. */
export type FfmpegEnd = {
  readonly exitCode: number | null
  readonly killedBy: NodeJS.Signals | null
  readonly reason: 'wall' | 'stall' | null
  readonly said: string
}

/** Runs it to its end. Throws the abort reason, what reading the input threw, or `decoder_missing` if it cannot start. */
export async function runFfmpeg(life: FfmpegLife): Promise<FfmpegEnd> {
  life.signal.throwIfAborted()
  const child = spawn(life.program, [...life.args], {
    cwd: life.folder,
    env: CHILD_ENV,
    // A group of its own, so that killing it reaches whatever it started, and a Ctrl-C at the terminal does not.
    detached: true,
    stdio: [life.stdin ? 'pipe' : 'ignore', 'ignore', 'pipe', 'pipe', ...(life.openFiles ?? [])],
  })
  void niceSession(child.pid, life.nice)
  const said = new KeptText(life.keepBytes, life.keep)
  const watch = new Watch(child, life)
  const stderr = child.stderr
  stderr?.setEncoding('utf8').on('data', (text: string) => said.push(text))
  const progress = new ProgressReader()
  const reports = child.stdio[PROGRESS_FD] as Readable
  reports.setEncoding('utf8').on('data', (text: string) => {
    const now = progress.push(text)
    if (now === undefined) return
    watch.sawProgress(now)
    life.onProgress(now)
  })
  try {
    const ended = waitForEnd(child)
    const fed = life.stdin && child.stdin ? feed(child.stdin, life.stdin, watch) : Promise.resolve()
    // A failed feed ends the run with that failure; the decoder's own complaint about missing input says less.
    const failedFeed = fed.then(
      () => undefined,
      (error: unknown) => {
        killGroup(child)
        return { error }
      },
    )
    const { exitCode, killedBy } = await ended
    watch.stop()
    // The decoder may end before its input does (enough frames): the feed must then stop waiting for room.
    child.stdin?.destroy()
    // A piece of input that never comes must not hold what has ended already.
    const feedFailure = await Promise.race([failedFeed, sleep(LAST_PIECE_MS, undefined, { ref: false })])
    life.signal.throwIfAborted()
    if (feedFailure !== undefined) throw feedFailure.error
    return { exitCode, killedBy, reason: watch.reason, said: said.text() }
  } finally {
    watch.stop()
    killGroup(child)
  }
}

/** Writes the input with back pressure until it ends or the reader has gone, which is not a failure. */
async function feed(stdin: Writable, bytes: AsyncIterable<Uint8Array>, watch: Watch): Promise<void> {
  let gone = false
  let resume = () => {}
  const end = () => {
    gone = true
    resume()
  }
  stdin.on('error', end).on('close', end)
  stdin.on('drain', () => resume())
  for await (const piece of bytes) {
    if (gone) return
    if (!stdin.write(piece)) {
      await new Promise<void>((resolve) => {
        resume = resolve
        if (gone) resolve()
      })
    }
    watch.sawInput()
  }
  if (!gone) stdin.end()
}

/** Kills a run that is aborted, too long, or hung. */
class Watch {
  reason: 'wall' | 'stall' | null = null
  readonly #child: ChildProcess
  readonly #signal: AbortSignal
  readonly #wall: Patience
  readonly #stall: Patience
  #last: DecoderProgress = { frames: 0, outTimeUs: 0 }

  constructor(child: ChildProcess, life: FfmpegLife) {
    this.#child = child
    this.#signal = life.signal
    this.#wall = new Patience(life.wallMs, () => this.#end('wall'))
    this.#stall = new Patience(life.stallMs ?? STALL_MS, () => this.#end('stall'))
    this.#signal.addEventListener('abort', this.#aborted)
  }

  sawInput(): void {
    this.#stall.refresh()
  }

  sawProgress(now: DecoderProgress): void {
    // ffmpeg repeats its last report while nothing moves.
    if (now.frames === this.#last.frames && now.outTimeUs === this.#last.outTimeUs) return
    this.#last = now
    this.#stall.refresh()
  }

  stop(): void {
    this.#wall.stop()
    this.#stall.stop()
    this.#signal.removeEventListener('abort', this.#aborted)
  }

  readonly #aborted = (): void => killGroup(this.#child)

  #end(reason: 'wall' | 'stall'): void {
    this.reason = reason
    killGroup(this.#child)
  }
}
