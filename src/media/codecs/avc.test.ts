import { describe, expect, test } from 'vitest'
import { AVC_CONFIG } from '../../../tests/fuzz/codec-configs.ts'
import { readAvcConfig } from './avc.ts'

const hex = (value: string): Uint8Array => new Uint8Array(Buffer.from(value, 'hex'))

/** Each made by ffmpeg with libx264 from `testsrc2=s=160x120:r=25` with the options named, and taken out of the file. */
const CONFIGS: readonly (readonly [string, Uint8Array, object])[] = [
  [
    '-preset veryfast, bframes=2',
    AVC_CONFIG,
    {
      profile: 100,
      constraints: 0,
      level: 11,
      width: 160,
      height: 120,
      chromaFormat: 1,
      bitDepth: 8,
      interlaced: false,
      reorderFrames: 2,
      frameRate: null,
      transferCharacteristics: null,
      matrixCoefficients: null,
      pixelAspect: { num: 1, den: 1 },
      parameterSets: { sps: 1, pps: 1 },
      lengthSize: 4,
      codec: 'avc1.64000b',
    },
  ],
  [
    '-vf setsar=2/1 -preset ultrafast',
    hex('0142c00bffe100186742c00bda0a11f97101000003000100000300320f142aa001000468ce0fc8'),
    {
      profile: 66,
      width: 160,
      height: 120,
      pixelAspect: { num: 2, den: 1 },
      reorderFrames: 0,
      codec: 'avc1.42c00b',
    },
  ],
  [
    '-vf setsar=37/29 -color_trc smpte2084',
    hex('0142c00bffe1001f6742c00bda0a11f97ff0025001d6a12201280000030008000003019078a15501000468ce0fc8'),
    { pixelAspect: { num: 37, den: 29 }, transferCharacteristics: 16 },
  ],
  [
    '-flags +ildct+ilme: fields, so cropping counts twice',
    hex('01640015ffe1001967640015acd94288fde022000003000200000300643e28532c01000668fba3cb22c0fdf8f800'),
    { width: 160, height: 120, interlaced: true },
  ],
  [
    '-pix_fmt yuv444p',
    hex('01f4000bffe1001a67f4000b919b28508fc4e022000003000200000300641e28532c01000668ebe3c44844fff8f800'),
    { profile: 244, chromaFormat: 3, bitDepth: 8, width: 160, height: 120 },
  ],
  [
    '-pix_fmt yuv422p10le',
    hex('017a000bffe1001a677a000bb6cd942847e27011000003000100000300320f14299601000668ebe3cb22c0fefafa00'),
    { profile: 122, chromaFormat: 2, bitDepth: 10, width: 160, height: 120 },
  ],
  [
    '-x264-params nal-hrd=cbr:force-cfr=1: buffers described, constant rate promised',
    hex(
      '01640014ffe1002367640014acd942847e5c0440000003004000000cb810003d090007a13930c01e28532c01000568ebecb22cfdf8f800',
    ),
    { level: 20, reorderFrames: 2, frameRate: { num: 50, den: 2 } },
  ],
  [
    'testsrc2=s=1920x1080: cropped from 1,088 lines',
    hex('0142c028ffe100196742c028da01e0089f97011000000300100000030320f1832a01000468ce0fc8'),
    { width: 1920, height: 1080, level: 40 },
  ],
]

describe('avcC', () => {
  test.each(CONFIGS)('%s', (_, avcC, facts) => {
    expect(readAvcConfig(avcC)).toMatchObject(facts)
  })

  test.each<[string, Uint8Array, RegExp]>([
    ['nothing', new Uint8Array(0), /ends before its fields do/],
    ['another version', hex('0264000bffe0'), /another version/],
    ['no parameter set', hex('0164000bffe000'), /no sequence parameter set/],
    ['a parameter set longer than the box', hex('0164000bffe100ff67'), /ends inside a parameter set/],
    ['a parameter set of another kind', hex('0164000bffe1000568ebec492c00'), /type 8/],
    ['a parameter set cut short', hex('0164000bffe100046764000b00'), /ends before its fields do/],
  ])('refused: %s', (_, avcC, sentence) => {
    expect(() => readAvcConfig(avcC)).toThrow(sentence)
  })
})
