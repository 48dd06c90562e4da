/**
 * Collects a request body into batches, which the core sums and writes. A sender may send so much without a pause; then
 * everything else has its turn, and one that is faster than the disk waits for it. Where many bodies come at once each
 * holds less memory.
 */

import type { IncomingMessage } from 'node:http'
import type { Readable } from 'node:stream'
import type { UploadBody } from '../../core/uploads/index.ts'
import type { Clock } from '../../ports.ts'

/** A batch: small enough to be in the processor's nearest caches still when it is summed. */
const BATCH_BYTES = 262_144
/** Read without a pause. */
const TURN_BYTES = 1_048_576
/** Either may become as small as one read of a socket. */
const LEAST_BYTES = 65_536
/** What all bodies together have in turns that nobody has taken yet. */
const TOGETHER_BYTES = 8 * 1_048_576
/** Bodies that go on in one turn of the event loop: a millisecond or two of reading, then everything else has its turn. */
const AT_A_TURN = 8

/** The bodies that are being read at one time: how much each may hold, and when each goes on. */
export class BatchShare {
  #bodies = 0
  readonly #waiting: (() => void)[] = []

  /** What makes a batch. */
  get batchBytes(): number {
    return this.#share(BATCH_BYTES)
  }

  /** What is read before everything else has its turn. */
  get turnBytes(): number {
    return this.#share(TURN_BYTES)
  }

  enter(): void {
    this.#bodies += 1
  }

  leave(): void {
    this.#bodies -= 1
  }

  /** Calls `goOn` at once, or in its turn where there are many. */
  queue(goOn: () => void): void {
    if (this.#bodies <= AT_A_TURN) {
      goOn()
      return
    }
    if (this.#waiting.push(goOn) === 1) setImmediate(() => this.#nextTurn())
  }

  #share(mostBytes: number): number {
    return Math.max(LEAST_BYTES, Math.min(mostBytes, TOGETHER_BYTES / this.#bodies))
  }

  #nextTurn(): void {
    for (const goOn of this.#waiting.splice(0, AT_A_TURN)) goOn()
    if (this.#waiting.length > 0) setImmediate(() => this.#nextTurn())
  }
}

/** One body; made when its request arrives, it reads nothing before the first `next`. */
export class BodyBatches implements UploadBody {
  readonly #source: Readable
  readonly #clock: Clock
  /** Called before the first byte is read. */
  readonly #begin: () => void
  readonly #ownsBuffers: boolean
  readonly #share: BatchShare
  #begun = false
  #state: UploadBody['state'] = 'open'
  #gone = false
  #buffers: Uint8Array[] = []
  #bytes = 0
  /** Read since the last pause. */
  #turnBytes = 0
  /** Then the source is paused until the next batch is taken. */
  #turnIsOver = false
  #lastByteMs = 0
  #wake: (() => void) | undefined

  /** `ownsBuffers`: nobody else keeps a view of what `source` gives. `share`: of the bodies beside it. */
  constructor(
    source: Readable,
    options: { clock: Clock; begin?: () => void; ownsBuffers?: boolean; share?: BatchShare },
  ) {
    this.#source = source
    this.#clock = options.clock
    this.#begin = options.begin ?? (() => undefined)
    this.#ownsBuffers = options.ownsBuffers ?? false
    this.#share = options.share ?? new BatchShare()
    source.once('end', () => this.#end('complete'))
    source.once('error', () => this.#end('broken'))
    source.once('close', () => {
      this.#gone = true
      this.#end('broken')
    })
  }

  get state(): UploadBody['state'] {
    return this.#state
  }

  async next(): Promise<readonly Uint8Array[] | undefined> {
    this.#read()
    while (!this.#isReady) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
    if (this.#bytes === 0) return undefined
    const batch = this.#buffers
    this.#buffers = []
    this.#bytes = 0
    if (this.#turnIsOver && this.#state === 'open') this.#share.queue(() => this.#resume())
    this.#turnIsOver = false
    return batch
  }

  /**
   * Gives the memory back at once. Left to the garbage collector, a gigabyte of small buffers costs more time than
   * everything else about an upload together, and tens of megabytes until it gets to them.
   */
  release(batch: readonly Uint8Array[]): void {
    if (!this.#ownsBuffers) return
    for (const { buffer, byteLength } of batch) {
      // A view of something larger (a pool) is not ours to give back.
      if (buffer instanceof ArrayBuffer && buffer.byteLength === byteLength) buffer.transfer(0)
    }
  }

  silentMs(): number {
    if (this.#gone && this.#state !== 'complete') return Number.POSITIVE_INFINITY
    // Not begun, paused, or all here: then it is we who do not read.
    if (!this.#begun || this.#state !== 'open' || this.#source.isPaused()) return 0
    return this.#clock.monotonicMs() - this.#lastByteMs
  }

  stop(): void {
    this.#end('broken')
  }

  /** Whether there is a batch, or nothing more to wait for. */
  get #isReady(): boolean {
    return this.#turnIsOver || this.#bytes >= this.#share.batchBytes || this.#state !== 'open'
  }

  #read(): void {
    if (this.#begun) return
    this.#begun = true
    this.#lastByteMs = this.#clock.monotonicMs()
    if (this.#state !== 'open') return
    this.#share.enter()
    this.#begin()
    this.#source.on('data', (buffer: Uint8Array) => this.#collect(buffer))
  }

  #collect(buffer: Uint8Array): void {
    // What comes after the body was ended here is thrown away.
    if (this.#state !== 'open') return
    this.#buffers.push(buffer)
    this.#bytes += buffer.length
    this.#turnBytes += buffer.length
    this.#lastByteMs = this.#clock.monotonicMs()
    if (this.#turnBytes >= this.#share.turnBytes) {
      this.#turnIsOver = true
      this.#source.pause()
    }
    if (this.#isReady) this.#notify()
  }

  #resume(): void {
    if (this.#state !== 'open' || !this.#source.isPaused()) return
    this.#lastByteMs = this.#clock.monotonicMs()
    this.#turnBytes = 0
    this.#source.resume()
  }

  #end(state: 'complete' | 'broken'): void {
    if (this.#state !== 'open') return
    this.#state = state
    if (this.#begun) this.#share.leave()
    this.#notify()
  }

  #notify(): void {
    this.#wake?.()
    this.#wake = undefined
  }
}

/** The body of a request. A client that asked whether to send it (`Expect: 100-continue`) is told to when it is read. */
export function requestBody(
  incoming: IncomingMessage,
  outgoing: { writeContinue(): void },
  options: { clock: Clock; share: BatchShare },
): BodyBatches {
  return new BodyBatches(incoming, {
    ...options,
    // Node's HTTP parser copies each piece of a body into a buffer of its own.
    ownsBuffers: true,
    begin: () => {
      if (incoming.headers.expect?.toLowerCase() === '100-continue') outgoing.writeContinue()
    },
  })
}
