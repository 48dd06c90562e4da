/** One SRT connection, as the server sees it. */

import { HeadwaterError } from '../../lib/failure.ts'
import type { SrtStatistics } from './handshake.ts'
import { MOST_BODY_BYTES } from './frames.ts'

/** How a connection ended, and what libsrt counted. */
export type SrtEnd = {
  readonly how: 'clean' | 'lost'
  readonly statistics: SrtStatistics | undefined
}

/** What it needs of its process. */
export type ConnectionDeps = {
  receive(): void
  send(bytes: Uint8Array): boolean
  hangUp(): void
  forget(): void
}

/** What its owner is told. */
export type ConnectionListener = {
  data?(bytes: Uint8Array): void
  /** What was sent last found no room, and was dropped. */
  full?(): void
  /** It is over, by whatever cause but our own `hangUp`. */
  closed(end: SrtEnd): void
}

/** A connection; over when it was hung up or its owner was told that it closed. */
export class Connection {
  readonly #deps: ConnectionDeps
  readonly #opened = Promise.withResolvers<void>()
  #listener: ConnectionListener | undefined
  #end: SrtEnd | undefined
  #isOver = false

  constructor(deps: ConnectionDeps) {
    this.#deps = deps
    this.#opened.promise.catch(() => undefined)
  }

  /** For a connection that we made: resolves when the far end has taken it. Throws `fetch_failed`. */
  get opened(): Promise<void> {
    return this.#opened.promise
  }

  /** Who is told from now on; with `data` what the far end sends is read. */
  listen(listener: ConnectionListener): void {
    this.#listener = listener
    if (this.#end !== undefined) listener.closed(this.#end)
    else if (listener.data !== undefined) this.#deps.receive()
  }

  /** Whole packets. Answers whether there was room for them. */
  send(bytes: Uint8Array): boolean {
    if (this.#isOver) return false
    for (let at = 0; at < bytes.byteLength; at += SENT_BYTES) {
      if (!this.#deps.send(bytes.subarray(at, at + SENT_BYTES))) return false
    }
    return true
  }

  /** Ends it; the far end is told, the listener is not. */
  hangUp(): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#deps.hangUp()
    this.#deps.forget()
    this.#opened.reject(new HeadwaterError('fetch_failed', 'The connection was given up.'))
  }

  /** From its process: the far end has taken it. */
  tellOpened(): void {
    this.#opened.resolve()
  }

  /** From its process. */
  tellData(bytes: Uint8Array): void {
    if (!this.#isOver) this.#listener?.data?.(bytes)
  }

  /** From its process. */
  tellFull(): void {
    if (!this.#isOver) this.#listener?.full?.()
  }

  /** From its process. */
  tellClosed(said: Readonly<Record<string, unknown>>): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#deps.forget()
    const reason = typeof said.reason === 'string' && said.reason !== '' ? said.reason : 'it does not answer'
    this.#opened.reject(
      new HeadwaterError('fetch_failed', `The SRT server did not take the connection: ${reason}.`, {
        facts: { mayPass: true },
      }),
    )
    this.#end = {
      how: said.how === 'clean' ? 'clean' : 'lost',
      statistics: said.statistics as SrtStatistics | undefined,
    }
    this.#listener?.closed(this.#end)
  }
}

/** A multiple of the messages that are sent, within what a frame may hold. */
const SENT_BYTES = 1_316 * Math.floor(MOST_BODY_BYTES / 1_316)
