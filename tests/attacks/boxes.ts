/** Structures that claim what cannot be: sizes, counts and depths that a reader must not believe. */

import { box, concatBytes, ftyp, fullBox } from '../../src/media/isobmff/write-boxes.ts'
import { FOUR_SAMPLES, plainMovie, type TrackTables } from '../plain-movie.ts'
import { type Attack, type ExpectedEnd, latin1 } from './attack.ts'
import { ANY_ENTRY, elementSize, movieOf, type Still, u32, withField } from './build.ts'
import type { AttackSources } from './sources.ts'

const FTYP = ftyp('isom', 'isom')
const MAX = 0xffff_ffff
const MEDIA = new Uint8Array(4096)

/** All of them. `still`: a picture that can really be decoded. */
export function boxBombs(sources: AttackSources, still: Still): readonly Attack[] {
  return [
    ...Object.entries(brokenHeads()).map(
      ([name, bytes]): Attack => ({ name, bytes, ends: 'ERR_MALFORMED_VIDEO' }),
    ),
    ...Object.entries(lyingTables(still)).map(
      ([name, tables]): Attack => ({
        name: `an MP4 with ${name}`,
        bytes: movieOf(tables, concatBytes(Array.from({ length: 4 }, () => still.bytes))),
        ends: 'ERR_MALFORMED_VIDEO',
      }),
    ),
    ...Object.entries(otherContainers(sources)).map(
      ([name, [bytes, ends]]): Attack => ({ name, bytes, ends }),
    ),
  ]
}

function nested(type: string, depth: number): Uint8Array {
  const bytes = Buffer.alloc(8 * depth)
  for (let level = 0; level < depth; level += 1) {
    bytes.writeUInt32BE(8 * (depth - level), 8 * level)
    bytes.write(type, 8 * level + 4, 'latin1')
  }
  return new Uint8Array(bytes)
}

function brokenHeads(): Readonly<Record<string, Uint8Array>> {
  const good = plainMovie([FOUR_SAMPLES])
  const large = (size: bigint): Uint8Array => {
    const bytes = Buffer.alloc(16)
    bytes.writeUInt32BE(1)
    bytes.write('moov', 4, 'latin1')
    bytes.writeBigUInt64BE(size, 8)
    return new Uint8Array(bytes)
  }
  return {
    "an MP4 whose 'moov' claims 64 GiB": concatBytes([FTYP, large(64n << 30n), MEDIA]),
    "an MP4 whose 'moov' claims 2^64 bytes": concatBytes([FTYP, large(2n ** 64n - 1n), MEDIA]),
    "an MP4 whose 'moov' claims less than its own head": concatBytes([FTYP, large(3n), MEDIA]),
    'an MP4 of boxes in boxes, 10,000 deep': concatBytes([FTYP, nested('moov', 10_000)]),
    'an MP4 of tracks in tracks, 10,000 deep': concatBytes([FTYP, box('moov', nested('trak', 10_000))]),
    'an MP4 of a hundred thousand empty boxes': concatBytes([
      FTYP,
      ...Array.from({ length: 100_000 }, () => box('free')),
    ]),
    'an MP4 with a thousand tracks': plainMovie(Array.from({ length: 1000 }, () => FOUR_SAMPLES)),
    "an MP4 whose 'moov' is inside its 'mdat'": concatBytes([FTYP, box('mdat', good)]),
    'an MP4 whose index is only its first box': concatBytes([FTYP, box('moov')]),
    'an MP4 whose time does not pass (movie timescale 0)': withField(good, 'mvhd', 12, u32(0)),
    'an MP4 whose time does not pass (media timescale 0)': withField(good, 'mdhd', 12, u32(0)),
    'an MP4 with 2^32 sample descriptions': withField(good, 'stsd', 4, u32(MAX)),
    'an MP4 with 2^32 edits': concatBytes([
      FTYP,
      box('moov', box('trak', box('edts', fullBox('elst', 0, 0, u32(MAX))))),
    ]),
    'an MP4 whose fragments claim 2^32 samples': concatBytes([
      plainMovie(
        [{ ...FOUR_SAMPLES, stts: [], stsz: [], stsc: [], stco: [] }],
        [box('mvex', fullBox('trex', 0, 0, u32(1, 1, 512, 10, 0)))],
      ),
      box(
        'moof',
        fullBox('mfhd', 0, 0, u32(1)),
        box('traf', fullBox('tfhd', 0, 0x02_0000, u32(1)), fullBox('trun', 0, 0, u32(MAX))),
      ),
      box('mdat', MEDIA),
    ]),
  }
}

function lyingTables({ entry, bytes }: Still): Readonly<Record<string, TrackTables>> {
  const one: TrackTables = {
    entry,
    stts: [[4, 512]],
    stsz: { size: bytes.length, count: 4 },
    stsc: [[1, 1]],
    stco: [0, 1, 2, 3].map((sample) => sample * bytes.length),
  }
  return {
    '2^32 samples of one size': { ...one, stsz: { size: 1, count: MAX } },
    '2^31 samples of no size at all': { ...one, stsz: { size: 0, count: 2 ** 31 }, stts: [[2 ** 31, 1]] },
    '2^31 samples in one chunk': {
      ...one,
      stsz: { size: 1, count: 2 ** 31 },
      stts: [[2 ** 31, 1]],
      stsc: [[1, 2 ** 31]],
      stco: [0],
    },
    'more times than samples': {
      ...one,
      stts: [
        [MAX, MAX],
        [MAX, MAX],
      ],
    },
    'fewer times than samples': { ...one, stts: [[1, 512]] },
    'chunks that begin before the first': { ...one, stsc: [[0, 1]] },
    'chunks that run backwards': {
      ...one,
      stsc: [
        [3, 1],
        [1, 1],
      ],
    },
    'chunks beyond the end of the file': { ...one, stco: [0, 2 ** 31, 2 ** 31, 2 ** 31] },
    'samples larger than the file': { ...one, stsz: { size: MAX, count: 4 } },
    'chunks beyond 2^63': { ...one, wide: true, stco: [2 ** 62, 2 ** 62, 2 ** 62, 2 ** 62] },
    'a description of nothing': { ...one, entry: ANY_ENTRY.slice(0, 16) },
  }
}

function otherContainers(sources: AttackSources): Readonly<Record<string, [Uint8Array, ExpectedEnd]>> {
  const matroska = sources.get('h264.mkv')
  const avi = sources.get('mpeg4.avi')
  const head = matroska.subarray(0, 64)
  const deep = concatBytes(
    Array.from({ length: 10_000 }, () => concatBytes([new Uint8Array([0xae]), elementSize(2 ** 40)])),
  )
  const flv = concatBytes([
    latin1('FLV\x01\x05\0\0\0\x09\0\0\0\0'),
    latin1('\x09\xff\xff\xff\0\0\0\0\0\0\0'),
    MEDIA,
  ])
  const hugeList = Buffer.from(avi)
  hugeList.writeUInt32LE(MAX, hugeList.indexOf('LIST', 0, 'latin1') + 4)
  const hugeIndex = Buffer.from(avi)
  hugeIndex.writeUInt32LE(MAX - 8, hugeIndex.indexOf('idx1', 0, 'latin1') + 4)
  return {
    'a Matroska whose first element claims 2^56 bytes': [
      concatBytes([head.subarray(0, 4), elementSize(2 ** 56 - 2), MEDIA]),
      'ERR_MALFORMED_VIDEO',
    ],
    'a Matroska of elements in elements, 10,000 deep': [
      concatBytes([
        head.subarray(0, 40),
        latin1('\x18\x53\x80\x67'),
        elementSize(2 ** 50),
        latin1('\x16\x54\xae\x6b'),
        elementSize(2 ** 48),
        deep,
      ]),
      'ERR_MALFORMED_VIDEO',
    ],
    'an AVI whose list of headers claims 4 GiB': [new Uint8Array(hugeList), 'ready'],
    'an AVI whose index claims 4 GiB': [new Uint8Array(hugeIndex), 'ready'],
    'an FLV whose first tag claims 16 MiB': [flv, 'ERR_MALFORMED_VIDEO'],
    'a transport stream of empty packets': [
      concatBytes(
        Array.from({ length: 1000 }, () =>
          concatBytes([latin1('\x47\x1f\xff\x10'), new Uint8Array(184).fill(255)]),
        ),
      ),
      'ERR_MALFORMED_VIDEO',
    ],
    'a transport stream whose programme map names itself': [transportLoop(), 'ERR_MALFORMED_VIDEO'],
    'an MXF of nothing but its key': [
      concatBytes([
        new Uint8Array(Buffer.from('060e2b34020501010d01020101020400', 'hex')),
        new Uint8Array([0x88]),
        new Uint8Array(8).fill(255),
        MEDIA,
      ]),
      'ERR_MALFORMED_VIDEO',
    ],
    'an ASF whose header claims 2^63 bytes': [
      concatBytes([
        new Uint8Array(Buffer.from('3026b2758e66cf11a6d900aa0062ce6c', 'hex')),
        new Uint8Array(8).fill(0x7f),
        u32(MAX),
        MEDIA,
      ]),
      'ERR_MALFORMED_VIDEO',
    ],
  }
}

/** A PAT whose only programme has its map in packet 0, where the PAT is. */
function transportLoop(): Uint8Array {
  const pat = Buffer.alloc(188, 255)
  Buffer.from('474000100000b00d0001c100000001e00000000000', 'hex').copy(pat)
  return concatBytes(Array.from({ length: 500 }, () => new Uint8Array(pat)))
}
