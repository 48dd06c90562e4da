/** Milliseconds modulo 2^32, as RTMP counts, as numbers that go on beyond: fifty days are a short broadcast for a camera. */

const TURN = 2 ** 32

/** One clock for all that one publisher sends. */
export class UnwrappedTime {
  #last: number | undefined

  /** The time nearest to the last one that is `timestamp` modulo 2^32; it may lie before it. */
  unwrap(timestamp: number): number {
    const last = this.#last ?? timestamp
    // The difference as a signed number of 32 bits.
    const time = last + ((timestamp - (last % TURN)) | 0)
    this.#last = time >= 0 ? time : timestamp
    return this.#last
  }
}
