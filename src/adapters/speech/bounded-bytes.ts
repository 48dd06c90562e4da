/** What an engine answers, in memory and never more than captions may have. */

/** As much as may be uploaded (`core/captions`). */
export const MAX_ANSWER_BYTES = 10_485_760

/** Gathers the answer. */
export class BoundedBytes {
  readonly #parts: Uint8Array[] = []
  #length = 0

  /** False once it is too much; then nothing more is kept. */
  push(bytes: Uint8Array): boolean {
    this.#length += bytes.byteLength
    if (!this.isOver) this.#parts.push(bytes)
    return !this.isOver
  }

  get isOver(): boolean {
    return this.#length > MAX_ANSWER_BYTES
  }

  bytes(): Uint8Array {
    return new Uint8Array(Buffer.concat(this.#parts))
  }
}
