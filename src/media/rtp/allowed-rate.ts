/**
 * How much a publisher may send, by what of it is lost: the loss-based half of draft-ietf-rmcat-gcc-02 §6. What was lost and
 * came when it was asked for again counts as come, so that a line which loses packets by chance is not taken for a narrow one.
 */

/** Share of packets lost that a line without a queue too many has anyway: below it there is room for more. */
const LITTLE_LOSS = 0.02
/** Above it the line carries less than is sent. */
const MUCH_LOSS = 0.1
/** In half a second, however many reports that is: on a narrow line packets, and so reports that tell something, are few. */
const RAISE = 1.05
const RAISE_MS = 500
/** Fewer packets tell nothing, one lost of five is no twenty per cent: they are looked at together with the next. */
const LEAST_PACKETS = 20

/** What came of the pictures since the last report. */
export type Arrived = {
  /** How many packets were sent, and how many of them are missing. */
  readonly expected: number
  readonly lost: number
  /** Of the packets that came. */
  readonly bytes: number
  /** Over which they came. */
  readonly elapsedMs: number
}

const NOTHING: Arrived = { expected: 0, lost: 0, bytes: 0, elapsedMs: 0 }

export class AllowedRate {
  readonly #bounds: { readonly leastBps: number; readonly mostBps: number }
  #bps: number
  #since: Arrived = NOTHING

  /** Begins with the most: a good line is not to be waited for. */
  constructor(bounds: { readonly leastBps: number; readonly mostBps: number }) {
    this.#bounds = bounds
    this.#bps = bounds.mostBps
  }

  /** Bits a second, after what `arrived` tells. */
  next(arrived: Arrived): number {
    const since = this.#since
    const expected = since.expected + arrived.expected
    const lost = since.lost + arrived.lost
    const bytes = since.bytes + arrived.bytes
    const elapsedMs = since.elapsedMs + arrived.elapsedMs
    if (expected < LEAST_PACKETS) {
      this.#since = { expected, lost, bytes, elapsedMs }
      return this.#bps
    }
    this.#since = NOTHING
    const share = Math.max(0, lost) / expected
    if (share < LITTLE_LOSS) this.#bps *= RAISE ** (elapsedMs / RAISE_MS)
    else if (share > MUCH_LOSS) {
      // What came through is what the line carries; a share of what was allowed, but not used, would be no less.
      const carriedBps = (bytes * 8_000) / Math.max(1, elapsedMs)
      this.#bps = Math.min(this.#bps, carriedBps) * (1 - share / 2)
    }
    this.#bps = Math.round(Math.max(this.#bounds.leastBps, Math.min(this.#bounds.mostBps, this.#bps)))
    return this.#bps
  }
}
