import { describe, expect, test } from 'vitest'
import type { LiveFragment } from './fragment.ts'
import { SoundTrack } from './sound-track.ts'
import { LIVE_TIMESCALE } from './units.ts'

/** Of 1,024 samples at 48 kHz, in ticks. */
const FRAME = 1_920
const second = (value: number) => value * LIVE_TIMESCALE

function track() {
  const fragments: LiveFragment[] = []
  let ends = 0
  const sound = new SoundTrack({
    trackId: 2,
    sampleRate: 48_000,
    channels: 2,
    frameSamples: 1_024,
    sequence: () => 1,
    onFragment: (fragment) => fragments.push(fragment),
    onSegmentEnd: () => (ends += 1),
  })
  const add = (pts: number) =>
    sound.add({ kind: 'audio', dts: pts, pts, isSync: true, data: Uint8Array.of(7) })
  const addFrom = (pts: number, count: number, off?: (frame: number) => number) => {
    for (let frame = 0; frame < count; frame += 1) add(pts + frame * FRAME + (off?.(frame) ?? 0))
  }
  /** Frames made so far, and that none lies beside the grid. */
  const madeFrames = () => {
    let next = fragments[0]?.decodeTime
    for (const { decodeTime, duration } of fragments) {
      expect(decodeTime).toBe(next)
      next = decodeTime + duration
    }
    return fragments.reduce((sum, { sampleCount }) => sum + sampleCount, 0)
  }
  return { sound, fragments, addFrom, madeFrames, ends: () => ends }
}

describe('the sound of a broadcast', () => {
  test('begins with the first picture: earlier frames are dropped, and silence stands where it starts late', () => {
    const { sound, addFrom, madeFrames, fragments } = track()
    addFrom(0, 40)
    sound.cut(second(1), false)
    addFrom(second(1.5), 40)
    sound.finish()
    expect(fragments[0]?.decodeTime).toBe(48_000)
    expect(madeFrames()).toBe(40 + Math.round(24_000 / 1_024))
  })

  test('lies on its grid whatever the rounding of its times', () => {
    const { sound, addFrom, madeFrames } = track()
    sound.cut(0, false)
    addFrom(0, 500, (frame) => (frame % 3) * 90 - 45)
    sound.finish()
    expect(madeFrames()).toBe(500)
  })

  test('has a hole of more than a tenth of a second filled, and loses what comes twice', () => {
    const { sound, addFrom, madeFrames } = track()
    sound.cut(0, false)
    addFrom(0, 50)
    addFrom(60 * FRAME, 50)
    addFrom(100 * FRAME, 50)
    sound.finish()
    expect(madeFrames()).toBe(150)
  })

  test('is silent while none comes for a second, and is heard again where it belongs', () => {
    const { sound, addFrom, madeFrames } = track()
    sound.cut(0, false)
    addFrom(0, 10)
    sound.fill(second(0.9))
    sound.finish()
    expect(madeFrames()).toBe(10)
    sound.cut(10 * FRAME, false)
    for (let time = 1; time <= 4; time += 0.04) sound.fill(second(time))
    addFrom(second(3.5), 100)
    sound.finish()
    const until = (second(3.5) + 100 * FRAME) / FRAME
    expect(Math.abs(madeFrames() - until)).toBeLessThanOrEqual(1)
  })

  test('is cut at the frame nearest to the picture, also where it is ahead, and no segment is empty', () => {
    const { sound, addFrom, fragments, ends } = track()
    sound.cut(0, false)
    addFrom(0, 110)
    sound.cut(second(2), false)
    addFrom(110 * FRAME, 10)
    sound.cut(second(2.5), false)
    sound.cut(second(2.501), false)
    addFrom(120 * FRAME, 10)
    sound.finish()
    const starts = fragments.filter(({ startsSegment }) => startsSegment).map(({ decodeTime }) => decodeTime)
    expect(starts).toEqual([0, 94 * 1_024, 117 * 1_024, 120 * 1_024])
    expect(ends()).toBe(3)
  })

  test('waits after a gap for the segment that follows it', () => {
    const { sound, addFrom, fragments, madeFrames } = track()
    sound.cut(0, false)
    addFrom(0, 30)
    sound.finish()
    addFrom(30 * FRAME, 5)
    expect(madeFrames()).toBe(30)
    sound.cut(33 * FRAME, true)
    addFrom(35 * FRAME, 10)
    sound.finish()
    expect(fragments.filter(({ afterGap }) => afterGap).map(({ decodeTime }) => decodeTime)).toEqual([
      30 * 1_024,
    ])
    expect(madeFrames()).toBe(45)
  })
})
