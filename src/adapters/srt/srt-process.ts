/**
 * Keeps the SRT process alive: started when first needed, and again when it has ended without being told to, after a pause
 * that grows with every life that was short. A crash of the server ends it with its pipes; nothing is left behind.
 */

import { setTimeout as sleep } from 'node:timers/promises'
import { HeadwaterError } from '../../lib/failure.ts'
import type { Log } from '../../lib/log.ts'
import type { Connection } from './connection.ts'
import { type SrtCallers, type SrtFound, SrtLife, type SrtTarget } from './life.ts'

/** What has to be installed where the library is missing. */
export const SRT_PACKAGE = 'libsrt1.5-gnutls'

const FIRST_PAUSE_MS = 200
const LONGEST_PAUSE_MS = 10_000
/** A life this long counts as a good one. */
const GOOD_LIFE_MS = 60_000

type SrtProcessDeps = {
  readonly callers: SrtCallers
  readonly environment: Readonly<Record<string, string>>
  readonly log: Log
}

/** The keeper. */
export class SrtProcess {
  readonly #deps: SrtProcessDeps
  readonly #stopping = new AbortController()
  #life: SrtLife | undefined
  #listener: { host: string; port: number } | undefined
  #found: Promise<SrtFound> | undefined
  #pauseMs = FIRST_PAUSE_MS

  constructor(deps: SrtProcessDeps) {
    this.#deps = deps
  }

  /** Starts the process unless it runs; answers what it found. */
  start(): Promise<SrtFound> {
    this.#found ??= this.#begin().found
    return this.#found
  }

  /** Of the process at this moment, for tests that kill it. */
  get pid(): number | undefined {
    return this.#life?.pid
  }

  /** Listens now and in every later life; answers the port. Throws `setting_invalid`. */
  async listen(host: string, port: number): Promise<number> {
    await this.start()
    const given = await this.#current().listen(host, port)
    this.#listener = { host, port: given }
    return given
  }

  /** Connects to another server. Throws `fetch_failed`, or the abort reason. */
  async dial(target: SrtTarget, signal: AbortSignal): Promise<Connection> {
    const found = await this.start()
    if ('missing' in found) {
      throw new HeadwaterError('fetch_failed', `SRT needs the package ${SRT_PACKAGE}: ${found.missing}.`, {
        facts: { mayPass: false },
      })
    }
    return await this.#current().dial(target, signal)
  }

  /** Ends the process, and does not start it again. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#life?.stop()
  }

  #current(): SrtLife {
    if (this.#life !== undefined && !this.#stopping.signal.aborted) return this.#life
    throw new HeadwaterError('fetch_failed', 'The SRT process is being started again; try again soon.', {
      facts: { mayPass: true },
    })
  }

  #begin(): SrtLife {
    const { callers, environment } = this.#deps
    const startedMs = performance.now()
    const life = new SrtLife(callers, environment)
    this.#life = life
    void life.ended.then(() => this.#again(life, performance.now() - startedMs))
    return life
  }

  async #again(life: SrtLife, livedMs: number): Promise<void> {
    if (this.#stopping.signal.aborted) return
    this.#life = undefined
    this.#pauseMs = livedMs >= GOOD_LIFE_MS ? FIRST_PAUSE_MS : Math.min(this.#pauseMs * 2, LONGEST_PAUSE_MS)
    this.#deps.log.error(
      { words: life.words, pauseMs: this.#pauseMs },
      'the SRT process has ended, it is started again',
    )
    await sleep(this.#pauseMs, undefined, { signal: this.#stopping.signal }).catch(() => undefined)
    if (this.#stopping.signal.aborted) return
    const next = this.#begin()
    const listener = this.#listener
    if (listener === undefined) return
    try {
      await next.listen(listener.host, listener.port)
    } catch (error) {
      this.#deps.log.error({ err: error }, 'SRT does not listen')
      // Its port may be free again in its next life.
      await next.stop()
    }
  }
}
