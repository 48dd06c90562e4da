/**
 * The `Thread` port: one worker thread for long computations, so that a two-hour file does not hold up requests.
 *
 * The thread is started when first needed and kept. A hostile file that makes it run out of memory or go on too long
 * ends the thread: that piece of work fails, whatever else waited is asked again of a new one.
 */

import { Worker } from 'node:worker_threads'
import { HeadwaterError } from '../../lib/failure.ts'
import { Patience } from '../../lib/patience.ts'
import type { BlobName, Blobs, LocalCopy, Thread } from '../../ports.ts'
import type { WorkAnswer, WorkQuestion } from './work-messages.ts'

/** Of processor time; the largest allowed index (256 MB) takes some 6 s. */
const LIMIT_MS = 60_000
/** How often that is looked at. */
const LOOK_MS = 1_000
/** A thread that only waits, for a processor that others have or for a slow disk, is waited for, but not for ever. */
const LONGEST_MS = 15 * 60_000
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
  /** Processor time that one piece of work may take, milliseconds, a start of the thread included; 60,000 unless said otherwise. */
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
  #watch: Watch | undefined
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
    this.#watch?.stop()
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
    const limitMs = this.#deps.limitMs ?? LIMIT_MS
    this.#watch = new Watch(this.#worker, limitMs, () => this.#lose('index_too_slow', 'it took too long'))
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
    this.#watch?.stop()
    const waiting = this.#queue.shift()
    if ('failure' in answer) {
      const { code, sentence, facts } = answer.failure
      waiting?.reject(new HeadwaterError(code, sentence, { facts }))
    } else waiting?.resolve(answer.result)
    this.#sendFirst()
  }

  /** The thread is lost; so is the work it was at, which is the only one that can have caused it. */
  #lose(code: 'index_too_slow' | 'index_unreadable', why: string): void {
    this.#watch?.stop()
    const worker = this.#worker
    this.#worker = undefined
    void worker?.terminate()
    this.#queue.shift()?.reject(new HeadwaterError(code, `The file's index could not be read: ${why}.`))
    this.#sendFirst()
  }
}

/** Strikes when the thread has used up its processor time for a piece of work, or does not come back at all. */
class Watch {
  readonly #worker: Worker
  readonly #limitMs: number
  readonly #strike: () => void
  readonly #looks: NodeJS.Timeout
  readonly #longest: Patience
  readonly #beforeMs: Promise<number>
  #stopped = false

  constructor(worker: Worker, limitMs: number, strike: () => void) {
    this.#worker = worker
    this.#limitMs = limitMs
    this.#strike = strike
    this.#beforeMs = this.#usedMs()
    this.#looks = setInterval(() => void this.#look(), Math.min(LOOK_MS, limitMs))
    this.#longest = new Patience(LONGEST_MS, () => this.#late())
  }

  stop(): void {
    this.#stopped = true
    clearInterval(this.#looks)
    this.#longest.stop()
  }

  async #look(): Promise<void> {
    const usedMs = (await this.#usedMs()) - (await this.#beforeMs)
    if (usedMs >= this.#limitMs && !this.#stopped) this.#late()
  }

  #late(): void {
    this.stop()
    this.#strike()
  }

  /** Processor time of the thread so far; 0 when it has ended meanwhile. */
  async #usedMs(): Promise<number> {
    const used = await this.#worker.cpuUsage().catch(() => ({ user: 0, system: 0 }))
    return (used.user + used.system) / 1000
  }
}
