/**
 * The far side of `sqlite-thread.ts`: one SQLite connection, run in a worker thread, because a durable commit waits for
 * the disk (1 ms, up to 140 ms beside busy writers) and the event loop must not.
 *
 * The writing thread also holds the folder's lock: an exclusive transaction on an empty database file beside the real
 * one. It is a lock of the operating system on an open file, so it dies with the process, whatever kills it; the file
 * that stays behind means nothing.
 */

import { DatabaseSync, type SQLInputValue, type SQLOutputValue, type StatementSync } from 'node:sqlite'
import { type MessagePort, parentPort, workerData } from 'node:worker_threads'

/** What the thread is started with. */
export type SqliteWorkerData = {
  readonly file: string
  /** The writer takes this lock before it opens `file`; null for a reading connection. */
  readonly lockFile: string | null
}

/** One statement; `rollback` is only sent to SQLite while a transaction is open. */
export type SqliteRequest = { readonly sql: string; readonly parameters: readonly unknown[] }

/** Rows travel as arrays beside one list of column names: half the cost of cloning objects. */
export type SqliteReply =
  | { readonly ok: 'rows'; readonly columns: readonly string[]; readonly rows: readonly SQLOutputValue[][] }
  | { readonly ok: 'changed'; readonly changes: number; readonly lastId: number }
  | { readonly ok: 'failed'; readonly message: string; readonly resultCode: number | null }

/** Requests of one batch are answered in order by one message. The first message says how opening went. */
export type SqliteFromWorker = { readonly opened: SqliteReply } | { readonly replies: readonly SqliteReply[] }
export type SqliteToWorker = { readonly requests: readonly SqliteRequest[] } | 'open' | 'close'

type Prepared = { readonly statement: StatementSync; readonly columns: readonly string[] }

/** Compiled statements kept per connection; our queries have some hundred shapes, lists of values make more. */
const STATEMENTS_KEPT = 500

class Connection {
  readonly #database: DatabaseSync
  readonly #lock: DatabaseSync | null
  readonly #prepared = new Map<string, Prepared>()

  constructor(options: SqliteWorkerData) {
    this.#lock = options.lockFile === null ? null : takeLock(options.lockFile)
    this.#database = new DatabaseSync(options.file, { readOnly: options.lockFile === null, timeout: 5_000 })
    // WAL lets readers go on beside the writer; FULL syncs the log on every commit, which is what a 204 promises.
    if (options.lockFile !== null) this.#database.exec('pragma journal_mode = wal; pragma synchronous = full')
    this.#database.exec('pragma foreign_keys = on; pragma cache_size = -65536; pragma temp_store = memory')
  }

  run(request: SqliteRequest): SqliteReply {
    try {
      return this.#run(request)
    } catch (error) {
      return failed(error)
    }
  }

  close(): void {
    this.#database.close()
    this.#lock?.close()
  }

  #run({ sql, parameters }: SqliteRequest): SqliteReply {
    // Some failures, a full disk among them, make SQLite roll back by itself.
    if (sql === 'rollback' && !this.#database.isTransaction) return { ok: 'changed', changes: 0, lastId: 0 }
    const { statement, columns } = this.#prepare(sql)
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- `sqlite-thread.ts` lets only such values through
    const values = parameters as SQLInputValue[]
    if (columns.length > 0) {
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what `setReturnArrays` makes of rows
      return { ok: 'rows', columns, rows: statement.all(...values) as unknown as SQLOutputValue[][] }
    }
    const { changes, lastInsertRowid } = statement.run(...values)
    return { ok: 'changed', changes: Number(changes), lastId: Number(lastInsertRowid) }
  }

  #prepare(sql: string): Prepared {
    const known = this.#prepared.get(sql)
    if (known !== undefined) {
      this.#prepared.delete(sql)
      this.#prepared.set(sql, known)
      return known
    }
    const statement = this.#database.prepare(sql)
    statement.setReturnArrays(true)
    const prepared = { statement, columns: statement.columns().map((column) => column.name) }
    this.#prepared.set(sql, prepared)
    const oldest = this.#prepared.keys().next().value
    if (this.#prepared.size > STATEMENTS_KEPT && oldest !== undefined) this.#prepared.delete(oldest)
    return prepared
  }
}

function takeLock(file: string): DatabaseSync {
  const lock = new DatabaseSync(file, { timeout: 0 })
  try {
    lock.exec('begin exclusive')
    return lock
  } catch (error) {
    lock.close()
    throw error
  }
}

function failed(error: unknown): SqliteReply {
  const message = error instanceof Error ? error.message : String(error)
  const code = error instanceof Error && 'errcode' in error ? error.errcode : null
  return { ok: 'failed', message, resultCode: typeof code === 'number' ? code : null }
}

function serve(port: MessagePort, options: SqliteWorkerData): void {
  let connection: Connection | undefined
  const say = (message: SqliteFromWorker) => port.postMessage(message)
  port.on('message', (message: SqliteToWorker) => {
    if (message === 'open') {
      try {
        connection = new Connection(options)
        say({ opened: { ok: 'changed', changes: 0, lastId: 0 } })
      } catch (error) {
        say({ opened: failed(error) })
      }
    } else if (message === 'close') {
      connection?.close()
      port.close()
    } else if (connection !== undefined) {
      const open = connection
      say({ replies: message.requests.map((request) => open.run(request)) })
    }
  })
}

if (parentPort !== null) {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- set by `sqlite-thread.ts`, the only starter
  serve(parentPort, workerData as SqliteWorkerData)
}
