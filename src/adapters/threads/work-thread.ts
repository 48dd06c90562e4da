/**
 * The `Thread` port: one worker thread for long computations, so that a two-hour file does not hold up requests.
 *
 * The thread is started when first needed and kept. A hostile file that makes it run out of memory or go on too long
 * ends the thread: that piece of work fails, whatever else waited is asked again of a new one.
 */

import { Worker } from 'node:worker_threads'
import { HeadwaterError } from '../../lib/failure.ts'
import type { BlobName, Blobs, LocalCopy, Thread } from '../../ports.ts'
import type { WorkAnswer, WorkQuestion } from './work-messages.ts'

/** The largest allowed index (256 MB) takes some 6 s; this leaves room for a slow disk. */
const LIMIT_MS = 60_000
/** Typed arrays lie outside V8's heap; inside it the work needs little. */
const HEAP_MB = 512

type Waiting = {
  readonly question: WorkQuestion
  readonly resolve: (result: unknown) => void
  readonly reject: (error: unknown) => void
}

/** Where the bytes are that the work is about. */
type About = { readonly blob?: BlobName; readonly draft?: string }

type ThreadDeps = {
  readonly blobs: Pick<Blobs, 'materialize' | 'materializeDraft'>
  readonly module: URL
  /** How long one piece of work may take, milliseconds, its start included; 60,000 unless said otherwise. */
  readonly limitMs?: number
  /** What its heap may hold, MiB; 512 unless said otherwise. */
  readonly heapMb?: number
}

/** Creates the thread's keeper. `module` calls `answerWork`; the thread starts with the first piece of work. */
export function createThread(deps: ThreadDeps): Thread {
  return new WorkThread(deps)
}

class WorkThread implements Thread {
  readonly #deps: ThreadDeps
  readonly #queue: Waiting[] = []
  #worker: Worker | undefined
  #limit: NodeJS.Timeout | undefined
  #stopped = false

  constructor(deps: ThreadDeps) {
    this.#deps = deps
  }

  async run(work: string, input: unknown, about: About = {}): Promise<unknown> {
    const copy = await this.#localCopy(about)
    if (copy === undefined) return await this.#ask({ work, input, path: null })
    try {
      return await this.#ask({ work, input, path: copy.path })
    } finally {
      await copy.release()
    }
  }

  async #localCopy({ blob, draft }: About): Promise<LocalCopy | undefined> {
    if (blob !== undefined) return await this.#deps.blobs.materialize(blob)
    return draft === undefined ? undefined : await this.#deps.blobs.materializeDraft(draft)
  }

  async stop(): Promise<void> {
    this.#stopped = true
    clearTimeout(this.#limit)
    await this.#worker?.terminate()
    this.#worker = undefined
    const stopped = new HeadwaterError('lease_lost', 'The work thread was stopped.')
    for (const waiting of this.#queue.splice(0)) waiting.reject(stopped)
  }

  #ask(question: WorkQuestion): Promise<unknown> {
    if (this.#stopped) throw new HeadwaterError('lease_lost', 'The work thread was stopped.')
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
    this.#limit = setTimeout(
      () => this.#lose('index_too_slow', 'it took too long'),
      this.#deps.limitMs ?? LIMIT_MS,
    )
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
    this.#worker.postMessage(first.question)
  }

  #start(): Worker {
    const worker = new Worker(this.#deps.module, {
      resourceLimits: { maxOldGenerationSizeMb: this.#deps.heapMb ?? HEAP_MB },
    })
    worker.on('message', (answer: WorkAnswer) => this.#take(answer))
    worker.on('error', (error) => {
      if (worker !== this.#worker) return
      this.#lose('index_unreadable', error instanceof Error ? error.message : String(error))
    })
    return worker
  }

  #take(answer: WorkAnswer): void {
    clearTimeout(this.#limit)
    const waiting = this.#queue.shift()
    if ('failure' in answer) {
      const { code, sentence, facts } = answer.failure
      waiting?.reject(new HeadwaterError(code, sentence, { facts }))
    } else waiting?.resolve(answer.result)
    this.#sendFirst()
  }

  /** The thread is lost; so is the work it was at, which is the only one that can have caused it. */
  #lose(code: 'index_too_slow' | 'index_unreadable', why: string): void {
    clearTimeout(this.#limit)
    const worker = this.#worker
    this.#worker = undefined
    void worker?.terminate()
    this.#queue.shift()?.reject(new HeadwaterError(code, `The file's index could not be read: ${why}.`))
    this.#sendFirst()
  }
}
