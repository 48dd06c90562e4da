/** Half-open range of bytes `[start, end)`. */
export type ByteRange = { readonly start: number; readonly end: number }

/** Number of bytes in `range`. */
export function rangeLength(range: ByteRange): number {
  return range.end - range.start
}
