/** Pieces of containers, so that a table can say what a hostile file claims. */

import { AVC_CONFIG } from '../fuzz/codec-configs.ts'
import { findUnits, type Unit } from '../fuzz/media-units.ts'
import { readMovie } from '../../src/media/isobmff/read-movie.ts'
import { avc1Entry, concatBytes } from '../../src/media/isobmff/write-boxes.ts'
import { bytesSource } from '../media-samples.ts'
import { plainMovie, type TrackTables } from '../plain-movie.ts'
import { latin1 } from './attack.ts'

/** An EBML element (RFC 8794) with these parts as its content; `id` as it is written, e.g. 0x1a45dfa3. */
export function element(id: number, ...parts: readonly Uint8Array[]): Uint8Array {
  const content = concatBytes(parts)
  return concatBytes([elementId(id), elementSize(content.length), content])
}

/** An unsigned number as an element's content, in eight bytes. */
export function number(value: number): Uint8Array {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64BE(BigInt(value))
  return new Uint8Array(bytes)
}

function elementId(id: number): Uint8Array {
  const hex = id.toString(16)
  return new Uint8Array(Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex'))
}

/** The size in eight bytes, whatever it is: 0x01, then 56 bits. */
export function elementSize(size: number): Uint8Array {
  const bytes = number(size)
  bytes[0] = 1
  return bytes
}

/** Matroska's root element. */
export const SEGMENT = 0x18538067

/** The first element with this id of four bytes. Throws when there is none. */
export function findElement(matroska: Uint8Array, id: number): Unit {
  const found = findUnits(matroska, 'elements').find(
    ({ start }) => Buffer.from(matroska.subarray(start, start + 4)).readUInt32BE() === id,
  )
  if (found === undefined) throw new Error(`there is no element ${id.toString(16)}`)
  return found
}

/** The Matroska with these elements first in its segment, whose size then is "until the end". */
export function withFirst(matroska: Uint8Array, elements: Uint8Array): Uint8Array {
  const segment = findElement(matroska, SEGMENT)
  return concatBytes([
    matroska.subarray(0, segment.start + 4),
    elementSize(2 ** 56 - 1),
    elements,
    matroska.subarray(segment.bodyAt),
  ])
}

/** A RIFF chunk, padded to an even place. */
export function chunk(type: string, ...parts: readonly Uint8Array[]): Uint8Array {
  const content = concatBytes(parts)
  const head = Buffer.alloc(8)
  head.write(type, 'latin1')
  head.writeUInt32LE(content.length, 4)
  return concatBytes([new Uint8Array(head), content, new Uint8Array(content.length % 2)])
}

/** A coded picture that a movie may show as often as it likes, and the description that goes with it. */
export type Still = { readonly entry: Uint8Array; readonly bytes: Uint8Array }

/** The first picture, an H.264 key frame, of an MP4 source. */
export async function firstPicture(film: Uint8Array): Promise<Still> {
  const movie = await readMovie(bytesSource(film))
  const track = movie.tracks.find(({ kind }) => kind === 'video')
  const entry = track?.entries[0]?.box
  const [offset = 0] = track?.samples.offsets ?? []
  const [size = 0] = track?.samples.sizes ?? []
  if (entry === undefined || size === 0) throw new Error('the film has no picture')
  return { entry, bytes: film.slice(offset, offset + size) }
}

/** An entry that describes no bytes in particular. */
export const ANY_ENTRY = avc1Entry({ avcC: AVC_CONFIG, width: 160, height: 120 })

/**
 * An MP4 whose picture track has these tables, with `media` behind them. `stco` is counted from the first byte of the
 * media.
 */
export function movieOf(
  track: TrackTables,
  media: Uint8Array,
  extra: readonly Uint8Array[] = [],
): Uint8Array {
  const mdat = concatBytes([u32(8 + media.length), latin1('mdat'), media])
  const at = plainMovie([track], extra).length + 8
  const moved = { ...track, stco: track.stco.map((offset) => offset + at) }
  return concatBytes([plainMovie([moved], extra), mdat])
}

/** Each of `count` samples its own copy of the same picture, `ticks` long, `perSecond` ticks a second. */
export function repeated(still: Still, count: number, ticks: number, perSecond: number): TrackTables {
  return {
    entry: still.entry,
    timescale: perSecond,
    stts: [[count, ticks]],
    stsz: { size: still.bytes.length, count },
    stsc: [[1, 1]],
    stco: Array.from({ length: count }, (_, index) => index * still.bytes.length),
  }
}

/** An MP4 that shows this picture `count` times. */
export function slideshow(
  still: Still,
  { count, ticks = 1, perSecond = 25 }: { count: number; ticks?: number; perSecond?: number },
  changes: Partial<TrackTables> = {},
  extra: readonly Uint8Array[] = [],
): Uint8Array {
  const media = concatBytes(Array.from({ length: count }, () => still.bytes))
  return movieOf({ ...repeated(still, count, ticks, perSecond), ...changes }, media, extra)
}

/** Writes another number over the last field of a box that is named by its type, the first time it occurs. */
export function withField(bytes: Uint8Array, type: string, at: number, value: Uint8Array): Uint8Array {
  const copy = Buffer.from(bytes)
  const found = copy.indexOf(type, 0, 'latin1')
  if (found < 0) throw new Error(`there is no ${type}`)
  copy.set(value, found + 4 + at)
  return new Uint8Array(copy)
}

/** Big-endian, 32 bits each. */
export function u32(...values: readonly number[]): Uint8Array {
  const bytes = Buffer.alloc(4 * values.length)
  for (const [index, value] of values.entries()) bytes.writeUInt32BE(value >>> 0, 4 * index)
  return new Uint8Array(bytes)
}
