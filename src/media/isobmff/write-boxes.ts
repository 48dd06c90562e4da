/**
 * One function per box (ISO/IEC 14496-12, 14496-14, 14496-15), arguments named like the standard's fields. Only what
 * our init and media segments need, and the headers of plain files (their sample tables: `write-sample-table.ts`);
 * versions are chosen so that no field can overflow.
 */

import { assert } from '../../lib/failure.ts'

const MAX_U32 = 2 ** 32 - 1

/** Big-endian integers. */
const u8 = (...values: number[]): Uint8Array => Uint8Array.from(values)
const u16 = (...values: number[]): Uint8Array => integers(values, 2)
const u32 = (...values: number[]): Uint8Array => integers(values, 4)
const zeros = (count: number): Uint8Array => new Uint8Array(count)

/** Four characters per code, e.g. `codes('isom', 'iso6')`. */
function codes(...names: string[]): Uint8Array {
  const text = names.join('')
  return Uint8Array.from(text, (character) => character.charCodeAt(0))
}

function u64(value: number): Uint8Array {
  assert(
    Number.isSafeInteger(value) && value >= 0,
    `A 64-bit field got ${value}, expected a whole number from 0 on.`,
  )
  return u32(Math.floor(value / 2 ** 32), value % 2 ** 32)
}

function integers(values: readonly number[], width: 2 | 4): Uint8Array {
  const bytes = new Uint8Array(values.length * width)
  const view = new DataView(bytes.buffer)
  for (const [index, value] of values.entries()) {
    assert(
      Number.isInteger(value) && value >= -(2 ** (8 * width - 1)) && value < 2 ** (8 * width),
      `A ${8 * width}-bit field got ${value}.`,
    )
    if (width === 2) view.setUint16(index * 2, value)
    else view.setUint32(index * 4, value)
  }
  return bytes
}

/** All parts one after another. */
export function concatBytes(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.byteLength, 0))
  let position = 0
  for (const part of parts) {
    bytes.set(part, position)
    position += part.byteLength
  }
  return bytes
}

/** A box of `type` with these parts as its payload (§4.2). */
export function box(type: string, ...parts: readonly Uint8Array[]): Uint8Array {
  const size = parts.reduce((sum, part) => sum + part.byteLength, 8)
  return concatBytes([u32(size), codes(type), ...parts])
}

/** A box with version and flags (§4.2). */
export function fullBox(
  type: string,
  version: number,
  flags: number,
  ...parts: readonly Uint8Array[]
): Uint8Array {
  return box(type, u32(version * 2 ** 24 + flags), ...parts)
}

/** §4.3. */
export function ftyp(majorBrand: string, ...compatibleBrands: readonly string[]): Uint8Array {
  return box('ftyp', codes(majorBrand), u32(0), codes(...compatibleBrands))
}

/** §8.16.2. */
export function styp(majorBrand: string, ...compatibleBrands: readonly string[]): Uint8Array {
  return box('styp', codes(majorBrand), u32(0), codes(...compatibleBrands))
}

/** §8.2.1. */
export function moov(...children: readonly Uint8Array[]): Uint8Array {
  return box('moov', ...children)
}

/** The identity matrix: 1.0 is 16.16, except the last in 2.30. */
const IDENTITY = u32(0x00010000, 0, 0, 0, 0x00010000, 0, 0, 0, 0x40000000)

/**
 * Creation and modification time (not told), `middle`, and the duration: 32 bits each in version 0, which every reader
 * knows; 64-bit times in version 1, where the duration needs it.
 */
function headerTimes(
  duration: number,
  middle: readonly number[],
): { readonly version: 0 | 1; readonly fields: Uint8Array } {
  if (duration <= MAX_U32) return { version: 0, fields: u32(0, 0, ...middle, duration) }
  return { version: 1, fields: concatBytes([u64(0), u64(0), u32(...middle), u64(duration)]) }
}

/** §8.2.2. `duration` in the movie's timescale; default 0, unknown, as the samples are in fragments. */
export function mvhd(fields: { timescale: number; nextTrackId: number; duration?: number }): Uint8Array {
  const times = headerTimes(fields.duration ?? 0, [fields.timescale])
  return fullBox(
    'mvhd',
    times.version,
    0,
    times.fields,
    u32(0x00010000),
    u16(0x0100, 0),
    zeros(8),
    IDENTITY,
    zeros(24),
    u32(fields.nextTrackId),
  )
}

/** §8.3.1. */
export function trak(...children: readonly Uint8Array[]): Uint8Array {
  return box('trak', ...children)
}

/**
 * §8.3.2: enabled, in the movie, in the preview; identity matrix. `volume` is 1 for sound, 0 else. `duration` of what is
 * shown, in the movie's timescale; default 0, unknown.
 */
export function tkhd(fields: {
  trackId: number
  volume: 0 | 1
  width: number
  height: number
  duration?: number
}): Uint8Array {
  const times = headerTimes(fields.duration ?? 0, [fields.trackId, 0])
  return fullBox(
    'tkhd',
    times.version,
    7,
    times.fields,
    zeros(8),
    u16(0, 0, fields.volume * 0x0100, 0),
    IDENTITY,
    u32(fields.width * 65_536, fields.height * 65_536),
  )
}

/** `edts` with an `elst` of one edit of rate 1 (§8.6.5, §8.6.6). `segmentDuration` 0 = to the end (fragments). */
export function edts(fields: { segmentDuration: number; mediaTime: number }): Uint8Array {
  return box(
    'edts',
    fullBox('elst', 1, 0, u32(1), u64(fields.segmentDuration), u64(fields.mediaTime), u16(1, 0)),
  )
}

/** §8.4.1. */
export function mdia(...children: readonly Uint8Array[]): Uint8Array {
  return box('mdia', ...children)
}

/** §8.4.2, language `und`. `duration` of the media, in their timescale; default 0, unknown. */
export function mdhd(fields: { timescale: number; duration?: number }): Uint8Array {
  const times = headerTimes(fields.duration ?? 0, [fields.timescale])
  return fullBox('mdhd', times.version, 0, times.fields, u16(0x55c4, 0))
}

/** §8.4.3. */
export function hdlr(handlerType: 'vide' | 'soun'): Uint8Array {
  return fullBox('hdlr', 0, 0, u32(0), codes(handlerType), zeros(12), zeros(1))
}

/** §8.4.4 with `vmhd` or `smhd` (§12.1.2, §12.2.2), data in this file (§8.7.2), and the given `stbl`. */
export function minf(handlerType: 'vide' | 'soun', stbl: Uint8Array): Uint8Array {
  const header = handlerType === 'vide' ? fullBox('vmhd', 0, 1, zeros(8)) : fullBox('smhd', 0, 0, zeros(4))
  const dinf = box('dinf', fullBox('dref', 0, 0, u32(1), fullBox('url ', 0, 1)))
  return box('minf', header, dinf, stbl)
}

/** A sample table that has descriptions but no samples: they are in fragments (§8.5). */
export function emptyStbl(sampleEntries: readonly Uint8Array[]): Uint8Array {
  return box(
    'stbl',
    stsd(sampleEntries),
    fullBox('stts', 0, 0, u32(0)),
    fullBox('stsc', 0, 0, u32(0)),
    fullBox('stsz', 0, 0, u32(0, 0)),
    fullBox('stco', 0, 0, u32(0)),
  )
}

/** §8.5.2. */
export function stsd(sampleEntries: readonly Uint8Array[]): Uint8Array {
  return fullBox('stsd', 0, 0, u32(sampleEntries.length), ...sampleEntries)
}

/** `mvex` with a `trex` for each track (§8.8.1, §8.8.3): first sample description, no defaults. */
export function mvex(...tracks: readonly { trackId: number }[]): Uint8Array {
  return box('mvex', ...tracks.map(({ trackId }) => fullBox('trex', 0, 0, u32(trackId, 1, 0, 0, 0))))
}

/** ISO/IEC 14496-15 §5.4.2.1: sample entry of H.264 whose parameter sets are in `avcC`. */
export function avc1Entry(fields: { avcC: Uint8Array; width: number; height: number }): Uint8Array {
  return box(
    'avc1',
    zeros(6),
    u16(1),
    zeros(16),
    u16(fields.width, fields.height),
    // 72 dpi, one picture per sample, no name, 24 bits deep.
    u32(0x00480000, 0x00480000, 0),
    u16(1),
    zeros(32),
    u16(0x0018, 0xffff),
    box('avcC', fields.avcC),
  )
}

/** ISO/IEC 14496-14 §6.7.2: sample entry of AAC. `asc` is the AudioSpecificConfig, `bitrate` in bits per second. */
export function mp4aEntry(fields: {
  asc: Uint8Array
  channels: number
  sampleRate: number
  bitrate: number
}): Uint8Array {
  // §12.2.3: the field is 16.16; a higher rate is found in the AudioSpecificConfig only.
  const sampleRate = fields.sampleRate < 65_536 ? Math.round(fields.sampleRate) * 65_536 : 0
  return box(
    'mp4a',
    zeros(6),
    u16(1),
    zeros(8),
    u16(fields.channels, 16, 0, 0),
    u32(sampleRate),
    esds(fields.asc, fields.bitrate),
  )
}

/** ISO/IEC 14496-1 §7.2.6.5: MPEG-4 audio, an audio stream, with its decoder specific information. */
function esds(asc: Uint8Array, bitrate: number): Uint8Array {
  assert(asc.byteLength < 100, `An AudioSpecificConfig of ${asc.byteLength} bytes was not expected.`)
  const decoderConfig = descriptor(
    4,
    u8(0x40, 0x15, 0, 0, 0),
    u32(Math.min(bitrate, MAX_U32), Math.min(bitrate, MAX_U32)),
    descriptor(5, asc),
  )
  return fullBox('esds', 0, 0, descriptor(3, u16(1), u8(0), decoderConfig, descriptor(6, u8(2))))
}

function descriptor(tag: number, ...parts: readonly Uint8Array[]): Uint8Array {
  const payload = concatBytes(parts)
  assert(payload.byteLength < 128, 'A descriptor longer than one length byte can say was not expected.')
  return concatBytes([u8(tag, payload.byteLength), payload])
}

/** §8.8.4. */
export function moof(...children: readonly Uint8Array[]): Uint8Array {
  return box('moof', ...children)
}

/** §8.8.5. */
export function mfhd(sequenceNumber: number): Uint8Array {
  return fullBox('mfhd', 0, 0, u32(sequenceNumber))
}

/** §8.8.6. */
export function traf(...children: readonly Uint8Array[]): Uint8Array {
  return box('traf', ...children)
}

/** §8.8.7, data offsets counted from the `moof` (`default-base-is-moof`). */
export function tfhd(trackId: number): Uint8Array {
  return fullBox('tfhd', 0, 0x020000, u32(trackId))
}

/** §8.8.12, always 64 bits. */
export function tfdt(baseMediaDecodeTime: number): Uint8Array {
  return fullBox('tfdt', 1, 0, u64(baseMediaDecodeTime))
}

/** One sample of a `trun`; times in the track's timescale. */
export type RunSample = {
  readonly size: number
  readonly duration: number
  readonly compositionOffset: number
  readonly sync: boolean
}

/** Flags of a sample (§8.8.3.1): depends on no other; and depends on others and is no sync sample. */
const SYNC_FLAGS = 0x02000000
const NON_SYNC_FLAGS = 0x01010000

/** Bytes of a `trun` of `sampleCount` samples as `trun` writes it. */
export function trunSize(sampleCount: number): number {
  return 20 + 16 * sampleCount
}

/**
 * §8.8.8: data offset, and duration, size, flags and composition offset of every sample. Version 1, whose offsets are
 * signed, only where one is negative.
 */
export function trun(dataOffset: number, samples: readonly RunSample[]): Uint8Array {
  const bytes = new Uint8Array(trunSize(samples.length))
  const version = samples.some(({ compositionOffset }) => compositionOffset < 0) ? 1 : 0
  bytes.set(u32(bytes.byteLength))
  bytes.set(codes('trun'), 4)
  bytes.set(u32(version * 2 ** 24 + 0x000f01, samples.length, dataOffset), 8)
  const view = new DataView(bytes.buffer)
  let position = 20
  for (const { size, duration, compositionOffset, sync } of samples) {
    assert(
      isUnsigned(size) && isUnsigned(duration) && isOffset(compositionOffset, version),
      `A sample has size ${size}, duration ${duration}, composition offset ${compositionOffset}; all must be whole numbers of 32 bits, the first two from 0 on.`,
    )
    view.setUint32(position, duration)
    view.setUint32(position + 4, size)
    view.setUint32(position + 8, sync ? SYNC_FLAGS : NON_SYNC_FLAGS)
    // The same 32 bits whether they are read as signed or not.
    view.setInt32(position + 12, compositionOffset | 0)
    position += 16
  }
  return bytes
}

/** Header of an `mdat` whose payload follows; the 64-bit form only when needed (§4.2). */
export function mdatHeader(payloadBytes: number): Uint8Array {
  if (payloadBytes + 8 <= MAX_U32) return concatBytes([u32(payloadBytes + 8), codes('mdat')])
  return concatBytes([u32(1), codes('mdat'), u64(payloadBytes + 16)])
}

function isOffset(value: number, version: 0 | 1): boolean {
  return version === 0 ? isUnsigned(value) : Number.isInteger(value) && value >= -(2 ** 31) && value < 2 ** 31
}

function isUnsigned(value: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= MAX_U32
}
