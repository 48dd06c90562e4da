import { describe, expect, test } from 'vitest'
import { planLadder } from './ladder.ts'

const at30 = { num: 30, den: 1 }
const sizes = (width: number, height: number, rate = at30) =>
  planLadder({ width, height, rate }).map((rung) => `${rung.name} ${rung.width}x${rung.height}`)

describe('the ladder', () => {
  test.each([
    [
      '1080p',
      1920,
      1080,
      ['240p 426x240', '360p 640x360', '480p 854x480', '720p 1280x720', '1080p 1920x1080'],
    ],
    [
      '4K, scaled down',
      3840,
      2160,
      ['240p 426x240', '360p 640x360', '480p 854x480', '720p 1280x720', '1080p 1920x1080'],
    ],
    [
      'portrait, by its shorter side',
      1080,
      1920,
      ['240p 240x426', '360p 360x640', '480p 480x854', '720p 720x1280', '1080p 1080x1920'],
    ],
    ['720p', 1280, 720, ['240p 426x240', '360p 640x360', '480p 854x480', '720p 1280x720']],
    ['540p: its own size on top', 960, 540, ['240p 426x240', '360p 640x360', '480p 854x480', '540p 960x540']],
    ['500p: less than a tenth above 480p', 888, 500, ['240p 426x240', '360p 640x360', '480p 852x480']],
    ['432p', 768, 432, ['360p 640x360', '432p 768x432']],
    ['240p: one rung of its own size', 320, 240, ['240p 320x240']],
    ['odd sizes become even', 641, 359, ['359p 642x360']],
    ['tiny', 64, 48, ['48p 64x48']],
  ])('%s', (_name, width, height, expected) => {
    expect(sizes(width, height)).toEqual(expected)
  })

  test('never upscales and never passes 1080p', () => {
    for (let side = 16; side < 3000; side += 7) {
      for (const rung of planLadder({ width: side * 2, height: side, rate: at30 })) {
        expect(rung.height).toBeLessThanOrEqual(Math.min(side + 1, 1080))
        expect((rung.width % 2) + (rung.height % 2)).toBe(0)
        expect(rung.maxBps).toBeGreaterThan(rung.targetBps)
      }
    }
  })

  test('rates grow with size, and by half above 35 pictures a second', () => {
    const rungs = planLadder({ width: 1728, height: 972, rate: at30 })
    for (let index = 1; index < rungs.length; index += 1) {
      expect(rungs[index]?.targetBps).toBeGreaterThan(rungs[index - 1]?.targetBps ?? 0)
    }
    expect(planLadder({ width: 1920, height: 1080, rate: { num: 60, den: 1 } }).at(-1)?.targetBps).toBe(
      7_500_000,
    )
  })

  test.each([
    [640, 360, 30, 'avc1.4d401e'],
    [1280, 720, 30, 'avc1.64001f'],
    [1280, 720, 60, 'avc1.640020'],
    [1920, 1080, 30, 'avc1.640028'],
    [1920, 1080, 60, 'avc1.64002a'],
  ])('%d × %d at %d is %s', (width, height, rate, codec) => {
    expect(planLadder({ width, height, rate: { num: rate, den: 1 } }).at(-1)?.codec).toBe(codec)
  })
})
