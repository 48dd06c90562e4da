/** The head of a media segment: `styp`, `moof` and the header of `mdat` (packaging rule 6; ISO/IEC 23000-19 §7.3). */

import {
  concatBytes,
  mdatHeader,
  mfhd,
  moof,
  type RunSample,
  styp,
  tfdt,
  tfhd,
  traf,
  trun,
} from '../isobmff/write-boxes.ts'
import { TRACK_ID } from './write-init.ts'

export type { RunSample } from '../isobmff/write-boxes.ts'

const STYP = styp('msdh', 'msdh', 'msix', 'cmfs')

/** What a segment of one fragment says of itself; its samples' bytes follow in this order. */
export type SegmentHead = {
  /** Any number; rises with the segments. */
  readonly sequence: number
  /** `tfdt` of the first sample, in the track's timescale. */
  readonly decodeTime: number
  readonly samples: readonly RunSample[]
  /** Default: the one that every track has which is alone in its init segment. */
  readonly trackId?: number
}

/** `styp` + `moof` + the header of `mdat`, whose payload (the samples' bytes in order) follows. */
export function writeSegmentHead(head: SegmentHead): Uint8Array {
  return concatBytes([STYP, writeFragmentHead(head)])
}

/** The same without `styp`, for streams of fragments. */
export function writeFragmentHead({
  sequence,
  decodeTime,
  samples,
  trackId = TRACK_ID,
}: SegmentHead): Uint8Array {
  const mdat = mdatHeader(samples.reduce((sum, { size }) => sum + size, 0))
  const write = (dataOffset: number): Uint8Array =>
    moof(mfhd(sequence), traf(tfhd(trackId), tfdt(decodeTime), trun(dataOffset, samples)))
  // The data offset counts from the moof's first byte, so it needs the moof's size, which does not depend on it.
  const sizeBytes = FIXED_MOOF_BYTES + 16 * samples.length
  const fragment = write(sizeBytes + mdat.byteLength)
  return concatBytes([fragment, mdat])
}

/** Bytes of the `moof` above without its samples. */
const FIXED_MOOF_BYTES = moof(mfhd(0), traf(tfhd(TRACK_ID), tfdt(0), trun(0, []))).byteLength
