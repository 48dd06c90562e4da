/**
 * How often viewers may have a key frame out of turn. Each is some ten times a usual picture for everybody who watches, and
 * begins another segment of HLS and of the recording; and one who asks may do so as often as he likes. Publishers are asked
 * for one every two seconds anyhow, and who comes anew is sent everything since the latest: so what is refused here is
 * waited for two seconds at most, after a loss that could not be sent again.
 */

/** Since the latest one came or was asked for. Servers that only pass on allow one a second, too. */
const LEAST_PAUSE_MS = 1_000
/** So many at once, and then one more each time this has passed, for all viewers of a broadcast together. */
const BURST = 3
const ONE_MORE_MS = 10_000

export class KeyFramePleas {
  #left = BURST
  #countedMs = Number.NEGATIVE_INFINITY

  /** Whether a plea is passed on to the publisher; `latestMs`: when a key frame came last, or was asked for. */
  grants(nowMs: number, latestMs: number): boolean {
    if (nowMs - latestMs < LEAST_PAUSE_MS) return false
    this.#left = Math.min(BURST, this.#left + (nowMs - this.#countedMs) / ONE_MORE_MS)
    this.#countedMs = nowMs
    if (this.#left < 1) return false
    this.#left -= 1
    return true
  }
}
