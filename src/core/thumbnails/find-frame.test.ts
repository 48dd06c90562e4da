import { describe, expect, test } from 'vitest'
import type { Plan } from '../planning/index.ts'
import type { OwnPictures } from '../timeline/index.ts'
import { findFrame } from './find-frame.ts'

const grid = (num: number, den: number, cuts: number[], frameCount: number, timescale: number): Plan =>
  ({ timescale, cuts, frames: { kind: 'grid', frameCount, rate: { num, den } } }) as unknown as Plan

describe('the picture at an instant', () => {
  const even = grid(25, 1, [0, 51_200, 102_400, 128_000], 250, 12_800)
  test.each([
    [0, 0, 0, 0],
    [0.039, 0, 0, 0],
    [0.04, 0, 1, 40],
    [3.999, 0, 99, 3_960],
    [4, 1, 0, 4_000],
    [9.999, 2, 49, 9_960],
    [10, 2, 49, 9_960],
    [99, 2, 49, 9_960],
  ])('at %d s of a constant rate: segment %i, number %i', (seconds, segment, number, timeMs) => {
    expect(findFrame(even, seconds, null)).toEqual({ segment, number, timeMs })
  })

  test('is the same for every picture of 29.97 a second, at its start and just before its end', () => {
    const plan = grid(30_000, 1_001, [0, 120_120, 240_240, 300_300], 300, 30_000)
    for (let frame = 0; frame < 300; frame += 1) {
      const [start, end] = [(frame * 1_001) / 30_000, ((frame + 1) * 1_001 - 1) / 30_000]
      for (const seconds of [start, end]) {
        const found = findFrame(plan, seconds, null)
        expect(found.segment * 120 + found.number).toBe(frame)
      }
    }
  })

  test('follows the source’s own times, whatever their order', () => {
    const times = [0, 5, 2, 3, 8, 20, 12]
    const own: OwnPictures = {
      segmentSamples: Uint32Array.from([0, 4, 7]),
      times: { firstSample: 0, at: (sample) => times[sample] ?? 0 },
    }
    const plan = { timescale: 10, cuts: [0, 8, 25], frames: { kind: 'source' } } as unknown as Plan
    const at = (seconds: number) => findFrame(plan, seconds, own)
    expect(at(0)).toMatchObject({ segment: 0, number: 0 })
    expect(at(0.25)).toMatchObject({ segment: 0, number: 1, timeMs: 200 })
    expect(at(0.7)).toMatchObject({ segment: 0, number: 3, timeMs: 500 })
    expect(at(0.8)).toMatchObject({ segment: 1, number: 0, timeMs: 800 })
    expect(at(1.5)).toMatchObject({ segment: 1, number: 1, timeMs: 1_200 })
    expect(at(2.5)).toMatchObject({ segment: 1, number: 2, timeMs: 2_000 })
  })
})
