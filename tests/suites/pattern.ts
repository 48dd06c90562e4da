/** Bytes that tell where they belong. */

/** Bytes `[position, position + length)` of an endless run that repeats in no block size of ours. */
export function patternBytes(position: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length)
  for (let index = 0; index < length; index++) {
    const at = position + index
    bytes[index] = (at ^ (at >>> 8) ^ (at >>> 16)) & 0xff
  }
  return bytes
}
