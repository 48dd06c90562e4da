/** What every child has: an end that is awaited, a group that is killed whole, and words of which some are kept. */

import type { ChildProcess } from 'node:child_process'
import { HeadwaterError } from '../../lib/failure.ts'

/** How it ended; `close` was waited for. Throws `decoder_missing` when it could not be started. */
export function waitForEnd(
  child: ChildProcess,
): Promise<{ readonly exitCode: number | null; readonly killedBy: NodeJS.Signals | null }> {
  return new Promise<{ exitCode: number | null; killedBy: NodeJS.Signals | null }>((resolve, reject) => {
    child.once('error', (error) =>
      reject(
        new HeadwaterError('decoder_missing', `${child.spawnfile} could not be started.`, { cause: error }),
      ),
    )
    // `close`, not `exit`: everything it said has been read by then.
    child.once('close', (exitCode, killedBy) => resolve({ exitCode, killedBy }))
  })
}

/** Kills a child and whatever it started; one that has ended is left alone. */
export function killGroup(child: ChildProcess): void {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
  try {
    process.kill(-child.pid, 'SIGKILL')
  } catch {
    // It has ended between the question and the signal.
  }
}

/** The first or the last characters of a text of any length, in whole lines where there are some. */
export class KeptText {
  readonly #limit: number
  readonly #keep: 'first' | 'last'
  #text = ''
  #cut = false

  constructor(limit: number, keep: 'first' | 'last') {
    this.#limit = limit
    this.#keep = keep
  }

  push(text: string): void {
    const all = this.#text + text
    this.#cut ||= all.length > this.#limit
    this.#text = this.#keep === 'first' ? all.slice(0, this.#limit) : all.slice(-this.#limit)
  }

  text(): string {
    if (!this.#cut) return this.#text
    // A part of a line says something else than the line.
    if (this.#keep === 'last') return this.#text.slice(this.#text.indexOf('\n') + 1)
    const end = this.#text.lastIndexOf('\n')
    return end === -1 ? this.#text : this.#text.slice(0, end)
  }
}
