/** Writes `avcC`, H.264's decoder configuration (ISO/IEC 14496-15 §5.3.3.1), from parameter sets that came in band. */

import { HeadwaterError } from '../../lib/failure.ts'
import { concatBytes } from '../isobmff/write-boxes.ts'
import { readSequenceParameterSet } from './avc.ts'

/** Counted in five bits and in eight. */
const MOST_SPS = 31
const MOST_PPS = 255
const MOST_SET_BYTES = 0xffff
/** Profiles whose records say chroma and depth after the parameter sets (§5.3.3.1.2). */
const WITH_TAIL: readonly number[] = [100, 110, 122, 144, 244]

/**
 * The record for NAL units behind lengths of four bytes. `sps` and `pps` are NAL units without start codes, at least one
 * of each; profile, constraints and level are those of the first. Throws `codec_config_broken` for what is no parameter
 * set, or more and longer ones than a record can hold.
 */
export function writeAvcConfig(
  sps: readonly Uint8Array[],
  pps: readonly Uint8Array[],
): Uint8Array<ArrayBuffer> {
  const [first] = sps
  const counted = sps.length <= MOST_SPS && pps.length >= 1 && pps.length <= MOST_PPS
  const measured = [...sps, ...pps].every((set) => set.byteLength > 0 && set.byteLength <= MOST_SET_BYTES)
  if (first === undefined || !counted || !measured) {
    throw new HeadwaterError(
      'codec_config_broken',
      `An H.264 configuration needs 1 to ${MOST_SPS} sequence and 1 to ${MOST_PPS} picture parameter sets, got ${sps.length} and ${pps.length}.`,
    )
  }
  const { chromaFormat, bitDepth } = readSequenceParameterSet(first)
  const [, profile = 0, constraints = 0, level = 0] = first
  const depth = 0xf8 | (bitDepth - 8)
  return concatBytes([
    Uint8Array.of(1, profile, constraints, level, 0xff, 0xe0 | sps.length),
    ...sps.flatMap(withLength),
    Uint8Array.of(pps.length),
    ...pps.flatMap(withLength),
    ...(WITH_TAIL.includes(profile) ? [Uint8Array.of(0xfc | chromaFormat, depth, depth, 0)] : []),
  ])
}

function withLength(unit: Uint8Array): Uint8Array[] {
  return [Uint8Array.of(unit.byteLength >> 8, unit.byteLength & 0xff), unit]
}
