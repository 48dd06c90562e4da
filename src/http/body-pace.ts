/**
 * The least pace of a body. An upload that goes on may take hours; one that brings a byte a minute holds a connection, a
 * lock and a file for as long as it likes, and the limit for silence never sees it. Time in which nobody here reads does
 * not count.
 */

import type { IncomingMessage } from 'node:http'

/** A body brings at least `bytes` in every `withinMs`; one that does not is cut a quarter later. */
export type Pace = { readonly bytes: number; readonly withinMs: number }

/** Slower than any line that somebody uploads a film over; the time is that of the limit for silence. */
export const LEAST_PACE: Pace = { bytes: 32_768, withinMs: 120_000 }

/**
 * How often within `withinMs` is looked. Looks are counted, not milliseconds: after a time in which this process itself
 * stood still there is one look, and then what had come meanwhile is read.
 */
const LOOKS = 4

type Watched = { looks: number; readonly bytesThen: number }

/** Watches the bodies that are under way, with one timer while there are any. */
export class BodyPace {
  readonly pace: Pace
  readonly #onSlow: (incoming: IncomingMessage) => void
  readonly #watched = new Map<IncomingMessage, Watched>()
  #timer: NodeJS.Timeout | undefined

  /** `onSlow` is told of each body that is too slow, once. */
  constructor(pace: Pace, onSlow: (incoming: IncomingMessage) => void) {
    this.pace = pace
    this.#onSlow = onSlow
  }

  /** Watches the body of a request, if it has one, to its end; also one that nobody wants any more. */
  watch(incoming: IncomingMessage): void {
    const { headers } = incoming
    if (headers['transfer-encoding'] === undefined && !(Number(headers['content-length']) > 0)) return
    this.#begin(incoming)
    this.#timer ??= setInterval(() => this.#look(), this.pace.withinMs / LOOKS).unref()
    incoming.once('close', () => this.#forget(incoming))
  }

  /** Ends the watch over every body. */
  close(): void {
    for (const incoming of this.#watched.keys()) this.#forget(incoming)
  }

  #look(): void {
    for (const [incoming, watched] of this.#watched) {
      const moved = incoming.socket.bytesRead - watched.bytesThen
      if (incoming.complete) this.#forget(incoming)
      else if (isUnread(incoming) || moved >= this.pace.bytes) this.#begin(incoming)
      else if (watched.looks < LOOKS) watched.looks += 1
      else {
        this.#forget(incoming)
        this.#onSlow(incoming)
      }
    }
  }

  #begin(incoming: IncomingMessage): void {
    this.#watched.set(incoming, { looks: 0, bytesThen: incoming.socket.bytesRead })
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
