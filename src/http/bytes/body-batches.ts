/**
 * Collects a request body into batches of about 1 MiB, which the core writes with one gathered write each. While a
 * batch is being written the next one is collected; when that is full too the socket is paused, so a fast sender
 * waits for the disk and the memory used stays at about two batches. Where many bodies come at once their batches are
 * smaller.
 */

import type { IncomingMessage } from 'node:http'
import type { Readable } from 'node:stream'
import type { UploadBody } from '../../core/uploads/index.ts'
import type { Clock } from '../../ports.ts'

/** Large enough that the cost of a write does not count, small enough to stay in the processor's cache. */
const BATCH_BYTES = 1_048_576
/** A batch may become as small as one read of a socket. */
const LEAST_BATCH_BYTES = 65_536
/** What the bodies of one share collect together. */
const TOGETHER_BYTES = 8 * BATCH_BYTES
/** Bodies that go on in one turn of the event loop: a millisecond or two of reading, then everything else has its turn. */
const AT_A_TURN = 8

/** The bodies that are being read at one time: how large their batches may become, and when each goes on. */
export class BatchShare {
  #bodies = 0
  readonly #waiting: (() => void)[] = []

  get batchBytes(): number {
    return Math.max(LEAST_BATCH_BYTES, Math.min(BATCH_BYTES, TOGETHER_BYTES / this.#bodies))
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
  /** Whether the batch is; then the source is paused. */
  #full = false
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
    while (!this.#full && this.#state === 'open') {
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
    if (this.#bytes === 0) return undefined
    const batch = this.#buffers
    this.#buffers = []
    this.#bytes = 0
    this.#full = false
    if (this.#state === 'open') this.#share.queue(() => this.#resume())
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
    this.#lastByteMs = this.#clock.monotonicMs()
    if (this.#bytes < this.#share.batchBytes) return
    this.#full = true
    this.#source.pause()
    this.#notify()
  }

  #resume(): void {
    if (this.#state !== 'open' || !this.#source.isPaused()) return
    this.#lastByteMs = this.#clock.monotonicMs()
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
