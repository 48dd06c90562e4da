/** Ranges of blobs, and bytes of which only some are there. */

import type { ByteSource } from '../../media/isobmff/movie.ts'

/** Bytes `[start, end)` of a blob that has a number. */
export type Piece = { readonly blob: number; readonly start: number; readonly end: number }

/** Bytes `[start, end)` of what the pieces are together. */
export function slicePieces(pieces: readonly Piece[], start: number, end: number): Piece[] {
  const sliced: Piece[] = []
  let position = 0
  for (const piece of pieces) {
    const from = Math.max(piece.start, piece.start + start - position)
    const to = Math.min(piece.end, piece.start + end - position)
    if (from < to) sliced.push({ blob: piece.blob, start: from, end: to })
    position += piece.end - piece.start
  }
  return sliced
}

/** A file of which only some stretches are known; the others read as zeros, and nobody looks at them. */
export class SparseBytes implements ByteSource {
  readonly #starts: number[] = []
  readonly #stretches: Uint8Array[] = []
  #sizeBytes = 0

  get sizeBytes(): number {
    return this.#sizeBytes
  }

  /** Appends `bytes`, and a gap after them. */
  add(bytes: Uint8Array, gapBytes: number): void {
    this.#starts.push(this.#sizeBytes)
    this.#stretches.push(bytes)
    this.#sizeBytes += bytes.byteLength + gapBytes
  }

  read(target: Uint8Array, position: number): Promise<number> {
    const end = Math.min(position + target.byteLength, this.#sizeBytes)
    const length = Math.max(0, end - position)
    target.fill(0, 0, length)
    for (let at = this.#stretchAt(position); at < this.#starts.length; at += 1) {
      const start = this.#starts[at] ?? 0
      if (start >= end) break
      const bytes = this.#stretches[at]?.subarray(Math.max(0, position - start), Math.max(0, end - start))
      if (bytes !== undefined) target.set(bytes, Math.max(0, start - position))
    }
    return Promise.resolve(length)
  }

  /** The last stretch that begins at or before `position`. */
  #stretchAt(position: number): number {
    let low = 0
    let high = this.#starts.length
    while (high - low > 1) {
      const middle = Math.floor((low + high) / 2)
      if ((this.#starts[middle] ?? 0) <= position) low = middle
      else high = middle
    }
    return low
  }
}
