/**
 * The least pace of a body. An upload that goes on may take hours; one that brings a byte a minute holds a connection, a
 * lock and a file for as long as it likes, and the limit for silence never sees it. Time in which nobody here reads does
 * not count.
 */

import type { IncomingMessage } from 'node:http'
import type { Clock } from '../ports.ts'

/** A body brings at least `bytes` in every `withinMs`. */
export type Pace = { readonly bytes: number; readonly withinMs: number }

/** Slower than any line that somebody uploads a film over; the time is that of the limit for silence. */
export const LEAST_PACE: Pace = { bytes: 32_768, withinMs: 120_000 }

/** How often within `withinMs` is looked. */
const LOOKS = 4

type Watched = { sinceMs: number; bytesThen: number }

/** Watches the bodies that are under way, with one timer while there are any. */
export class BodyPace {
  readonly pace: Pace
  readonly #clock: Clock
  readonly #onSlow: (incoming: IncomingMessage) => void
  readonly #watched = new Map<IncomingMessage, Watched>()
  #timer: NodeJS.Timeout | undefined

  /** `onSlow` is told of each body that is too slow, once. */
  constructor(pace: Pace, clock: Clock, onSlow: (incoming: IncomingMessage) => void) {
    this.pace = pace
    this.#clock = clock
    this.#onSlow = onSlow
  }

  /** Watches the body of a request, if it has one, to its end; also one that nobody wants any more. */
  watch(incoming: IncomingMessage): void {
    const { headers } = incoming
    if (headers['transfer-encoding'] === undefined && !(Number(headers['content-length']) > 0)) return
    this.#watched.set(incoming, this.#now(incoming))
    this.#timer ??= setInterval(() => this.#look(), this.pace.withinMs / LOOKS).unref()
    incoming.once('close', () => this.#forget(incoming))
  }

  /** Ends the watch over every body. */
  close(): void {
    for (const incoming of this.#watched.keys()) this.#forget(incoming)
  }

  #look(): void {
    const nowMs = this.#clock.monotonicMs()
    for (const [incoming, watched] of this.#watched) {
      if (incoming.complete) this.#forget(incoming)
      else if (isUnread(incoming) || this.#moved(incoming, watched) >= this.pace.bytes) {
        this.#watched.set(incoming, this.#now(incoming))
      } else if (nowMs - watched.sinceMs >= this.pace.withinMs) {
        this.#forget(incoming)
        this.#onSlow(incoming)
      }
    }
  }

  #now(incoming: IncomingMessage): Watched {
    return { sinceMs: this.#clock.monotonicMs(), bytesThen: incoming.socket.bytesRead }
  }

  #moved(incoming: IncomingMessage, { bytesThen }: Watched): number {
    return incoming.socket.bytesRead - bytesThen
  }

  #forget(incoming: IncomingMessage): void {
    this.#watched.delete(incoming)
    if (this.#watched.size > 0) return
    clearInterval(this.#timer)
    this.#timer = undefined
  }
}

/** Whether it is we who do not read: nobody has begun to, or whoever does waits for the disk. */
function isUnread(incoming: IncomingMessage): boolean {
  return incoming.readableFlowing !== true || incoming.isPaused()
}
