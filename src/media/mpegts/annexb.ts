/** NAL units of H.264 behind start codes (ITU-T H.264 Annex B). */

/** `nal_unit_type` (Table 7-1). */
export const NAL = { slice: 1, idr: 5, sei: 6, sps: 7, pps: 8, delimiter: 9 } as const

/** The type of a NAL unit; 0, which nobody uses, for an empty one. */
export function nalType(unit: Uint8Array): number {
  return (unit[0] ?? 0) & 0x1f
}

/** Views of the NAL units of a byte stream, without start codes and without the zeros after them. */
export function splitNalUnits(bytes: Uint8Array): Uint8Array[] {
  const units: Uint8Array[] = []
  let start = -1
  for (let at = bytes.indexOf(1, 2); at !== -1; at = bytes.indexOf(1, at + 1)) {
    if (bytes[at - 1] !== 0 || bytes[at - 2] !== 0) continue
    if (start !== -1) pushTrimmed(units, bytes, start, at - 2)
    start = at + 1
  }
  if (start !== -1) pushTrimmed(units, bytes, start, bytes.byteLength)
  return units
}

/** §B.1.1: zeros may follow a unit, whose own last byte is never zero (§7.4.1). */
function pushTrimmed(units: Uint8Array[], bytes: Uint8Array, start: number, limit: number): void {
  let end = limit
  while (end > start && bytes[end - 1] === 0) end -= 1
  if (end > start) units.push(bytes.subarray(start, end))
}

/** The units as one byte stream, each behind a start code of four bytes. */
export function writeAnnexB(units: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  return writeUnits(units, () => 1)
}

/** The units each behind its length in four bytes (ISO/IEC 14496-15 §5.3.2). */
export function writeLengths(units: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  return writeUnits(units, (unit) => unit.byteLength)
}

function writeUnits(
  units: readonly Uint8Array[],
  prefix: (unit: Uint8Array) => number,
): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(units.reduce((sum, unit) => sum + 4 + unit.byteLength, 0))
  const view = new DataView(bytes.buffer)
  let at = 0
  for (const unit of units) {
    view.setUint32(at, prefix(unit))
    bytes.set(unit, at + 4)
    at += 4 + unit.byteLength
  }
  return bytes
}

/** Views of units behind lengths of four bytes; one that is cut short is left out. */
export function splitLengths(bytes: Uint8Array): Uint8Array[] {
  const units: Uint8Array[] = []
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  for (let at = 0; at + 4 <= bytes.byteLength; ) {
    const end = at + 4 + view.getUint32(at)
    if (end > bytes.byteLength) break
    units.push(bytes.subarray(at + 4, end))
    at = end
  }
  return units
}
