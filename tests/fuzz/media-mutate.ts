/** Damaged copies of a good media file, from a seed, so that a failing one can be made again. */

import type { MediaSource } from './media-sources.ts'
import { findUnits, type Unit } from './media-units.ts'

/** Values that sizes, counts and times go wrong at, cut to the width of the field. */
const EXTREMES: readonly bigint[] = [
  0n,
  1n,
  2n,
  0x7fn,
  0x80n,
  0xffffn,
  0x7fff_ffffn,
  0x8000_0000n,
  0xffff_fff8n,
  0xffff_ffffn,
  0x7fff_ffff_ffff_ffffn,
  0xffff_ffff_ffff_ffffn,
]
/** Indexes and headers lie at one end of a file, and most of what can go wrong with them. */
const END_BYTES = 1024

type Pick = (limit: number) => number

/** A copy of `source` with one to four things wrong, somewhere, or with one of its parts. */
export function mutateMedia(source: MediaSource, random: () => number): Uint8Array {
  const pick: Pick = (limit) => Math.floor(random() * limit)
  let bytes: Uint8Array = source.bytes.slice()
  // Mostly one thing: a file with four things wrong is refused for the first.
  for (let left = [1, 1, 1, 2, 2, 4][pick(6)] ?? 1; left > 0 && bytes.byteLength > 0; left -= 1) {
    const units = pick(2) === 0 ? findUnits(bytes, source.structure) : []
    const unit = units[pick(units.length)]
    bytes = unit === undefined ? damageSomewhere(bytes, pick) : damageUnit(bytes, unit, units, pick)
  }
  return bytes
}

function damageSomewhere(bytes: Uint8Array, pick: Pick): Uint8Array {
  const at = place(bytes.byteLength, pick)
  const end = Math.min(bytes.byteLength, at + 1 + pick(2 ** pick(13)))
  switch (pick(7)) {
    case 0:
      return flipBits(bytes, 1 + pick(32), pick)
    case 1:
      return bytes.slice(0, at)
    case 2:
      return writeExtreme(bytes, at, [1, 2, 4, 8][pick(4)] ?? 4, pick)
    case 3:
      return replace(bytes, at, end, new Uint8Array(end - at))
    case 4:
      return replace(bytes, at, at, bytes.slice(at, end))
    case 5:
      return replace(bytes, at, end, new Uint8Array())
    default:
      return swap(bytes, [at, end], [pick(bytes.byteLength), bytes.byteLength])
  }
}

/** The same to one part: a box with another size, gone, twice, elsewhere, empty, of another type. */
function damageUnit(bytes: Uint8Array, unit: Unit, units: readonly Unit[], pick: Pick): Uint8Array {
  const { start, end, bodyAt, sizeAt, sizeBytes } = unit
  const other = units[pick(units.length)] ?? unit
  switch (pick(8)) {
    case 0:
      return writeExtreme(bytes, sizeAt, sizeBytes, pick)
    case 1:
      return replace(bytes, start, end, new Uint8Array())
    case 2:
      return replace(bytes, end, end, bytes.slice(start, end))
    case 3:
      return swap(bytes, [start, end], [other.start, other.end])
    case 4:
      return replace(bytes, bodyAt, end, new Uint8Array(Math.max(0, end - bodyAt)))
    case 5:
      return writeExtreme(bytes, start + 4, 4, pick)
    default: {
      // Fields lie on even places, mostly at the beginning.
      const field = bodyAt + 2 * pick(Math.max(1, Math.min(64, (end - bodyAt) >> 1)))
      return writeExtreme(bytes, field, [1, 2, 4, 8][pick(4)] ?? 4, pick)
    }
  }
}

/** Anywhere, or every second time near one end. */
function place(length: number, pick: Pick): number {
  const near = pick(Math.min(length, END_BYTES))
  return [pick(length), pick(length), near, length - 1 - near][pick(4)] ?? near
}

function flipBits(bytes: Uint8Array, count: number, pick: Pick): Uint8Array {
  for (let left = count; left > 0; left -= 1) {
    const at = place(bytes.byteLength, pick)
    bytes[at] = (bytes[at] ?? 0) ^ (1 << pick(8))
  }
  return bytes
}

function writeExtreme(bytes: Uint8Array, at: number, width: number, pick: Pick): Uint8Array {
  const value = EXTREMES[pick(EXTREMES.length)] ?? 0n
  const littleEndian = pick(4) === 0
  for (let index = 0; index < width && at + index < bytes.byteLength; index += 1) {
    const shift = 8 * (littleEndian ? index : width - 1 - index)
    bytes[at + index] = Number((value >> BigInt(shift)) & 0xffn)
  }
  return bytes
}

function replace(bytes: Uint8Array, start: number, end: number, by: Uint8Array): Uint8Array {
  return new Uint8Array(Buffer.concat([bytes.subarray(0, start), by, bytes.subarray(Math.max(start, end))]))
}

type Span = readonly [start: number, end: number]

/** Two stretches in each other's place; the second is shortened where they overlap. */
function swap(bytes: Uint8Array, one: Span, other: Span): Uint8Array {
  const [first, second] = one[0] <= other[0] ? [one, other] : [other, one]
  const firstEnd = Math.min(first[1], second[0])
  return new Uint8Array(
    Buffer.concat([
      bytes.subarray(0, first[0]),
      bytes.subarray(second[0], second[1]),
      bytes.subarray(firstEnd, second[0]),
      bytes.subarray(first[0], firstEnd),
      bytes.subarray(second[1]),
    ]),
  )
}
