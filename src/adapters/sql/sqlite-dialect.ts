/**
 * Kysely on two SQLite threads: one that writes, one that reads. A select outside a transaction goes to the reader and
 * sees what is committed; everything else takes its turn at the writer. So a long list never waits for a commit's disk,
 * nor a commit for a long list.
 */

import {
  type CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  type Kysely,
  type QueryResult,
  SelectQueryNode,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
  UpdateQueryNode,
} from 'kysely'
import { HeadwaterError, isFailure } from '../../lib/failure.ts'
import { Patience } from '../../lib/patience.ts'
import type { LateReader } from './late-reader.ts'
import type { SqliteThread } from './sqlite-thread.ts'
import type { SqliteReply } from './sqlite-worker.ts'

/** The writer is taken for longer than any of our transactions needs: somebody waits for the one that waits for him. */
const WRITER_WAIT_MS = 30_000

export type SqliteDialectOptions = {
  readonly writer: SqliteThread
  readonly reader: LateReader
  /** Called after each commit. */
  readonly onCommit: () => void
}

/** The dialect; `Kysely.destroy()` closes both threads. */
export function sqliteDialect(options: SqliteDialectOptions): Dialect {
  return {
    createAdapter: () => new ThreadAdapter(),
    createDriver: () => new ThreadDriver(options),
    createQueryCompiler: () => new SqliteQueryCompiler(),
    createIntrospector: (db: Kysely<unknown>) => new SqliteIntrospector(db),
  }
}

class ThreadAdapter extends SqliteAdapter {
  /** Several selects may run beside a transaction; the driver itself keeps writers apart. */
  override get supportsMultipleConnections(): boolean {
    return true
  }

  /** True of SQLite; so a migration is applied wholly or not at all, with one sync. */
  override get supportsTransactionalDdl(): boolean {
    return true
  }
}

class ThreadDriver implements Driver {
  readonly #options: SqliteDialectOptions
  readonly #turns = new WriterTurns()

  constructor(options: SqliteDialectOptions) {
    this.#options = options
  }

  async init(): Promise<void> {}

  async acquireConnection(): Promise<ThreadConnection> {
    return new ThreadConnection(this.#options, this.#turns)
  }

  /** Immediate, so that a transaction which reads first and then writes cannot fail half-way on a stale snapshot. */
  async beginTransaction(connection: ThreadConnection): Promise<void> {
    await connection.begin()
  }

  async commitTransaction(connection: ThreadConnection): Promise<void> {
    try {
      await connection.end('commit')
    } finally {
      // One that failed may have been written all the same.
      this.#options.onCommit()
    }
  }

  async rollbackTransaction(connection: ThreadConnection): Promise<void> {
    await connection.end('rollback')
  }

  async releaseConnection(connection: ThreadConnection): Promise<void> {
    await connection.release()
  }

  async destroy(): Promise<void> {
    // The reader first: the last connection to close folds the log into the database file.
    await this.#options.reader.close()
    await this.#options.writer.close()
  }
}

class ThreadConnection implements DatabaseConnection {
  readonly #options: SqliteDialectOptions
  readonly #turns: WriterTurns
  #letGo: (() => void) | undefined
  #isOpen = false

  constructor(options: SqliteDialectOptions, turns: WriterTurns) {
    this.#options = options
    this.#turns = turns
  }

  async begin(): Promise<void> {
    this.#letGo = await this.#turns.take()
    await this.#turns.watch(this.#options.writer.run('begin immediate', []))
    this.#isOpen = true
  }

  async end(how: 'commit' | 'rollback'): Promise<void> {
    await this.#options.writer.run(how, [])
    this.#isOpen = false
  }

  /** Lets the writer go; a transaction that nobody ended is not left to the next one. */
  async release(): Promise<void> {
    try {
      if (this.#isOpen) await this.end('rollback')
    } finally {
      this.#letGo?.()
      this.#letGo = undefined
    }
  }

  async executeQuery<R>({ sql, parameters, query }: CompiledQuery): Promise<QueryResult<R>> {
    if (this.#letGo !== undefined) return queryResult(await this.#options.writer.run(sql, parameters))
    const reads = SelectQueryNode.is(query)
    const reader = reads ? await this.#options.reader.get({ wait: this.#turns.isTaken }) : undefined
    if (reader !== undefined) return queryResult(await reader.run(sql, parameters))
    const letGo = await this.#turns.take()
    try {
      const reply = await this.#turns.watch(this.#options.writer.run(sql, parameters))
      // What is known of the database stays true after a change that met no row.
      if (!reads && !(UpdateQueryNode.is(query) && changedNothing(reply))) this.#options.onCommit()
      return queryResult(reply)
    } finally {
      letGo()
    }
  }

  /** Rows come at once: a thread's answer is one message. */
  async *streamQuery<R>(query: CompiledQuery): AsyncIterableIterator<QueryResult<R>> {
    yield await this.executeQuery(query)
  }
}

/** First come, first served at the one writing connection. */
class WriterTurns {
  readonly #queue: (() => void)[] = []
  #taken = false
  /** What the database said to the last who had a turn, if it took nothing from him. */
  #refusal: unknown

  /** Whether somebody is writing. */
  get isTaken(): boolean {
    return this.#taken
  }

  /** Passes on what comes of a turn, and remembers a refusal for those who wait behind it. */
  async watch<Reply>(reply: Promise<Reply>): Promise<Reply> {
    try {
      const answer = await reply
      this.#refusal = undefined
      return answer
    } catch (error) {
      if (isFailure(error, 'database_refuses')) this.#refusal = error
      throw error
    }
  }

  /**
   * Waits for its turn; answers how to let go, once. After 30 s it throws `database_refuses`, if that is what those
   * before are told one after the other, else `internal`.
   */
  async take(): Promise<() => void> {
    if (this.#taken) await this.#wait()
    this.#taken = true
    return () => {
      const next = this.#queue.shift()
      if (next === undefined) this.#taken = false
      else next()
    }
  }

  #wait(): Promise<void> {
    return new Promise((resolve, reject) => {
      const turn = () => {
        patience.stop()
        resolve()
      }
      const patience = new Patience(WRITER_WAIT_MS, () => {
        this.#queue.splice(this.#queue.indexOf(turn), 1)
        reject(
          this.#refusal ??
            new HeadwaterError(
              'internal',
              'A write waited 30 s for an open transaction; inside a transaction only its own Trx may be used.',
            ),
        )
      })
      this.#queue.push(turn)
    })
  }
}

function changedNothing(reply: Exclude<SqliteReply, { ok: 'failed' }>): boolean {
  return reply.ok === 'changed' ? reply.changes === 0 : reply.rows.length === 0
}

function queryResult<R>(reply: Exclude<SqliteReply, { ok: 'failed' }>): QueryResult<R> {
  if (reply.ok === 'changed') {
    return { rows: [], numAffectedRows: BigInt(reply.changes), insertId: BigInt(reply.lastId) }
  }
  const { columns } = reply
  const rows = reply.rows.map((values) => {
    const row: Record<string, unknown> = {}
    for (const [index, column] of columns.entries()) row[column] = values[index]
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the row's shape is the query's, by `tables.ts`
    return row as R
  })
  return { rows, numAffectedRows: BigInt(rows.length) }
}
