/** Where the payload of one of our own segments begins: everything before it says what is in it. */

import { malformed } from '../isobmff/read-boxes.ts'

/** Bytes that hold the head of nearly every segment. */
export const USUAL_HEAD_BYTES = 8_192

/**
 * The number of bytes before the payload of the first `mdat`; or, where `first` ends earlier, how many are needed to
 * tell (more than it has). Throws `mp4_box_too_short` for what is no segment.
 */
export function findPayload(
  first: Uint8Array,
): { readonly headBytes: number } | { readonly needBytes: number } {
  const view = new DataView(first.buffer, first.byteOffset, first.byteLength)
  for (let position = 0; ; ) {
    if (position + 8 > view.byteLength) return { needBytes: position + 8 }
    const size = view.getUint32(position)
    // §4.2: 1 = a 64-bit size follows.
    if (view.getUint32(position + 4) === MDAT) return { headBytes: position + (size === 1 ? 16 : 8) }
    if (size < 8) throw malformed('mp4_box_too_short', 'a segment', `has a box of ${size} bytes`)
    position += size
  }
}

/** `mdat` as a number. */
const MDAT = 0x6d646174
