/** Whether the bytes that an index calls a picture look like one: NAL units behind their lengths (ISO/IEC 14496-15 §4.3.3). */

import type { ByteSource } from './movie.ts'

/** A picture of this many units is believed without looking at the rest. */
const MOST_UNITS = 64

/** Whether the sample at `offset` consists of whole H.264 NAL units behind lengths of `lengthSize` bytes. Some small reads. */
export async function holdsUnits(
  source: ByteSource,
  sample: { readonly offset: number; readonly size: number },
  lengthSize: number,
): Promise<boolean> {
  const end = sample.offset + sample.size
  let position = sample.offset
  for (let unit = 0; unit < MOST_UNITS && position < end; unit += 1) {
    const head = new Uint8Array(lengthSize + 1)
    if (position + head.byteLength > end) return false
    if ((await source.read(head, position)) < head.byteLength) return false
    const length = head.subarray(0, lengthSize).reduce((value, byte) => value * 256 + byte, 0)
    const header = head[lengthSize] ?? 0
    position += lengthSize + length
    // ITU-T H.264 §7.4.1: the first bit is 0; types 0 and 24 to 31 are nobody's.
    if (length === 0 || position > end || header & 0x80 || !isUsed(header & 31)) return false
  }
  return true
}

function isUsed(type: number): boolean {
  return type > 0 && type < 24
}
