import { describe, expect, test } from 'vitest'
import type { Edit, MovieTrack } from '../../media/isobmff/movie.ts'
import { avc1Entry } from '../../media/isobmff/write-boxes.ts'
import { avcPicture, pictureTimeline, readMatrix } from './index-facts.ts'
import { judgePicture, type PictureVerdict } from './judge-picture.ts'

/** `avcC` of x264, High, level 1.2, 320 × 180, progressive, square pixels. */
const AVCC = Uint8Array.from(
  Buffer.from(
    '0164000cffe1001a6764000cacd941419f9f011000000300100000030320f142996001000468ef8fcbfdf8f800',
    'hex',
  ),
)
const IDENTITY = [65_536, 0, 0, 0, 65_536, 0, 0, 0, 1_073_741_824]

type Options = {
  readonly frames?: number
  readonly gop?: number
  readonly bytes?: number
  readonly edits?: readonly Edit[]
  readonly matrix?: readonly number[]
  readonly start?: number
  readonly offset?: (frame: number) => number
  readonly entries?: number
}

/** 25 a second in ticks of 1/12800; every `gop`-th picture is a sync sample. */
function track(options: Options = {}): MovieTrack {
  const {
    frames = 500,
    gop = 50,
    bytes = 2000,
    edits = [],
    matrix = IDENTITY,
    start = 0,
    offset = () => 0,
  } = options
  const entry = {
    fourcc: 'avc1',
    config: AVCC,
    box: avc1Entry({ avcC: AVCC, width: 320, height: 180 }),
    video: { width: 320, height: 180, pixelAspect: { num: 1, den: 1 }, transferCharacteristics: null },
  }
  return {
    id: 1,
    kind: 'video',
    timescale: 12_800,
    matrix,
    language: 'und',
    edits,
    entries: Array.from({ length: options.entries ?? 1 }, () => entry),
    samples: {
      count: frames,
      offsets: new Float64Array(frames),
      sizes: new Uint32Array(frames).fill(bytes),
      decodeTimes: Float64Array.from({ length: frames }, (_, frame) => start + frame * 512),
      compositionOffsets: Int32Array.from({ length: frames }, (_, frame) => offset(frame)),
      sync: Uint8Array.from({ length: frames }, (_, frame) => (frame % gop === 0 ? 1 : 0)),
      endTime: start + frames * 512,
    },
  }
}

function judge(options: Options = {}): PictureVerdict {
  const one = track(options)
  const picture = avcPicture({ timescale: 1000, fragmented: false, tracks: [one], neededBytes: 0 }, 0)
  if (picture === undefined) throw new Error('the configuration is not readable')
  return judgePicture(one, picture, pictureTimeline(one))
}
const edit = (mediaTime: number, durationTicks = 0): Edit => ({ mediaTime, durationTicks, rate: 1 })

describe('a picture that can be passed through', () => {
  test('is cut at its sync samples nearest to every four seconds', () => {
    expect(judge()).toMatchObject({
      passthrough: true,
      cuts: [0, 51_200, 102_400, 153_600, 204_800, 256_000],
      frameCount: 500,
      averageRate: { num: 25, den: 1 },
      editStartTicks: 0,
      rungEditStartTicks: 1024,
      averageBps: 400_000,
    })
  })

  test.each([
    [
      'an edit list that takes the reordering delay away',
      { offset: () => 1024, edits: [edit(1024)] },
      [0, 51_200],
    ],
    ['a start up to a second late', { start: 10_000 }, [0, 61_200]],
    ['an edit at a sync sample', { edits: [edit(25_600)] }, [0, 51_200]],
    ['an edit a tick behind the first picture', { edits: [edit(1)] }, [0, 51_199]],
  ])('may have %s', (_name, options, cuts) => {
    const verdict = judge(options)
    expect(verdict).toMatchObject({ passthrough: true })
    expect(verdict.passthrough && verdict.cuts.slice(0, 2)).toEqual(cuts)
  })
})

describe('a picture that is encoded', () => {
  test.each([
    ['cannot be cut often enough', { gop: 300 }, /cannot be cut for 12\.0 s/],
    ['is too heavy', { bytes: 110_000 }, /22\.0 Mbit/],
    ['is turned', { matrix: [0, 65_536, 0, -65_536, 0, 0, 0, 0, 1_073_741_824] }, /turned/],
    ['begins more than a second late', { start: 20_000 }, /1\.6 s late/],
    ['is edited in the middle of a group', { edits: [edit(12_800)] }, /inside a group/],
    ['ends early', { edits: [edit(0, 128_000)] }, /early|never shown/],
    ['has several stretches', { edits: [edit(0, 1000), edit(5000)] }, /several/],
    ['changes on the way', { entries: 2 }, /changes 1 times/],
    ['shows two pictures at once', { offset: (frame: number) => (frame === 7 ? 512 : 0) }, /same time/],
    ['has open groups only', { offset: (frame: number) => (frame % 50 === 0 ? 2048 : 0) }, /./],
  ])('%s', (_name, options, because) => {
    expect(judge(options)).toMatchObject({ passthrough: false, because: expect.stringMatching(because) })
  })
})

describe('the matrix of a track', () => {
  test.each([
    [IDENTITY, 0, true],
    [[0, 65_536, 0, -65_536, 0, 0], 90, false],
    [[-65_536, 0, 0, 0, -65_536, 0], 180, false],
    [[0, -65_536, 0, 65_536, 0, 0], 270, false],
    [[-65_536, 0, 0, 0, 65_536, 0], 0, false],
    [[131_072, 0, 0, 0, 65_536, 0], 0, false],
  ])('%j', (matrix, rotation, plain) => {
    expect(readMatrix(matrix)).toEqual({ rotation, plain })
  })
})
