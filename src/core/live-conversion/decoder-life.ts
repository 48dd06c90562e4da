/**
 * One life of a decoder that converts one track: opened while its first units wait, fed without waiting for it, and read
 * as it writes. What becomes of its end, the keeper decides.
 */

import { HeadwaterError } from '../../lib/failure.ts'
import { type ReadUnit, UnitsReader } from '../../media/live/read-units.ts'
import { type AccessUnit, LIVE_TIMESCALE, type LiveFormat } from '../../media/live/units.ts'
import { writeUnit, writeUnitsHead } from '../../media/live/write-units.ts'
import type { LiveDecoder, LiveRun, LiveTask } from '../../ports.ts'
import { TIME_OFFSET } from './conversion-args.ts'

/** Input that may wait: some ten seconds of the largest broadcasts, far more than any machine that keeps up needs. */
const QUEUE_BYTES = 16 * 1024 * 1024
/** Virtual memory: decoder, encoders and their threads of 4096 × 2160 need half of it. */
const MEMORY_BYTES = 3_000_000_000

export type LifeOptions = {
  readonly decoder: LiveDecoder
  readonly task: Pick<LiveTask, 'label' | 'args' | 'outputs' | 'nice'>
  /** Of what goes in. */
  readonly format: LiveFormat
  readonly onRead: (output: string, read: ReadUnit) => void
  /** Called once: with why it failed, or undefined when it was asked to end and all it had was read. */
  readonly onEnd: (error: Error | undefined) => void
}

/** One life. */
export class DecoderLife {
  readonly #options: LifeOptions
  readonly #opened: Promise<LiveRun | undefined>
  #run: LiveRun | undefined
  #waiting: Uint8Array[] = []
  #waitingBytes = 0
  #sequence = 0
  /** Decode time of the latest unit that went in. */
  #newest = 0
  #finished = false
  #closed = false

  constructor(options: LifeOptions) {
    this.#options = options
    this.#opened = this.#live()
  }

  /** Hands it a unit. False: it is behind, and the unit was dropped. */
  unit(unit: AccessUnit): boolean {
    if (this.#closed || this.#finished) return false
    const bytes = writeUnit(unit, { sequence: this.#sequence + 1, offset: TIME_OFFSET })
    const taken = this.#run === undefined ? this.#wait(bytes) : this.#run.write(bytes)
    if (taken) {
      this.#sequence += 1
      this.#newest = unit.dts
    }
    return taken
  }

  /** Nothing follows; what it has left is still read. */
  finish(): void {
    this.#finished = true
    this.#run?.finish()
  }

  /** Ends it at once; nothing is read from it or told about it any more. */
  async close(): Promise<void> {
    this.#closed = true
    await this.#run?.close()
    await this.#opened
  }

  #wait(bytes: Uint8Array): boolean {
    if (this.#waitingBytes + bytes.byteLength > QUEUE_BYTES) return false
    this.#waiting.push(bytes)
    this.#waitingBytes += bytes.byteLength
    return true
  }

  /** From the start of the program to its end; answers its run, for `close` to wait for. */
  async #live(): Promise<LiveRun | undefined> {
    let failure: Error | undefined
    let run: LiveRun | undefined
    try {
      // Before anything is started: a configuration that is none is not worth a program.
      const head = writeUnitsHead(this.#options.format)
      run = await this.#open(head)
      const reading = run === undefined ? [] : [...run.outputs].map((output) => this.#read(...output))
      const [read, ended] = await Promise.all([Promise.all(reading), run?.ended])
      failure = read.find((error) => error !== undefined) ?? ended
    } catch (error) {
      failure = asError(error)
    }
    if (!this.#closed) this.#options.onEnd(failure)
    this.#closed = true
    return run
  }

  async #open(head: Uint8Array): Promise<LiveRun | undefined> {
    const { decoder, task } = this.#options
    const run = await decoder.open({ ...task, memoryBytes: MEMORY_BYTES, queueBytes: QUEUE_BYTES })
    if (this.#closed) {
      await run.close()
      return undefined
    }
    this.#run = run
    run.write(head)
    for (const bytes of this.#waiting) run.write(bytes)
    this.#waiting = []
    if (this.#finished) run.finish()
    return run
  }

  /** Answers why its output is none, after which it is ended. */
  async #read(name: string, output: AsyncIterable<Uint8Array>): Promise<Error | undefined> {
    const reader = new UnitsReader(TIME_OFFSET)
    let latest = Number.NEGATIVE_INFINITY
    try {
      for await (const piece of output) {
        for (const read of reader.push(piece)) {
          if (this.#closed) return undefined
          if (read.unit !== undefined) {
            this.#checkTime(read.unit, latest)
            latest = read.unit.dts
          }
          this.#options.onRead(name, read)
        }
      }
      return undefined
    } catch (error) {
      await this.#run?.close()
      return asError(error)
    }
  }

  /** It writes what it likes: times must go on, and not ahead of what it was given. */
  #checkTime({ dts }: AccessUnit, latest: number): void {
    if (dts >= latest && dts <= this.#newest + MOST_AHEAD_TICKS) return
    const { label } = this.#options.task
    throw new HeadwaterError('decoder_failed', `${label}: the decoder wrote a time that cannot be.`, {
      facts: { task: label, reason: 'times', dts, latest, newest: this.#newest },
    })
  }
}

/** One second: the end of a filled hole, at most. */
const MOST_AHEAD_TICKS = LIVE_TIMESCALE

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error))
}
