/**
 * The `Indexer` port: one worker thread that reads sample indexes, so that a two-hour file does not hold up requests.
 *
 * The thread is started when first needed and kept. A hostile index that makes it run out of memory or go on too long
 * ends the thread: that reading fails, whatever else waited in it is asked again of a new one.
 */

import { Worker } from 'node:worker_threads'
import { HeadwaterError } from '../../lib/failure.ts'
import type { Movie } from '../../media/isobmff/movie.ts'
import type { BlobName, Blobs, Indexer } from '../../ports.ts'
import type { IndexAnswer, IndexQuestion } from './index-messages.ts'

/** The largest allowed index (256 MB) takes some 3 s; this leaves room for a slow disk. */
const LIMIT_MS = 60_000
/** Typed arrays lie outside V8's heap; inside it a reader needs little. */
const HEAP_MB = 512

type Waiting = {
  readonly question: IndexQuestion
  readonly resolve: (movie: Movie) => void
  readonly reject: (error: unknown) => void
}

/** Creates the indexer; the thread starts with the first reading. */
export function createIndexer(deps: { blobs: Blobs }): Indexer {
  return new IndexThread(deps.blobs)
}

class IndexThread implements Indexer {
  readonly #blobs: Blobs
  readonly #queue: Waiting[] = []
  #worker: Worker | undefined
  #limit: NodeJS.Timeout | undefined
  #lastId = 0
  #stopped = false

  constructor(blobs: Blobs) {
    this.#blobs = blobs
  }

  async readIndex(name: BlobName): Promise<Movie> {
    const copy = await this.#blobs.materialize(name)
    try {
      return await this.#ask(copy.path)
    } finally {
      await copy.release()
    }
  }

  async stop(): Promise<void> {
    this.#stopped = true
    clearTimeout(this.#limit)
    await this.#worker?.terminate()
    this.#worker = undefined
    const stopped = new HeadwaterError('lease_lost', 'The index thread was stopped.')
    for (const waiting of this.#queue.splice(0)) waiting.reject(stopped)
  }

  #ask(path: string): Promise<Movie> {
    if (this.#stopped) throw new HeadwaterError('lease_lost', 'The index thread was stopped.')
    this.#lastId += 1
    const question = { id: this.#lastId, path }
    return new Promise((resolve, reject) => {
      this.#queue.push({ question, resolve, reject })
      if (this.#queue.length === 1) this.#sendFirst()
    })
  }

  #sendFirst(): void {
    const first = this.#queue[0]
    if (first === undefined) {
      // Idle, it must not keep the process alive.
      this.#worker?.unref()
      return
    }
    this.#worker ??= this.#start()
    this.#worker.ref()
    this.#limit = setTimeout(() => this.#lose('it took too long'), LIMIT_MS)
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
    this.#worker.postMessage(first.question)
  }

  #start(): Worker {
    const worker = new Worker(new URL('./index-worker.ts', import.meta.url), {
      resourceLimits: { maxOldGenerationSizeMb: HEAP_MB },
    })
    worker.on('message', (answer: IndexAnswer) => this.#take(answer))
    worker.on('error', (error) => {
      if (worker === this.#worker) this.#lose(error instanceof Error ? error.message : String(error))
    })
    return worker
  }

  #take(answer: IndexAnswer): void {
    clearTimeout(this.#limit)
    const waiting = this.#queue.shift()
    if ('movie' in answer) waiting?.resolve(answer.movie)
    else {
      const { code, sentence, facts } = answer.failure
      waiting?.reject(new HeadwaterError(code, sentence, { facts }))
    }
    this.#sendFirst()
  }

  /** The thread is lost; so is the reading it was at, which is the only one that can have caused it. */
  #lose(why: string): void {
    clearTimeout(this.#limit)
    const worker = this.#worker
    this.#worker = undefined
    void worker?.terminate()
    this.#queue
      .shift()
      ?.reject(new HeadwaterError('media_malformed', `The file's index could not be read: ${why}.`))
    this.#sendFirst()
  }
}
