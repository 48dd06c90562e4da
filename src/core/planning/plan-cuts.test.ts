import { describe, expect, test } from 'vitest'
import {
  longestSegment,
  planCutsFromSync,
  planCutsOnGrid,
  planSoundCuts,
  soundFrameCount,
} from './plan-cuts.ts'

describe('cuts at sync samples', () => {
  test.each([
    ['every two seconds', [0, 2, 4, 6, 8, 10], 12, [0, 4, 8, 12]],
    ['every 10.4 seconds', [0, 10.4, 20.8], 30, [0, 10.4, 20.8, 30]],
    ['unevenly', [0, 0.4, 3.1, 5.5, 12, 12.4], 16, [0, 3.1, 5.5, 12, 16]],
    ['only at the start', [0], 3, [0, 3]],
    ['not within half a second of the end', [0, 4, 8], 8.3, [0, 4, 8.3]],
    ['nor so near to another', [0, 5.9, 6.2, 12], 20, [0, 5.9, 12, 20]],
  ])('%s', (_name, allowed, end, expected) => {
    const cuts = planCutsFromSync(
      allowed.map((time) => Math.round(time * 1000)),
      end * 1000,
      1000,
    )
    expect(cuts.map((cut) => cut / 1000)).toEqual(expected)
  })

  test('stay as long as the source makes them', () => {
    expect(longestSegment([0, 4000, 14_500], 1000)).toBe(10.5)
  })
})

describe('cuts of a constant rate', () => {
  test('lie at whole pictures, within half a picture of four seconds', () => {
    for (const rate of [
      { num: 30, den: 1 },
      { num: 30_000, den: 1001 },
      { num: 25, den: 2 },
      { num: 70, den: 1 },
    ]) {
      const timescale = rate.num * 1000
      const cuts = planCutsOnGrid(3001, rate, timescale)
      expect(cuts[0]).toBe(0)
      expect(cuts.at(-1)).toBe(3001 * rate.den * 1000)
      for (const [segment, cut] of cuts.slice(0, -1).entries()) {
        expect(cut % (rate.den * 1000)).toBe(0)
        expect(Math.abs(cut / timescale - segment * 4)).toBeLessThanOrEqual(rate.den / rate.num / 2 + 1e-9)
      }
    }
  })

  test.each([
    [1, 1],
    [100, 1],
    [101, 1],
    [112, 1],
    [113, 2],
    [200, 2],
  ])('%d pictures at 25 make %d segments', (frames, segments) => {
    expect(planCutsOnGrid(frames, { num: 25, den: 1 }, 12_800)).toHaveLength(segments + 1)
  })
})

describe('cuts of the sound', () => {
  const grid = { sampleRate: 48_000, frameSamples: 1024, editStartSamples: 0 }

  test('are the frames nearest to those of the picture', () => {
    const count = soundFrameCount(24_000, 1000, grid)
    expect(count).toBe(1125)
    expect(planSoundCuts([0, 4000, 8000, 24_000], 1000, grid, count)).toEqual([0, 188, 375, 1125])
  })

  test('count from the remainder of the priming', () => {
    const late = { ...grid, editStartSamples: 64 }
    expect(soundFrameCount(24_000, 1000, late)).toBe(1126)
    expect(planSoundCuts([0, 4000, 24_000], 1000, late, 1126)).toEqual([0, 188, 1126])
  })
})
