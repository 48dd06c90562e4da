/** H.264: facts from `avcC` (ISO/IEC 14496-15 §5.3.3) and its sequence parameter set (ITU-T H.264 §7.3.2.1, Annex E). */

import { HeadwaterError } from '../../lib/failure.ts'
import { BitReader } from './bits.ts'

export type AvcFacts = {
  /** `profile_idc`, e.g. 66 Baseline, 77 Main, 100 High. */
  readonly profile: number
  /** The byte of constraint flags. */
  readonly constraints: number
  /** `level_idc`, ten times the level. */
  readonly level: number
  /** Size after cropping, in samples. */
  readonly width: number
  readonly height: number
  /** 0 monochrome, 1 4:2:0, 2 4:2:2, 3 4:4:4. */
  readonly chromaFormat: number
  /** Of luma or chroma, whichever is deeper. */
  readonly bitDepth: number
  readonly pixelAspect: { readonly num: number; readonly den: number }
  readonly parameterSets: { readonly sps: number; readonly pps: number }
  /** Whether pictures may be fields. */
  readonly interlaced: boolean
  /** Pictures a second if the bitstream promises a constant rate, else null. */
  readonly frameRate: { readonly num: number; readonly den: number } | null
  /** `max_num_reorder_frames`, null where it is not said. */
  readonly reorderFrames: number | null
  /** `transfer_characteristics` (ISO/IEC 23091-2), null where it is not said; 16 is PQ, 18 HLG. */
  readonly transferCharacteristics: number | null
  /** `matrix_coefficients` (ISO/IEC 23091-2), null where they are not said; 1 is BT.709. */
  readonly matrixCoefficients: number | null
  /** Bytes before each NAL unit: 1, 2 or 4. */
  readonly lengthSize: number
  /** RFC 6381, e.g. `avc1.64001f`. */
  readonly codec: string
}

/** Reads `avcC` and its first sequence parameter set. Throws `codec_config_broken`. */
export function readAvcConfig(avcC: Uint8Array): AvcFacts {
  const reader = new BitReader(avcC, "The H.264 configuration ('avcC')")
  if (reader.bits(8) !== 1) throw reader.fail('has another version than 1')
  const profile = reader.bits(8)
  const constraints = reader.bits(8)
  const level = reader.bits(8)
  reader.skip(6)
  const lengthSize = reader.bits(2) + 1
  reader.skip(3)
  const sets = readParameterSets(avcC, 6, reader.bits(5))
  const [first] = sets.units
  if (first === undefined) throw reader.fail('has no sequence parameter set')
  const pps = readParameterSets(avcC, sets.end + 1, avcC[sets.end] ?? 0)
  const sps = readSequenceParameterSet(first)
  return {
    profile,
    constraints,
    level,
    ...sps,
    parameterSets: { sps: sets.units.length, pps: pps.units.length },
    lengthSize,
    codec: formatAvcCodec('avc1', avcC),
  }
}

/** RFC 6381 §3.3: profile, constraints and level in hexadecimal, as `avcC` has them in its bytes 1 to 3. */
export function formatAvcCodec(fourcc: 'avc1' | 'avc3', avcC: Uint8Array): string {
  const hex = [...avcC.subarray(1, 4)].map((byte) => byte.toString(16).padStart(2, '0'))
  return `${fourcc}.${hex.join('')}`
}

/** `count` parameter sets of an `avcC` from `start` on, and where they end. Throws `codec_config_broken`. */
export function readParameterSets(
  avcC: Uint8Array,
  start: number,
  count: number,
): { units: readonly Uint8Array[]; end: number } {
  const units: Uint8Array[] = []
  let position = start
  for (let index = 0; index < count; index += 1) {
    const length = (avcC[position] ?? 0) * 256 + (avcC[position + 1] ?? 0)
    const end = position + 2 + length
    if (length === 0 || end > avcC.byteLength) {
      throw new HeadwaterError(
        'codec_config_broken',
        "The H.264 configuration ('avcC') ends inside a parameter set.",
      )
    }
    units.push(avcC.subarray(position + 2, end))
    position = end
  }
  return { units, end: position }
}

/** What the sequence parameter set says. */
type SpsFacts = Pick<
  AvcFacts,
  | 'width'
  | 'height'
  | 'chromaFormat'
  | 'bitDepth'
  | 'pixelAspect'
  | 'interlaced'
  | 'frameRate'
  | 'reorderFrames'
  | 'transferCharacteristics'
  | 'matrixCoefficients'
>

/** Profiles whose parameter sets have the fields on chroma and scaling (§7.3.2.1.1). */
const HIGH_PROFILES: readonly number[] = [100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135]
/** Level 6.2 allows 139,264 macroblocks; a side is then at most 16,888 samples. Larger sizes are refused. */
const MAX_MACROBLOCKS_PER_SIDE = 1_055

/** Reads one NAL unit of type 7. Throws `codec_config_broken`. */
export function readSequenceParameterSet(unit: Uint8Array): SpsFacts {
  const reader = new BitReader(removeEmulationPrevention(unit), 'The H.264 sequence parameter set')
  reader.skip(3)
  const type = reader.bits(5)
  if (type !== 7) throw reader.fail(`was expected, but the NAL unit has type ${type}`)
  const profile = reader.bits(8)
  reader.skip(16)
  reader.ue()
  const { chromaFormat, separatePlanes, bitDepth } = readChroma(reader, profile)
  reader.ue()
  skipPictureOrder(reader)
  reader.ue()
  reader.skip(1)
  const widthInMbs = reader.ue() + 1
  const heightInMapUnits = reader.ue() + 1
  if (widthInMbs > MAX_MACROBLOCKS_PER_SIDE || heightInMapUnits > MAX_MACROBLOCKS_PER_SIDE) {
    throw reader.fail(`claims a picture of ${widthInMbs} by ${heightInMapUnits} macroblocks`)
  }
  const framesOnly = reader.flag()
  if (!framesOnly) reader.skip(1)
  reader.skip(1)
  const crop = reader.flag()
    ? { left: reader.ue(), right: reader.ue(), top: reader.ue(), bottom: reader.ue() }
    : { left: 0, right: 0, top: 0, bottom: 0 }
  // §7.4.2.1.1: cropping counts chroma samples, and field pairs where there may be fields.
  const arrayType = separatePlanes ? 0 : chromaFormat
  const unitX = arrayType === 1 || arrayType === 2 ? 2 : 1
  const unitY = (arrayType === 1 ? 2 : 1) * (framesOnly ? 1 : 2)
  const width = widthInMbs * 16 - unitX * (crop.left + crop.right)
  const height = heightInMapUnits * 16 * (framesOnly ? 1 : 2) - unitY * (crop.top + crop.bottom)
  if (width <= 0 || height <= 0) throw reader.fail('crops the whole picture away')
  return { width, height, chromaFormat, bitDepth, interlaced: !framesOnly, ...readUsability(reader) }
}

function readChroma(
  reader: BitReader,
  profile: number,
): { chromaFormat: number; separatePlanes: boolean; bitDepth: number } {
  if (!HIGH_PROFILES.includes(profile)) return { chromaFormat: 1, separatePlanes: false, bitDepth: 8 }
  const chromaFormat = reader.ue()
  if (chromaFormat > 3) throw reader.fail(`names the unknown chroma format ${chromaFormat}`)
  const separatePlanes = chromaFormat === 3 && reader.flag()
  const bitDepth = Math.max(reader.ue(), reader.ue()) + 8
  if (bitDepth > 14) throw reader.fail(`claims ${bitDepth} bits a sample`)
  reader.skip(1)
  if (reader.flag()) {
    for (let list = 0; list < (chromaFormat === 3 ? 12 : 8); list += 1) {
      if (reader.flag()) skipScalingList(reader, list < 6 ? 16 : 64)
    }
  }
  return { chromaFormat, separatePlanes, bitDepth }
}

/** §7.3.2.1.1.1. */
function skipScalingList(reader: BitReader, size: number): void {
  let last = 8
  let next = 8
  for (let index = 0; index < size; index += 1) {
    if (next !== 0) next = (last + reader.se() + 256) % 256
    if (next !== 0) last = next
  }
}

function skipPictureOrder(reader: BitReader): void {
  const type = reader.ue()
  if (type === 0) reader.ue()
  if (type !== 1) return
  reader.skip(1)
  reader.se()
  reader.se()
  const cycle = reader.ue()
  if (cycle > 255) throw reader.fail(`claims ${cycle} frames in an order cycle, at most 255 are possible`)
  for (let index = 0; index < cycle; index += 1) reader.se()
}

/** Table E-1: sample aspect ratios by number. */
const PIXEL_ASPECTS: readonly (readonly [number, number])[] = [
  [1, 1],
  [1, 1],
  [12, 11],
  [10, 11],
  [16, 11],
  [40, 33],
  [24, 11],
  [20, 11],
  [32, 11],
  [80, 33],
  [18, 11],
  [15, 11],
  [64, 33],
  [160, 99],
  [4, 3],
  [3, 2],
  [2, 1],
]
const EXTENDED_SAR = 255

type Colours = Pick<AvcFacts, 'transferCharacteristics' | 'matrixCoefficients'>
type Usability = Pick<AvcFacts, 'pixelAspect' | 'frameRate' | 'reorderFrames'> & Colours

/** Video usability information (§E.1.1). */
function readUsability(reader: BitReader): Usability {
  if (!reader.flag()) {
    return {
      pixelAspect: { num: 1, den: 1 },
      frameRate: null,
      reorderFrames: null,
      ...UNSAID,
    }
  }
  const pixelAspect = reader.flag() ? readPixelAspect(reader) : { num: 1, den: 1 }
  if (reader.flag()) reader.skip(1)
  const colours = readColours(reader)
  if (reader.flag()) {
    reader.ue()
    reader.ue()
  }
  const frameRate = readFrameRate(reader)
  const nalHrd = reader.flag()
  if (nalHrd) skipHrd(reader)
  const vclHrd = reader.flag()
  if (vclHrd) skipHrd(reader)
  if (nalHrd || vclHrd) reader.skip(1)
  reader.skip(1)
  return { pixelAspect, frameRate, reorderFrames: readReorderFrames(reader), ...colours }
}

function readPixelAspect(reader: BitReader): { num: number; den: number } {
  const index = reader.bits(8)
  if (index !== EXTENDED_SAR) {
    const [num, den] = PIXEL_ASPECTS[index] ?? [1, 1]
    return { num, den }
  }
  const num = reader.bits(16)
  const den = reader.bits(16)
  return num === 0 || den === 0 ? { num: 1, den: 1 } : { num, den }
}

const UNSAID: Colours = { transferCharacteristics: null, matrixCoefficients: null }

function readColours(reader: BitReader): Colours {
  if (!reader.flag()) return UNSAID
  reader.skip(4)
  if (!reader.flag()) return UNSAID
  reader.skip(8)
  return { transferCharacteristics: reader.bits(8), matrixCoefficients: reader.bits(8) }
}

function readFrameRate(reader: BitReader): { num: number; den: number } | null {
  if (!reader.flag()) return null
  const unitsInTick = reader.bits(32)
  const timeScale = reader.bits(32)
  const fixed = reader.flag()
  // §E.2.1: a tick is the time of a field, so a frame takes two.
  return fixed && unitsInTick > 0 && timeScale > 0 ? { num: timeScale, den: 2 * unitsInTick } : null
}

/** §E.1.2. */
function skipHrd(reader: BitReader): void {
  const count = reader.ue() + 1
  if (count > 32) throw reader.fail(`claims ${count} buffers, at most 32 are possible`)
  reader.skip(8)
  for (let index = 0; index < count; index += 1) {
    reader.ue()
    reader.ue()
    reader.skip(1)
  }
  reader.skip(20)
}

function readReorderFrames(reader: BitReader): number | null {
  if (!reader.flag()) return null
  reader.skip(1)
  for (let index = 0; index < 4; index += 1) reader.ue()
  return reader.ue()
}

/** §7.4.1: 00 00 03 stands for 00 00. */
export function removeEmulationPrevention(unit: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(unit.byteLength)
  let length = 0
  let zeros = 0
  for (const byte of unit) {
    if (zeros >= 2 && byte === 3) {
      zeros = 0
      continue
    }
    zeros = byte === 0 ? zeros + 1 : 0
    bytes[length] = byte
    length += 1
  }
  return bytes.subarray(0, length)
}
