/** Bytes in all of `buffers`. */
export function countBytes(buffers: readonly Uint8Array[]): number {
  return buffers.reduce((sum, buffer) => sum + buffer.byteLength, 0)
}
