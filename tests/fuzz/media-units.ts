/** Where the parts of a media file lie, so that damage can follow its structure: boxes, elements, chunks, packets. */

/** What the parts of a file are: ISO boxes, EBML elements, RIFF chunks, TS packets, or nothing better than blocks. */
export type Structure = 'boxes' | 'elements' | 'chunks' | 'packets' | 'blocks'

/** One part. `[bodyAt, end)` is its content; `[sizeAt, sizeAt + sizeBytes)` says how long it is, if anything does. */
export type Unit = {
  readonly start: number
  readonly bodyAt: number
  readonly end: number
  readonly sizeAt: number
  readonly sizeBytes: number
}

/** All parts, those inside others after them. Never throws: what cannot be read is not a part. */
export function findUnits(bytes: Uint8Array, structure: Structure): readonly Unit[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const units: Unit[] = []
  switch (structure) {
    case 'boxes':
      walkBoxes(view, 0, bytes.byteLength, units)
      break
    case 'elements':
      walkElements(view, 0, bytes.byteLength, units)
      break
    case 'chunks':
      walkChunks(view, 0, bytes.byteLength, units)
      break
    case 'packets': {
      // M2TS puts a time code of four bytes before each packet.
      const length = bytes[4] === 0x47 ? 192 : 188
      for (let at = 0; at + length <= bytes.byteLength; at += length) units.push(plainUnit(at, at + length))
      break
    }
    default:
      for (let at = 0; at < bytes.byteLength; at += BLOCK_BYTES) {
        units.push(plainUnit(at, Math.min(at + BLOCK_BYTES, bytes.byteLength)))
      }
  }
  return units
}

const BLOCK_BYTES = 256

function plainUnit(start: number, end: number): Unit {
  return { start, bodyAt: start + 4, end, sizeAt: start, sizeBytes: 4 }
}

/** Boxes that hold boxes (ISO/IEC 14496-12 §6.2), by their four letters. */
const BOX_PARENTS = /^(?:moov|trak|mdia|minf|dinf|stbl|edts|udta|mvex|moof|traf|mfra)$/

function walkBoxes(view: DataView, from: number, end: number, units: Unit[]): void {
  for (let at = from; at + 8 <= end; ) {
    const size = view.getUint32(at)
    if (size < 8 || at + size > end) return
    units.push({ start: at, bodyAt: at + 8, end: at + size, sizeAt: at, sizeBytes: 4 })
    if (BOX_PARENTS.test(textAt(view, at + 4))) walkBoxes(view, at + 8, at + size, units)
    at += size
  }
}

/** RIFF: little-endian sizes, even places; `RIFF` and `LIST` hold chunks behind a form type. */
function walkChunks(view: DataView, from: number, end: number, units: Unit[]): void {
  for (let at = from; at + 8 <= end; ) {
    const size = view.getUint32(at + 4, true)
    const chunkEnd = at + 8 + size
    if (chunkEnd > end) return
    units.push({ start: at, bodyAt: at + 8, end: chunkEnd, sizeAt: at + 4, sizeBytes: 4 })
    if (/^(?:RIFF|LIST)$/.test(textAt(view, at))) walkChunks(view, at + 12, chunkEnd, units)
    at = chunkEnd + (size % 2)
  }
}

/** Master elements of Matroska (RFC 9559): EBML, Segment, SeekHead, Info, Tracks, TrackEntry, Video, Audio, Cluster, BlockGroup, Cues, Tags. */
const MASTERS: readonly number[] = [
  0x1a45dfa3, 0x18538067, 0x114d9b74, 0x1549a966, 0x1654ae6b, 0xae, 0xe0, 0xe1, 0x1f43b675, 0xa0, 0x1c53bb6b,
  0x1254c367,
]

function walkElements(view: DataView, from: number, end: number, units: Unit[]): void {
  for (let at = from; at < end; ) {
    const idBytes = vintBytes(view, at, end)
    const sizeBytes = idBytes && vintBytes(view, at + idBytes, end)
    if (!idBytes || !sizeBytes) return
    const id = readBytes(view, at, idBytes)
    const sizeAt = at + idBytes
    const bodyAt = sizeAt + sizeBytes
    // The leading bit says how long the number is; all other bits ones: until the parent ends.
    const size = readBytes(view, sizeAt, sizeBytes, 2 ** (8 - sizeBytes) - 1)
    const elementEnd = size === 2 ** (7 * sizeBytes) - 1 ? end : bodyAt + size
    if (elementEnd > end) return
    units.push({ start: at, bodyAt, end: elementEnd, sizeAt, sizeBytes })
    if (MASTERS.includes(id)) walkElements(view, bodyAt, elementEnd, units)
    at = elementEnd
  }
}

/** Length of the EBML number at `at` (RFC 8794 §4); undefined at the end and for a length of more than eight. */
function vintBytes(view: DataView, at: number, end: number): number | undefined {
  if (at >= end) return undefined
  const length = Math.clz32(view.getUint8(at)) - 23
  return length <= 8 && at + length <= end ? length : undefined
}

/** A big-endian number; of its first byte only the bits of `mask`. */
function readBytes(view: DataView, at: number, length: number, mask = 0xff): number {
  let value = view.getUint8(at) & mask
  for (let index = 1; index < length; index += 1) value = value * 256 + view.getUint8(at + index)
  return value
}

function textAt(view: DataView, at: number): string {
  return String.fromCharCode(...[0, 1, 2, 3].map((offset) => view.getUint8(at + offset)))
}
