/**
 * Buffers that answers are read into, used again and again: one allocation of a large buffer costs more than the read
 * it is for. With many answers at once the buffers get smaller, so that a crowd of slow viewers cannot hold much memory.
 */
export class BufferPool {
  readonly #idle = new Map<number, Buffer[]>()
  #lent = 0

  /** A buffer for an answer of `sizeBytes`; its content is whatever was there before. */
  take(sizeBytes: number): Buffer {
    const share = SIZES.find((size) => this.#lent < size.whileLentBelow)?.bytes ?? SMALLEST_BYTES
    const bytes = Math.min(share, SIZES.findLast((size) => size.bytes >= sizeBytes)?.bytes ?? share)
    this.#lent += 1
    return this.#idle.get(bytes)?.pop() ?? Buffer.allocUnsafeSlow(bytes)
  }

  /** Gives a buffer back once nobody reads from it any more; `reusable: false` leaves it to the collector. */
  give(buffer: Buffer, { reusable }: { readonly reusable: boolean }): void {
    this.#lent -= 1
    if (!reusable) return
    const idle = this.#idle.get(buffer.byteLength) ?? []
    this.#idle.set(buffer.byteLength, idle)
    if (idle.length < MOST_IDLE) idle.push(buffer)
  }
}

/** 1 MiB is fastest; the steps keep what is lent below some 100 MiB for a thousand answers at once. */
const SIZES = [
  { bytes: 1024 * 1024, whileLentBelow: 48 },
  { bytes: 256 * 1024, whileLentBelow: 192 },
  { bytes: 64 * 1024, whileLentBelow: Infinity },
] as const
const SMALLEST_BYTES = 64 * 1024
const MOST_IDLE = 16
