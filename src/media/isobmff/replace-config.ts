/** A sample entry with another decoder configuration (ISO/IEC 14496-12 §12.1.3). */

import { childBoxes, malformed } from './read-boxes.ts'
import { box, concatBytes } from './write-boxes.ts'

/** The `avcC` of an `avc1` entry. Throws `mp4_box_missing`. */
export function readAvcConfigBox(entry: Uint8Array): Uint8Array {
  for (const child of childBoxes(entry, FIELDS_BYTES, entry.byteLength, { tolerant: true })) {
    if (child.type === 'avcC') return entry.subarray(child.bodyStart, child.end)
  }
  throw malformed('mp4_box_missing', "'avc1'", "has no 'avcC'")
}

/** Fields of a VisualSampleEntry, with the header of its box. */
const FIELDS_BYTES = 86

/** The `avc1` entry with `avcC` in place of its own; its other boxes (colours, pixel shape) stay. Throws `mp4_box_missing`. */
export function replaceAvcConfig(entry: Uint8Array, avcC: Uint8Array): Uint8Array {
  const children: Uint8Array[] = []
  for (const child of childBoxes(entry, FIELDS_BYTES, entry.byteLength, { tolerant: true })) {
    children.push(child.type === 'avcC' ? box('avcC', avcC) : entry.subarray(child.start, child.end))
  }
  return box('avc1', entry.subarray(8, FIELDS_BYTES), concatBytes(children))
}
