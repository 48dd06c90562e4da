/** Small files that become large: pixels, pictures, streams, chapters, tags, compressed headers and blocks. */

import { deflateSync } from 'node:zlib'
import { box, concatBytes, fullBox } from '../../src/media/isobmff/write-boxes.ts'
import { findUnits } from '../fuzz/media-units.ts'
import { PNG_SIGNATURE, pngChunk } from '../harness/png.ts'
import { FOUR_SAMPLES, plainMovie } from '../plain-movie.ts'
import { type Attack, latin1 } from './attack.ts'
import {
  element,
  elementSize,
  findElement,
  movieOf,
  number,
  repeated,
  SEGMENT,
  slideshow,
  type Still,
  u32,
  withFirst,
} from './build.ts'
import type { AttackSources } from './sources.ts'

/** All of them. */
export function bombs(sources: AttackSources, still: Still): readonly Attack[] {
  const matroska = sources.get('h264.mkv')
  return [
    ...pixelBombs(),
    {
      name: 'an MP4 of a thousand pictures a second',
      bytes: slideshow(still, { count: 1000, perSecond: 1000 }),
      ends: 'ready',
      seconds: 1,
    },
    {
      name: 'an MP4 of fifty thousand pictures of one byte',
      bytes: movieOf(
        {
          ...repeated(still, 1, 1, 1000),
          stts: [[50_000, 1]],
          stsz: { size: 1, count: 50_000 },
          stsc: [[1, 50_000]],
        },
        new Uint8Array(50_000),
      ),
      ends: 'ERR_MALFORMED_VIDEO',
      says: /damaged/,
    },
    {
      name: 'an MP4 with 120 further tracks of sound that hold nothing',
      bytes: slideshow(
        still,
        { count: 25 },
        {},
        Array.from({ length: 120 }, (_, index) => emptySound(index + 2)),
      ),
      ends: 'ready',
    },
    {
      name: 'a Matroska with 200 further tracks',
      bytes: withTracks(matroska, 200),
      ends: 'ERR_MALFORMED_VIDEO',
      says: /128 streams/,
    },
    {
      name: 'a Matroska with 10,000 chapters',
      bytes: withFirst(matroska, chapters(10_000)),
      ends: 'ready',
    },
    {
      name: 'a Matroska with 4 MB of tags',
      bytes: withFirst(
        matroska,
        element(0x1254c367, element(0x7373, ...Array.from({ length: 40 }, () => tag(100_000)))),
      ),
      ends: 'ready',
    },
    {
      name: 'an MP4 with 4 MB of metadata',
      bytes: slideshow(still, { count: 25 }, {}, [
        box(
          'udta',
          fullBox(
            'meta',
            0,
            0,
            box('ilst', box('\xa9nam', box('data', u32(1, 0), new Uint8Array(4_000_000).fill(65)))),
          ),
        ),
      ]),
      ends: 'ready',
    },
    {
      name: 'a Matroska whose header is 64 MB of zeros, compressed to 64 KB',
      bytes: withCompression(matroska, new Uint8Array(64 * 2 ** 20)),
      ends: 'ERR_MALFORMED_VIDEO',
    },
  ]
}

/** A PNG of one colour and this size as the only picture of a QuickTime movie; sizes that memory does not hold. */
function pixelBombs(): Attack[] {
  const sizes: readonly (readonly [number, number])[] = [
    [32_768, 32_768],
    [16_000, 16_000],
    [65_535, 1],
    [1, 65_535],
  ]
  return sizes.map(([width, height]) => ({
    name: `a QuickTime movie of PNG pictures of ${width} by ${height}`,
    bytes: pictureMovie(flatPng(width, height), width, height),
    ends: 'ERR_MALFORMED_VIDEO',
  }))
}

/** One bit a pixel, all of them 0: rows of zeros deflate to a thousandth. */
function flatPng(width: number, height: number): Uint8Array {
  const rows = new Uint8Array((1 + Math.ceil(width / 8)) * height)
  return concatBytes([
    PNG_SIGNATURE,
    pngChunk('IHDR', concatBytes([u32(width, height), new Uint8Array([1, 0, 0, 0, 0])])),
    pngChunk('IDAT', new Uint8Array(deflateSync(rows))),
    pngChunk('IEND', new Uint8Array(0)),
  ])
}

function pictureMovie(png: Uint8Array, width: number, height: number): Uint8Array {
  const size = Buffer.alloc(4)
  size.writeUInt16BE(Math.min(width, 0xffff))
  size.writeUInt16BE(Math.min(height, 0xffff), 2)
  // VisualSampleEntry (ISO/IEC 14496-12 §12.1.3) of QuickTime's `png `.
  const entry = box(
    'png ',
    new Uint8Array([0, 0, 0, 0, 0, 0, 0, 1]),
    new Uint8Array(16),
    new Uint8Array(size),
    u32(0x480000, 0x480000, 0),
    new Uint8Array([0, 1]),
    new Uint8Array(32),
    new Uint8Array([0, 1, 255, 255]),
  )
  return slideshow({ entry, bytes: png }, { count: 2, perSecond: 2 })
}

function emptySound(id: number): Uint8Array {
  const whole = plainMovie([{ ...FOUR_SAMPLES, id, handler: 'soun', stts: [], stsz: [], stsc: [], stco: [] }])
  const track = findUnits(whole, 'boxes').find(
    ({ start }) => Buffer.from(whole.subarray(start + 4, start + 8)).toString('latin1') === 'trak',
  )
  if (track === undefined) throw new Error('no track')
  return whole.slice(track.start, track.end)
}

/** The Matroska with `change` made to its Tracks. */
function withChangedTracks(matroska: Uint8Array, change: (tracks: Uint8Array) => Uint8Array): Uint8Array {
  const segment = findElement(matroska, SEGMENT)
  const tracks = findElement(matroska, 0x1654ae6b)
  return concatBytes([
    matroska.subarray(0, segment.start + 4),
    elementSize(2 ** 56 - 1),
    matroska.subarray(segment.bodyAt, tracks.start),
    element(0x1654ae6b, change(matroska.subarray(tracks.bodyAt, tracks.end))),
    matroska.subarray(tracks.end),
  ])
}

/** The Matroska with so many tracks more, which hold nothing. */
export function withTracks(matroska: Uint8Array, count: number): Uint8Array {
  const more = Array.from({ length: count }, (_, index) =>
    element(
      0xae,
      element(0xd7, u32(index + 10)),
      element(0x73c5, u32(index + 10)),
      element(0x83, u32(2)),
      element(0x86, latin1('A_PCM/INT/LIT')),
    ),
  )
  return withChangedTracks(matroska, (tracks) => concatBytes([tracks, ...more]))
}

/** The first track's content encodings say that its CodecPrivate and its blocks are compressed (RFC 9559 §5.1.4.1.31). */
function withCompression(matroska: Uint8Array, content: Uint8Array): Uint8Array {
  const packed = new Uint8Array(deflateSync(content))
  const encodings = element(
    0x6d80,
    element(
      0x6240,
      element(0x5031, number(0)),
      element(0x5032, number(3)),
      element(0x5033, number(0)),
      element(0x5034, element(0x4254, number(0))),
    ),
  )
  return withChangedTracks(matroska, () =>
    element(
      0xae,
      element(0xd7, number(1)),
      element(0x73c5, number(1)),
      element(0x83, number(1)),
      element(0x86, latin1('V_MPEG4/ISO/AVC')),
      element(0x63a2, packed),
      element(0xe0, element(0xb0, number(64)), element(0xba, number(48))),
      encodings,
    ),
  )
}

function chapters(count: number): Uint8Array {
  const all = Array.from({ length: count }, (_, index) =>
    element(
      0xb6,
      element(0x73c4, number(index + 1)),
      element(0x91, number(index)),
      element(0x80, element(0x85, latin1(`$(id) %d ../${index}`)), element(0x437c, latin1('eng'))),
    ),
  )
  return element(0x1043a770, element(0x45b9, ...all))
}

function tag(bytes: number): Uint8Array {
  return element(0x67c8, element(0x45a3, latin1('COMMENT')), element(0x4487, new Uint8Array(bytes).fill(65)))
}
