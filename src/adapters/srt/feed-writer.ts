/**
 * A broadcast on its way out: units as a transport stream. It begins near what happens now, not with all that came since the
 * latest sync picture: a player shows the first picture it gets, and would stay behind by as much. Who is slow loses what
 * comes up to the next sync picture.
 */

import { type AccessUnit, LIVE_TIMESCALE, type LiveFormat } from '../../media/live/units.ts'
import { TsMuxer } from '../../media/mpegts/mux.ts'
import type { FeedListener } from '../../live-ports.ts'

/** What has come since the latest sync picture is sent if it is no more than this. */
const MOST_BEHIND_TICKS = LIVE_TIMESCALE / 2
/** A picture may be reordered, and the sound be behind it. */
const MOST_WAITING_UNITS = 20_000

/** `send` answers whether there was room; `end` is called when the broadcast has ended. */
export type FeedWriterDeps = { send(bytes: Uint8Array): boolean; end(): void }

/** Listens to one feed. */
export class FeedWriter implements FeedListener {
  readonly #deps: FeedWriterDeps
  readonly #muxer = new TsMuxer()
  /** What is told at once; undefined once that is over. */
  #first: AccessUnit[] | undefined
  #hasPictures = false
  #isWaiting = false
  #hasEnded = false

  constructor(deps: FeedWriterDeps) {
    this.#deps = deps
  }

  format(format: LiveFormat): void {
    if (format.kind === 'video') {
      // Pictures that come after sound has begun: both go on at the first of them.
      if (!this.#hasPictures) this.#isWaiting = true
      this.#hasPictures = true
    }
    this.#muxer.format(format)
    if (this.#first !== undefined || this.#hasBegun) return
    this.#first = []
    setImmediate(() => this.#begin())
  }

  unit(unit: AccessUnit): void {
    if (this.#first === undefined) this.#write(unit)
    else if (this.#first.length < MOST_WAITING_UNITS) this.#first.push(unit)
  }

  gap(): void {
    // Times go on: there is nothing to say.
  }

  /** From the connection: what was sent last was dropped. */
  tellFull(): void {
    this.#isWaiting = this.#hasPictures
  }

  end(): void {
    if (this.#hasEnded) return
    this.#hasEnded = true
    this.#deps.end()
  }

  #hasBegun = false

  #begin(): void {
    const first = this.#first ?? []
    this.#first = undefined
    this.#hasBegun = true
    const behind = (first.at(-1)?.dts ?? 0) - (first[0]?.dts ?? 0)
    if (behind <= MOST_BEHIND_TICKS) for (const unit of first) this.#write(unit)
  }

  #write(unit: AccessUnit): void {
    if (this.#hasEnded) return
    if (this.#isWaiting) {
      if (unit.kind !== 'video' || !unit.isSync) return
      this.#isWaiting = false
    }
    const bytes = this.#muxer.unit(unit)
    if (bytes.byteLength > 0 && !this.#deps.send(bytes)) this.tellFull()
  }
}
