/** What of a coded picture can be told from the headers of its NAL units (ITU-T H.264 §7.3.1), without decoding. */

/** What a sample means to the pictures around it. */
export type AvcUnits = {
  /** An IDR picture: nothing decoded before it is needed by it or by anything after it (§3.69). */
  readonly isIdr: boolean
  /** No other picture is predicted from it (`nal_ref_idc` 0), and nothing in it outlives it. */
  readonly isDisposable: boolean
  /** Whether it carries parameter sets, which those after it may need; `all`: of both kinds. */
  readonly parameterSets: 'none' | 'some' | 'all'
}

/** Table 7-1. */
const SLICE = 1
const IDR_SLICE = 5
const SPS = 7
const PPS = 8
/** Supplemental information, access unit delimiter, filler: gone with their picture. */
const PASSING: ReadonlySet<number> = new Set([6, 9, 12])

/** Of a sample that is not made of whole units nothing is known: it is needed, and may carry anything. */
const UNKNOWN: AvcUnits = { isIdr: false, isDisposable: false, parameterSets: 'some' }

/** Reads the headers of a sample's units, behind lengths of `lengthSize` bytes (ISO/IEC 14496-15 §4.3.3). */
export function readAvcUnits(sample: Uint8Array, lengthSize: number): AvcUnits {
  const types = new Set<number>()
  let isDisposable = true
  for (let position = 0; position < sample.byteLength; ) {
    let length = 0
    for (const byte of sample.subarray(position, position + lengthSize)) length = length * 256 + byte
    const header = sample[position + lengthSize]
    position += lengthSize + length
    if (header === undefined || length === 0 || position > sample.byteLength) return UNKNOWN
    const type = header & 31
    types.add(type)
    if (!PASSING.has(type) && (type !== SLICE || (header & 0x60) !== 0)) isDisposable = false
  }
  const sets = [SPS, PPS].filter((type) => types.has(type)).length
  return {
    isIdr: types.has(IDR_SLICE),
    isDisposable,
    parameterSets: sets === 0 ? 'none' : sets === 1 ? 'some' : 'all',
  }
}
