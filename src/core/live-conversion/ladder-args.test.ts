import { describe, expect, test } from 'vitest'
import type { VideoFormat } from '../../media/live/units.ts'
import { affordableRungs, planLiveRungs } from './ladder-args.ts'

const RATE = { num: 30, den: 1 }

function pictures(width: number, height: number): VideoFormat {
  return { kind: 'video', codec: 'avc', config: new Uint8Array(0), width, height }
}

describe('the rungs below a broadcast', () => {
  test.each([
    [1920, 1080, ['360p', '480p', '720p']],
    [1280, 720, ['360p', '480p']],
    [1080, 1920, ['360p', '480p', '720p']],
    [854, 480, ['360p']],
    [640, 360, []],
    [320, 180, []],
  ])('%i × %i', (width, height, names) => {
    expect(planLiveRungs(pictures(width, height), RATE).map(({ name }) => name)).toEqual(names)
  })

  test.each([
    // Twice as fast as shown: all of them.
    [2, 3],
    // 720p is more than half of the work.
    [1.2, 2],
    [0.7, 1],
    [0.2, 0],
  ])(
    'a machine that makes all of them %f times as fast as they are shown is asked for %i',
    (speed, count) => {
      const source = pictures(1920, 1080)
      expect(affordableRungs(source, planLiveRungs(source, RATE), { speed, wanted: 1.5 })).toBe(count)
    },
  )
})
