/**
 * The frame of a PNG file (W3C PNG, third edition), walked chunk by chunk without inflating anything: what a decoder is
 * handed afterwards is a whole file of a known size. Pure; costs one checksum over the bytes.
 */

import { crc32 } from '../../lib/crc32.ts'

/** Size in pixels, or why it is no PNG that we take, as the end of "The image is …". */
export type PngLook =
  | { readonly kind: 'png'; readonly width: number; readonly height: number }
  | { readonly kind: 'refused'; readonly because: string }

/** §5.2 */
const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]
/** Length, type and checksum of a chunk (§5.3). */
const CHUNK_FRAME = 12
const HEADER_BYTES = 13
/** Colour type of images with a palette. */
const INDEXED = 3
/** Bit depths that each colour type may have (§11.2.1). */
const DEPTHS: Readonly<Record<number, readonly number[]>> = {
  0: [1, 2, 4, 8, 16],
  2: [8, 16],
  3: [1, 2, 4, 8],
  4: [8, 16],
  6: [8, 16],
}

type Header = { readonly width: number; readonly height: number; readonly isIndexed: boolean }
type Refusal = PngLook & { readonly kind: 'refused' }

/** Looks at a file; `mostSide`: the longest side that is taken, pixels. */
export function readPng(bytes: Uint8Array, mostSide: number): PngLook {
  if (SIGNATURE.some((byte, at) => bytes[at] !== byte)) return refused('no PNG')
  let header: Header | undefined
  let hasPalette = false
  let hasPicture = false
  for (const { type, at, data } of chunksOf(bytes)) {
    if (data === null) return refused(`a damaged PNG: the checksum of its chunk at byte ${at} is wrong`)
    // The header comes first, and once (§5.6).
    if ((type === 'IHDR') !== (header === undefined)) {
      return refused('a PNG whose header is not where it belongs')
    }
    if (header === undefined) {
      const found = readHeader(data, mostSide)
      if ('kind' in found) return found
      header = found
      continue
    }
    hasPalette ||= type === 'PLTE'
    hasPicture ||= type === 'IDAT'
    // §11.2.2: without one its pixels are numbers that mean nothing.
    if (hasPicture && header.isIndexed && !hasPalette)
      return refused('a PNG without the palette of its colours')
    if (type === 'IEND') {
      const { width, height } = header
      return hasPicture ? { kind: 'png', width, height } : refused('a PNG without a picture')
    }
  }
  return refused('a PNG that is cut off')
}

type Chunk = { readonly type: string; readonly at: number; readonly data: Uint8Array | null }

/** The chunks that are there as a whole; `data` null: its checksum is wrong. */
function* chunksOf(bytes: Uint8Array): Iterable<Chunk> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  for (let at = SIGNATURE.length; at + CHUNK_FRAME <= bytes.byteLength; ) {
    const end = at + CHUNK_FRAME + view.getUint32(at)
    if (end > bytes.byteLength) return
    const sound = crc32(bytes.subarray(at + 4, end - 4)) === view.getUint32(end - 4)
    const type = String.fromCharCode(...bytes.subarray(at + 4, at + 8))
    yield { type, at, data: sound ? bytes.subarray(at + 8, end - 4) : null }
    at = end
  }
}

function readHeader(header: Uint8Array, mostSide: number): Header | Refusal {
  if (header.byteLength !== HEADER_BYTES) return refused('a PNG with a header of a wrong length')
  const view = new DataView(header.buffer, header.byteOffset, header.byteLength)
  const [width, height] = [view.getUint32(0), view.getUint32(4)]
  const [depth, colour, compression, filter, interlace] = header.subarray(8)
  if (DEPTHS[colour ?? -1]?.includes(depth ?? -1) !== true)
    return refused('a PNG of an unknown kind of pixels')
  if (compression !== 0 || filter !== 0 || (interlace ?? 2) > 1) return refused('a PNG of an unknown coding')
  if (width === 0 || height === 0) return refused(`a PNG of ${width} × ${height} pixels`)
  if (width <= mostSide && height <= mostSide) return { width, height, isIndexed: colour === INDEXED }
  return refused(`a PNG of ${width} × ${height} pixels, more than ${mostSide} a side`)
}

function refused(because: string): Refusal {
  return { kind: 'refused', because }
}
