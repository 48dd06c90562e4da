/**
 * One life of an ffmpeg that is fed and read by pipes for hours: started in its own group, watched, and gone when `ended`
 * settles. It ends by itself after `finish`; it is killed by `close`, and when it is given input and gives nothing back.
 */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Readable, Writable } from 'node:stream'
import { HeadwaterError } from '../../lib/failure.ts'
import { Patience } from '../../lib/patience.ts'
import type { LiveRun, LiveTask } from '../../ports.ts'
import { CHILD_ENV } from './child-env.ts'
import { KeptText, killGroup, waitForEnd } from './child-life.ts'
import { FIRST_INPUT_FD } from './guard-args.ts'
import { scrub } from './judge-end.ts'
import { niceSession } from './session-nice.ts'

/** Where the descriptors of outputs begin; nothing is handed over open beside them. */
export const FIRST_OUTPUT_FD = FIRST_INPUT_FD

/** What is kept of its words, from the end. */
const KEPT_BYTES = 8192
/** Input without output for this long: real delays are below a second, a machine that is overwhelmed still gives something. */
const STALL_MS = 20_000

export type LiveLife = {
  readonly program: string
  readonly args: readonly string[]
  readonly task: LiveTask
  readonly folder: string
  /** Paths that nobody is told. */
  readonly secrets: readonly string[]
  /** Gives back what was taken for it. */
  readonly release: () => Promise<void>
}

/** Starts it. Throws `decoder_missing` when that fails. */
export async function startLive(life: LiveLife): Promise<LiveRun> {
  const { task } = life
  const child = spawn(life.program, [...life.args], {
    cwd: life.folder,
    env: CHILD_ENV,
    // A group of its own, so that killing it reaches whatever it started, and a Ctrl-C at the terminal does not.
    detached: true,
    // Reports of progress are not needed: its output is the progress.
    stdio: ['pipe', 'ignore', 'pipe', 'ignore', ...task.outputs.map(() => 'pipe' as const)],
  })
  void niceSession(child.pid, task.nice)
  const closed = waitForEnd(child)
  // Until it is awaited below, a failure to start must not count as unhandled.
  closed.catch(() => {})
  if (child.pid === undefined) await closed
  else if (child.exitCode === null) await Promise.race([once(child, 'spawn'), closed])
  const said = new KeptText(KEPT_BYTES, 'last')
  child.stderr?.setEncoding('utf8').on('data', (text: string) => said.push(text))
  const stdin = child.stdin as Writable
  // Whoever reads it has gone; how, `closed` tells.
  stdin.on('error', () => {})
  const stall = new Stall(() => killGroup(child))
  const outputs = new Map<string, AsyncIterable<Uint8Array>>()
  for (const [at, name] of task.outputs.entries()) {
    outputs.set(name, watched(child.stdio[FIRST_OUTPUT_FD + at] as Readable, stall))
  }
  let wanted: 'nothing' | 'end' | 'death' = 'nothing'
  const end = async (): Promise<Error | undefined> => {
    try {
      const { exitCode, killedBy } = await closed
      if (wanted === 'death' || (wanted === 'end' && exitCode === 0)) return undefined
      const stderr = scrub(said.text(), life.secrets)
      return failureOf(task, { exitCode, killedBy, stderr, stalled: stall.struck })
    } finally {
      stall.stop()
      stdin.destroy()
      await life.release()
    }
  }
  const ended = end()
  return {
    outputs,
    ended,
    write: (bytes) => {
      if (stdin.destroyed || stdin.writableLength + bytes.byteLength > task.queueBytes) return false
      stdin.write(bytes)
      stall.sawInput()
      return true
    },
    finish: () => {
      wanted = 'end'
      stdin.end()
      stall.sawInput()
    },
    close: async () => {
      wanted = 'death'
      killGroup(child)
      // An output that nobody reads keeps the process from being told as closed.
      for (const at of task.outputs.keys()) (child.stdio[FIRST_OUTPUT_FD + at] as Readable).resume()
      await ended
    },
  }
}

/** The pieces of a pipe; ends, without a word, also when the pipe breaks. */
async function* watched(pipe: Readable, stall: Stall): AsyncIterable<Uint8Array> {
  try {
    for await (const piece of pipe) {
      stall.sawOutput()
      yield piece as Uint8Array
    }
  } catch {
    // It was destroyed with the process; `ended` says why.
  }
}

/** Strikes when input is not followed by any output. */
class Stall {
  struck = false
  readonly #strike: () => void
  #patience: Patience | undefined

  constructor(strike: () => void) {
    this.#strike = strike
  }

  sawInput(): void {
    this.#patience ??= new Patience(STALL_MS, () => {
      this.struck = true
      this.#strike()
    })
  }

  sawOutput(): void {
    this.stop()
  }

  stop(): void {
    this.#patience?.stop()
    this.#patience = undefined
  }
}

function failureOf(
  { label }: LiveTask,
  end: { exitCode: number | null; killedBy: NodeJS.Signals | null; stderr: string; stalled: boolean },
): HeadwaterError {
  const { exitCode, killedBy, stderr, stalled } = end
  const words = stderr.trimEnd().split('\n').at(-1)?.trim() || 'it said nothing'
  const how = stalled
    ? `was fed for ${STALL_MS / 1000} s and gave nothing`
    : killedBy === null
      ? `ended with ${exitCode}: ${words}`
      : `was ended by ${killedBy}: ${words}`
  return new HeadwaterError('decoder_failed', `${label}: the decoder ${how}.`, {
    facts: { task: label, reason: stalled ? 'stall' : 'exit', exitCode, signal: killedBy, stderr },
  })
}
