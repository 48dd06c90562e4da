/**
 * One `avcC` for segments of two encoders: it carries the parameter sets of both, and every slice names its own by their
 * ids (ISO/IEC 14496-15 §5.3.3.1.2 allows several; ITU-T H.264 §7.4.1.2.1 activates them at a key frame). Players then
 * need no second init segment, which most of them could not switch to without a gap.
 */

import { assert } from '../../lib/failure.ts'
import { concatBytes } from '../isobmff/write-boxes.ts'
import { readParameterSets, removeEmulationPrevention } from './avc.ts'
import { BitReader } from './bits.ts'

/** Encoders can be told ids up to this. */
const MOST_ID = 31
const MOST_SPS = 31
const MOST_PPS = 255
/** Profile High says its colours after the parameter sets: 4:2:0, 8 bits, no extensions. */
const HIGH = 100
const HIGH_TAIL = Uint8Array.of(0xfd, 0xf8, 0xf8, 0x00)
/** Bytes of a length before each NAL unit that both must use. */
export const JOINABLE_LENGTH_SIZE = 4

/**
 * The configuration with the parameter sets of both, those of `first` in front; one that both have stands once. Both
 * must be 8-bit 4:2:0 of profile Baseline, Main or High with lengths of four bytes, and their ids must not collide.
 */
export function joinAvcConfigs(first: Uint8Array, second: Uint8Array): Uint8Array<ArrayBuffer> {
  const [left, right] = [splitConfig(first), splitConfig(second)]
  assert(left.lengthSize === right.lengthSize, 'Two configurations count their NAL units differently.')
  const sps = distinct([...left.sps, ...right.sps])
  const pps = distinct([...left.pps, ...right.pps])
  for (const ids of [sps.map(spsId), pps.map(ppsId)]) {
    assert(new Set(ids).size === ids.length, 'Two configurations use the same id for different things.')
  }
  const profile = Math.max(first[1] ?? 0, second[1] ?? 0)
  const head = Uint8Array.of(
    1,
    profile,
    // What one of the two does not promise the whole does not (§5.3.3.1.2).
    (first[2] ?? 0) & (second[2] ?? 0),
    Math.max(first[3] ?? 0, second[3] ?? 0),
    0xfc | (left.lengthSize - 1),
    0xe0 | sps.length,
  )
  return concatBytes([
    head,
    ...sps.flatMap(withLength),
    Uint8Array.of(pps.length),
    ...pps.flatMap(withLength),
    ...(profile === HIGH ? [HIGH_TAIL] : []),
  ])
}

/**
 * The smallest id that no parameter set of the configuration has; undefined when there is none, or no room for sets that
 * have it, or where its own sets share an id. Throws `media_…` for what is no configuration.
 */
export function freeParameterSetId(avcC: Uint8Array): number | undefined {
  const { sps, pps } = splitConfig(avcC)
  const ids = [distinct(sps).map(spsId), distinct(pps).map(ppsId)]
  const isClear = ids.every((those) => new Set(those).size === those.length)
  // §5.3.3.1.2: counted in five bits and in eight.
  if (!isClear || sps.length >= MOST_SPS || pps.length >= MOST_PPS) return undefined
  const used = new Set(ids.flat())
  for (let id = 0; id <= MOST_ID; id += 1) if (!used.has(id)) return id
  return undefined
}

function splitConfig(avcC: Uint8Array) {
  const sps = readParameterSets(avcC, 6, (avcC[5] ?? 0) & 0x1f)
  const pps = readParameterSets(avcC, sps.end + 1, avcC[sps.end] ?? 0)
  return { lengthSize: ((avcC[4] ?? 0) & 3) + 1, sps: sps.units, pps: pps.units }
}

function distinct(units: readonly Uint8Array[]): Uint8Array[] {
  const isSame = (left: Uint8Array, right: Uint8Array): boolean => Buffer.compare(left, right) === 0
  return units.filter((unit, index) => units.findIndex((other) => isSame(other, unit)) === index)
}

/** §7.3.2.1.1: after the header, the profile, the flags and the level. */
function spsId(unit: Uint8Array): number {
  return idAt(unit, 32)
}

/** §7.3.2.2: right after the header. */
function ppsId(unit: Uint8Array): number {
  return idAt(unit, 8)
}

function idAt(unit: Uint8Array, bit: number): number {
  const reader = new BitReader(removeEmulationPrevention(unit), 'An H.264 parameter set')
  reader.skip(bit)
  return reader.ue()
}

function withLength(unit: Uint8Array): Uint8Array[] {
  return [Uint8Array.of(unit.byteLength >> 8, unit.byteLength & 0xff), unit]
}
