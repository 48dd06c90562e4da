/** Another place in time for a finished segment: only two fields of its head say where it lies (ISO/IEC 14496-12). */

import { HeadwaterError } from '../../lib/failure.ts'

/** Bytes from a segment's start that hold both fields in every segment we write: `styp`, and the `moof` down to `tfdt`. */
export const STAMP_BYTES = 128

/**
 * The first bytes of a segment (at least `STAMP_BYTES`, or all) as they begin one that lies `shiftTicks` earlier and has
 * the given sequence number. Its samples count from `tfdt`, so nothing else changes. Throws `blob_damaged` for what is no
 * segment of ours (any more).
 */
export function restampHead(
  first: Uint8Array,
  stamp: { readonly shiftTicks: number; readonly sequence: number },
): Uint8Array<ArrayBuffer> {
  const bytes = first.slice()
  const view = new DataView(bytes.buffer)
  // §8.8.5: version, flags, sequence_number.
  view.setUint32(findBox(view, ['moof', 'mfhd']) + 12, stamp.sequence)
  const tfdt = findBox(view, ['moof', 'traf', 'tfdt'])
  // §8.8.12; ours is always version 1 (packaging rule 6).
  if (tfdt + 20 > view.byteLength || view.getUint8(tfdt + 8) !== 1)
    throw damaged('has no decode time of 64 bits')
  const decodeTime = view.getBigUint64(tfdt + 12) - BigInt(stamp.shiftTicks)
  if (decodeTime < 0n) throw damaged('lies before the video that it is shared with')
  view.setBigUint64(tfdt + 12, decodeTime)
  return bytes
}

/** Where the box lies that `path` leads to. */
function findBox(view: DataView, path: readonly string[]): number {
  let position = 0
  for (const [depth, type] of path.entries()) {
    while (position + 20 <= view.byteLength && typeAt(view, position) !== type) {
      const size = view.getUint32(position)
      // A size of nothing would lead nowhere, for ever.
      if (size < 8) throw damaged(`has a box of ${size} bytes`)
      position += size
    }
    if (position + 20 > view.byteLength || typeAt(view, position) !== type) {
      throw damaged(`has no ${path.join('/')}`)
    }
    if (depth < path.length - 1) position += 8
  }
  return position
}

function damaged(how: string): HeadwaterError {
  return new HeadwaterError('blob_damaged', `A stored segment ${how}.`)
}

function typeAt(view: DataView, position: number): string {
  if (position + 8 > view.byteLength) return ''
  return String.fromCharCode(...[4, 5, 6, 7].map((byte) => view.getUint8(position + byte)))
}
