import { expect, test } from 'vitest'
import type { LiveFragment } from './fragment.ts'
import { PictureTrack } from './picture-track.ts'
import { LIVE_TIMESCALE } from './units.ts'

/** The parts of three groups of pictures and the first picture of the next, published by RTMP, which counts milliseconds. */
function partsOf(picturesPerSecond: number, picturesOfGroup: number): LiveFragment[] {
  const parts: LiveFragment[] = []
  const track = new PictureTrack({
    trackId: 1,
    sequence: () => parts.length + 1,
    onFragment: (fragment) => parts.push(fragment),
    onSegmentEnd: () => {},
    startsSegment: () => ({ afterGap: false }),
  })
  for (let picture = 0; picture <= 3 * picturesOfGroup; picture += 1) {
    const ticks = (Math.round((picture * 1_000) / picturesPerSecond) * LIVE_TIMESCALE) / 1_000
    const isSync = picture % picturesOfGroup === 0
    track.add({ kind: 'video', dts: ticks, pts: ticks, isSync, data: Uint8Array.of(1) })
  }
  return parts
}

const counts = (parts: readonly LiveFragment[]) => parts.map(({ sampleCount }) => sampleCount)
const thrice = (group: readonly number[]) => [...group, ...group, ...group]

test.each([
  [60, 120, [30, 30, 30, 30]],
  [30, 60, [15, 15, 15, 15]],
  [25, 50, [12, 12, 12, 12, 2]],
  [24, 48, [12, 12, 12, 12]],
  [15, 30, [7, 7, 7, 7, 2]],
])('%d pictures a second in groups of %d make parts of %o', (rate, group, expected) => {
  expect(counts(partsOf(rate, group))).toEqual(thrice(expected))
})

test.each([24_000 / 1_001, 30_000 / 1_001, 50, 60_000 / 1_001, 144])(
  'of %d pictures a second no part is longer than half a second, and none is shorter than need be',
  (rate) => {
    const parts = partsOf(rate, Math.round(2 * rate))
    const longest = Math.max(...parts.map(({ duration }) => duration))
    expect(longest).toBeLessThanOrEqual(LIVE_TIMESCALE / 2)
    const last = new Set(parts.flatMap(({ startsSegment }, at) => (startsSegment ? [at - 1] : [])))
    const others = parts.filter((_, at) => !last.has(at) && at < parts.length - 1)
    // Those but the last of a segment have to be 85 % of the target at least (bis §4.4.4.9).
    for (const { duration } of others) expect(duration).toBeGreaterThan(0.85 * (LIVE_TIMESCALE / 2))
  },
)
