import { describe, expect, test } from 'vitest'
import { mp4aEntry } from '../../media/isobmff/write-boxes.ts'
import type { Edit, MovieTrack } from '../../media/isobmff/movie.ts'
import { judgeSound } from './judge-sound.ts'

/** AAC-LC, 48 kHz, stereo, in frames that follow one another but for `at`. */
function track(
  options: {
    asc?: readonly number[]
    edits?: readonly Edit[]
    frames?: number
    at?: (frame: number) => number
  } = {},
): MovieTrack {
  const { asc = [0x11, 0x90], edits = [], frames = 300, at = (frame) => frame * 1024 } = options
  const config = Uint8Array.from(asc)
  return {
    id: 2,
    kind: 'audio',
    timescale: 48_000,
    matrix: [],
    language: 'und',
    edits,
    entries: [
      {
        fourcc: 'mp4a',
        config,
        box: mp4aEntry({ asc: config, channels: 2, sampleRate: 48_000, bitrate: 1 }),
        audio: { channels: 2, sampleRate: 48_000 },
      },
    ],
    samples: {
      count: frames,
      offsets: new Float64Array(frames),
      sizes: new Uint32Array(frames).fill(300),
      decodeTimes: Float64Array.from({ length: frames }, (_, frame) => at(frame)),
      compositionOffsets: new Int32Array(frames),
      sync: new Uint8Array(frames).fill(1),
      endTime: at(frames),
    },
  }
}
const edit = (mediaTime: number, durationTicks = 0): Edit => ({ mediaTime, durationTicks, rate: 1 })

describe('sound that can be passed through', () => {
  test.each([
    ['from 0 on', {}, { dropped: 0, silenceBefore: 0, editStartSamples: 0, sourceFrames: 300 }],
    [
      "after ffmpeg's priming",
      { edits: [edit(1024)] },
      { dropped: 1, silenceBefore: 0, editStartSamples: 0, sourceFrames: 299 },
    ],
    [
      "after Apple's priming",
      { edits: [edit(2112)] },
      { dropped: 2, silenceBefore: 0, editStartSamples: 64, sourceFrames: 298 },
    ],
    [
      'late',
      { edits: [edit(-1, 23_040), edit(0)] },
      { dropped: 0, silenceBefore: 23, editStartSamples: 512, sourceFrames: 300 },
    ],
    [
      'with a first frame stretched by 80 ms',
      { at: (frame: number) => (frame === 0 ? 0 : 3840 + (frame - 1) * 1024) },
      { dropped: 1, silenceBefore: 4, editStartSamples: 256, sourceFrames: 299 },
    ],
    [
      'with the rounding of milliseconds',
      { at: (frame: number) => Math.round((frame * 1024) / 48) * 48 },
      { dropped: 0, editStartSamples: 0 },
    ],
  ])('%s', (_name, options, expected) => {
    expect(judgeSound(track(options), 'aac')).toMatchObject({
      passthrough: true,
      sampleRate: 48_000,
      channels: 2,
      codec: 'mp4a.40.2',
      ...expected,
    })
  })

  test('never starts after its edit, nor a whole frame before', () => {
    for (let mediaTime = 0; mediaTime < 5000; mediaTime += 37) {
      const verdict = judgeSound(track({ edits: [edit(mediaTime)] }), 'aac')
      if (!verdict.passthrough) throw new Error(verdict.because)
      expect(verdict.dropped * 1024 + verdict.editStartSamples).toBe(mediaTime)
      expect(verdict.editStartSamples).toBeLessThan(1024)
    }
  })
})

describe('sound that is encoded', () => {
  test.each([
    ['HE-AAC', { asc: [0x2b, 0x11, 0x88, 0x00] }, /not AAC-LC/],
    ['5.1', { asc: [0x11, 0xb0] }, /6 channels/],
    ['frames of 960', { asc: [0x11, 0x94] }, /960/],
    ['a long hole after the first frame', { at: (n: number) => n * 1024 + (n > 0 ? 24_000 : 0) }, /evenly/],
    ['a hole', { at: (frame: number) => frame * 1024 + (frame > 100 ? 4800 : 0) }, /evenly/],
    [
      'overlaps that add up',
      { at: (frame: number) => frame * 1024 - Math.floor(frame / 50) * 256 },
      /evenly/,
    ],
    ['several stretches', { edits: [edit(0, 10_000), edit(20_000)] }, /several/],
    ['an early end', { edits: [edit(0, 100_000)] }, /early/],
  ])('%s', (_name, options, because) => {
    expect(judgeSound(track(options), 'aac')).toMatchObject({
      passthrough: false,
      because: expect.stringMatching(because),
    })
  })
})
