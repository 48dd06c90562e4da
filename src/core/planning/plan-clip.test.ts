import { describe, expect, test } from 'vitest'
import type { Plan } from './plan.ts'
import { planClip } from './plan-clip.ts'

const TIMESCALE = 10
const CUTS = [0, 40, 90, 120, 200]
/** In decode order; a segment's first picture is at its cut, and some come in another order than they are decoded in. */
const SEGMENTS = [
  [0, 20, 10, 12, 38],
  [40, 60, 50, 89],
  [90, 95, 119, 118],
  [120, 180, 150, 130, 199],
]

const source = {
  timescale: TIMESCALE,
  cuts: CUTS,
  frames: { kind: 'source', averageRate: { num: 10, den: 1 } },
  video: [],
  audio: null,
} as unknown as Plan

function clip(startTicks: number, endTicks: number, segments: readonly (readonly number[])[] = SEGMENTS) {
  const times = segments.flat()
  const starts = segments.map((_each, at) => segments.slice(0, at).flat().length)
  const { plan, pictureShiftTicks } = planClip(
    source,
    { startSeconds: startTicks / TIMESCALE, endSeconds: endTicks / TIMESCALE },
    {
      newId: (name) => name,
      pictures: {
        times: { firstSample: 0, at: (sample) => times[sample] ?? 0 },
        segmentSamples: Uint32Array.from([...starts, times.length]),
        sampleEntry: new Uint8Array(),
        avcC: null,
      },
      decoder: 'none',
      sourceComplete: true,
      joined: new Map(),
      mark: null,
    },
  )
  const frameCount = plan.frames.kind === 'source' ? plan.frames.frameCount : -1
  return { start: pictureShiftTicks, end: pictureShiftTicks + (plan.cuts.at(-1) ?? 0), frameCount }
}

describe('a clip of a source with its own times', () => {
  test('begins and ends with whole pictures where these are short, wherever it is cut', () => {
    const times = SEGMENTS.flat()
    for (let start = 0; start < 200; start += 1) {
      for (let end = start + 1; end <= 200; end += 3) {
        const shown = Math.max(...times.filter((time) => time <= start))
        const next = Math.min(200, ...times.filter((time) => time >= end))
        expect(clip(start, end), `${start} to ${end}`).toEqual({
          start: start - shown <= 1 ? shown : start,
          end: next - end <= 1 ? next : end,
          frameCount: times.filter((time) => time > start && time < end).length + 1,
        })
      }
    }
  })

  test('knows nothing of what the clip that it is cut from does not show', () => {
    const [first = [], second = [], third = [], last = []] = SEGMENTS
    const hidden = [[Number.NEGATIVE_INFINITY, ...first], second, third, [...last, Number.POSITIVE_INFINITY]]
    for (const [start, end] of [
      [0, 200],
      [5, 195],
      [45, 85],
      [130, 200],
    ] as const) {
      expect(clip(start, end, hidden)).toEqual(clip(start, end))
    }
  })
})
