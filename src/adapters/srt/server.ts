/** Broadcasts published and played by SRT: the `LiveServer` on its UDP port. */

import { isFailure } from '../../lib/failure.ts'
import type { Log } from '../../lib/log.ts'
import type { LiveDoor, LiveServer } from '../../live-ports.ts'
import type { Connection } from './connection.ts'
import { FeedWriter } from './feed-writer.ts'
import { SrtGate } from './gate.ts'
import { type HandshakeAnswer, REJECT } from './handshake.ts'
import type { SrtCaller, SrtCallers } from './life.ts'
import { startPublisher } from './publisher.ts'

/** Each costs libsrt up to some ten megabytes. */
const MOST_CONNECTIONS = 500

export type SrtServerDeps = { readonly door: LiveDoor; readonly log: Log }

/** Lets callers in, and serves them. */
export class SrtCallerDesk implements SrtCallers {
  readonly #deps: SrtServerDeps
  readonly #gate: SrtGate
  /** What ends each connection from our side. */
  readonly #cuts = new Set<() => void>()
  #isClosed = false

  constructor(deps: SrtServerDeps) {
    this.#deps = deps
    this.#gate = new SrtGate(deps.door)
  }

  async ask(caller: SrtCaller): Promise<HandshakeAnswer> {
    if (this.#isClosed || this.#cuts.size >= MOST_CONNECTIONS) return { reject: REJECT.overload }
    return await this.#gate.answer(caller)
  }

  opened(connection: Connection, caller: SrtCaller): void {
    void this.#serve(connection, caller).catch((error: unknown) => {
      connection.hangUp()
      const { streamId: _, ...facts } = caller
      if (isFailure(error) && error.kind === 'caller') {
        this.#deps.log.info({ ...facts, code: error.code }, 'SRT caller turned away')
      } else this.#deps.log.error({ ...facts, err: error }, 'an SRT caller could not be served')
    })
  }

  /** Ends every connection. */
  close(): void {
    this.#isClosed = true
    for (const cut of this.#cuts) cut()
  }

  async #serve(connection: Connection, { streamId, remote }: SrtCaller): Promise<void> {
    const admitted = await this.#gate.admit(streamId)
    if (admitted === undefined || this.#isClosed) return connection.hangUp()
    if (admitted.purpose === 'publish') await this.#publish(connection, admitted.key, remote)
    else await this.#play(connection, admitted.key, remote)
  }

  async #publish(connection: Connection, key: string, remote: string): Promise<void> {
    const { door, log } = this.#deps
    // Whoever publishes may be cut before anything has come.
    let cut = (): void => connection.hangUp()
    const publishing = await door.publish({ protocol: 'srt', key, remote, onCut: () => cut() })
    const publisher = startPublisher({
      connection,
      publishing,
      log,
      remote,
      onEnd: () => void this.#cuts.delete(cutNow),
    })
    const cutNow = (): void => publisher.cut()
    cut = cutNow
    this.#cuts.add(cutNow)
    if (this.#isClosed) cutNow()
  }

  async #play(connection: Connection, key: string, remote: string): Promise<void> {
    const { door, log } = this.#deps
    let leave = (): void => undefined
    const cut = (): void => {
      this.#cuts.delete(cut)
      leave()
      connection.hangUp()
    }
    const caller = { protocol: 'srt', key, remote, onCut: cut } as const
    const feed = await door.play(caller, { video: ['avc'], audio: ['aac'] })
    if (this.#isClosed) return cut()
    const writer = new FeedWriter({ send: (bytes) => connection.send(bytes), end: cut })
    this.#cuts.add(cut)
    log.info({ remote }, 'SRT player')
    connection.listen({
      full: () => writer.tellFull(),
      closed: ({ statistics }) => {
        log.info({ remote, ...statistics }, 'SRT player gone')
        cut()
      },
    })
    leave = feed.listen(writer)
  }
}

/** Where it listens at this moment; `off`: why nowhere, unless nothing was asked for. */
export type SrtPlace = { port: number | null; off: string | null }

/**
 * The server over a desk that listens at `place`, which may change. Closing it ends the connections of callers; the process
 * goes on, since outputs may still be sent.
 */
export function createSrtServer(desk: SrtCallerDesk, place: Readonly<SrtPlace>): LiveServer {
  return {
    get ports(): Record<string, number> {
      return place.port === null ? {} : { srt: place.port }
    },
    get off(): Record<string, string> {
      return place.off === null ? {} : { srt: place.off }
    },
    close: async () => desk.close(),
  }
}
