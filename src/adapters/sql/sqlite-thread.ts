/**
 * One SQLite connection in a thread of its own, seen from the event loop. Statements that are issued in the same turn
 * travel as one message, and are answered by one.
 *
 * Owns a worker thread, which owns the open database (and the writer the folder's lock). A crash leaves nothing but the
 * database's own log, which SQLite replays when the file is opened next.
 */

import { Worker } from 'node:worker_threads'
import { HeadwaterError } from '../../lib/failure.ts'
import type {
  SqliteFromWorker,
  SqliteReply,
  SqliteRequest,
  SqliteToWorker,
  SqliteWorkerData,
} from './sqlite-worker.ts'

/** Primary result codes of SQLite that have a meaning of their own for us (sqlite.org/rescode.html). */
const SQLITE_BUSY = 5
const SQLITE_FULL = 13
/** Locked by another program (5, 6), read-only (8), or not to be written or opened (10, 14). */
const REFUSALS: ReadonlySet<number> = new Set([SQLITE_BUSY, 6, 8, 10, 14])

/** A statement that SQLite refused; `resultCode` is its extended result code. */
export class SqliteError extends Error {
  readonly resultCode: number | null

  constructor(message: string, options: { sql: string; resultCode: number | null }) {
    super(`SQLite: ${message} (in: ${options.sql.slice(0, 500)})`)
    this.name = 'SqliteError'
    this.resultCode = options.resultCode
  }
}

type Waiting = {
  readonly sql: string
  resolve(reply: Exclude<SqliteReply, { ok: 'failed' }>): void
  reject(error: Error): void
}

export class SqliteThread {
  readonly #options: SqliteWorkerData
  readonly #worker: Worker
  readonly #exited: Promise<void>
  readonly #waiting: Waiting[] = []
  #batch: SqliteRequest[] = []
  #opening: { resolve(): void; reject(error: Error): void } | undefined
  #ended: Error | undefined

  /** Starts the thread; nothing is opened yet, so two threads can start at once. */
  constructor(options: SqliteWorkerData) {
    this.#options = options
    // No flags of the parent (a test runner's, a debugger's) reach the thread.
    this.#worker = new Worker(new URL('./sqlite-worker.ts', import.meta.url), {
      workerData: options,
      execArgv: [],
      name: options.lockFile === null ? 'sqlite-reader' : 'sqlite-writer',
    })
    this.#worker.on('message', (message: SqliteFromWorker) => this.#receive(message))
    this.#worker.on('error', (error) => this.#end(error instanceof Error ? error : new Error(String(error))))
    this.#exited = new Promise((resolve) => {
      this.#worker.once('exit', () => {
        this.#end(new Error('the database is closed'))
        resolve()
      })
    })
  }

  /** Opens the database. Throws `folder_in_use` when another process (or this one) holds the lock. */
  open(): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#ended !== undefined) return reject(this.#ended)
      this.#opening = { resolve, reject }
      this.#post('open')
    })
  }

  /** Runs one statement; in the order of the calls. Throws `disk_full` or `SqliteError`. */
  run(sql: string, parameters: readonly unknown[]): Promise<Exclude<SqliteReply, { ok: 'failed' }>> {
    return new Promise((resolve, reject) => {
      if (this.#ended !== undefined) return reject(this.#ended)
      if (this.#batch.length === 0) queueMicrotask(() => this.#flush())
      this.#batch.push({ sql, parameters: parameters.map(sqliteValue) })
      this.#waiting.push({ sql, resolve, reject })
    })
  }

  /** Closes the database after the statements already issued, and lets the lock go. */
  async close(): Promise<void> {
    if (this.#ended === undefined) {
      this.#flush()
      this.#post('close')
    }
    await this.#exited
  }

  #flush(): void {
    if (this.#batch.length === 0) return
    const requests = this.#batch
    this.#batch = []
    this.#post({ requests })
  }

  #post(message: SqliteToWorker): void {
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
    this.#worker.postMessage(message)
  }

  #receive(message: SqliteFromWorker): void {
    if ('opened' in message) {
      const opening = this.#opening
      this.#opening = undefined
      if (message.opened.ok === 'failed') opening?.reject(this.#refusal(message.opened, 'open'))
      else opening?.resolve()
      return
    }
    for (const reply of message.replies) {
      const waiting = this.#waiting.shift()
      if (reply.ok === 'failed') waiting?.reject(this.#refusal(reply, waiting.sql))
      else waiting?.resolve(reply)
    }
  }

  #refusal(reply: Extract<SqliteReply, { ok: 'failed' }>, sql: string): Error {
    const primary = (reply.resultCode ?? 0) & 0xff
    if (primary === SQLITE_BUSY && sql === 'open') {
      return new HeadwaterError(
        'folder_in_use',
        `The database ${this.#options.file} is in use by another running Headwater; stop that one first, or give this one a folder of its own.`,
        { facts: { file: this.#options.file } },
      )
    }
    const error = new SqliteError(reply.message, { sql, resultCode: reply.resultCode })
    if (primary === SQLITE_FULL) {
      return new HeadwaterError('disk_full', 'The disk that holds the database is full; free some space.', {
        cause: error,
      })
    }
    if (!REFUSALS.has(primary)) return error
    return new HeadwaterError(
      'database_refuses',
      `The database takes no changes (${reply.message}); the log of the server says more.`,
      { cause: error },
    )
  }

  #end(error: Error): void {
    this.#ended ??= error
    this.#opening?.reject(this.#ended)
    this.#opening = undefined
    for (const waiting of this.#waiting.splice(0)) waiting.reject(this.#ended)
  }
}

/** SQLite knows neither booleans nor `undefined`; a view into a larger buffer would be cloned with all of it. */
function sqliteValue(value: unknown): unknown {
  if (typeof value === 'boolean') return value ? 1 : 0
  if (value === undefined) return null
  if (value instanceof Uint8Array && value.byteLength !== value.buffer.byteLength)
    return new Uint8Array(value)
  return value
}
