/**
 * Collects a request body into batches of about 1 MiB, which the core writes with one gathered write each. While a
 * batch is being written the next one is collected; when that is full too the socket is paused, so a fast sender
 * waits for the disk and the memory used stays at about two batches.
 */

import type { IncomingMessage } from 'node:http'
import type { Readable } from 'node:stream'
import type { UploadBody } from '../../core/uploads/index.ts'
import type { Clock } from '../../ports.ts'

/** Large enough that the cost of a write does not count, small enough to stay in the processor's cache. */
const BATCH_BYTES = 1_048_576

/** One body; made when its request arrives, it reads nothing before the first `next`. */
export class BodyBatches implements UploadBody {
  readonly #source: Readable
  readonly #clock: Clock
  /** Called before the first byte is read. */
  readonly #begin: () => void
  readonly #ownsBuffers: boolean
  #begun = false
  #state: UploadBody['state'] = 'open'
  #gone = false
  #buffers: Uint8Array[] = []
  #bytes = 0
  #lastByteMs = 0
  #wake: (() => void) | undefined

  /** `ownsBuffers`: nobody else keeps a view of what `source` gives. */
  constructor(source: Readable, options: { clock: Clock; begin?: () => void; ownsBuffers?: boolean }) {
    this.#source = source
    this.#clock = options.clock
    this.#begin = options.begin ?? (() => undefined)
    this.#ownsBuffers = options.ownsBuffers ?? false
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
    while (this.#bytes < BATCH_BYTES && this.#state === 'open') {
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
    if (this.#bytes === 0) return undefined
    const batch = this.#buffers
    this.#buffers = []
    this.#bytes = 0
    if (this.#state === 'open') this.#resume()
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
    this.#begin()
    this.#source.on('data', (buffer: Uint8Array) => this.#collect(buffer))
  }

  #collect(buffer: Uint8Array): void {
    // What comes after the body was ended here is thrown away.
    if (this.#state !== 'open') return
    this.#buffers.push(buffer)
    this.#bytes += buffer.length
    this.#lastByteMs = this.#clock.monotonicMs()
    if (this.#bytes < BATCH_BYTES) return
    this.#source.pause()
    this.#notify()
  }

  #resume(): void {
    if (!this.#source.isPaused()) return
    this.#lastByteMs = this.#clock.monotonicMs()
    this.#source.resume()
  }

  #end(state: 'complete' | 'broken'): void {
    if (this.#state !== 'open') return
    this.#state = state
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
  options: { clock: Clock },
): BodyBatches {
  return new BodyBatches(incoming, {
    clock: options.clock,
    // Node's HTTP parser copies each piece of a body into a buffer of its own.
    ownsBuffers: true,
    begin: () => {
      if (incoming.headers.expect?.toLowerCase() === '100-continue') outgoing.writeContinue()
    },
  })
}
