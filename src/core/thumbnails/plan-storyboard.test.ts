import { describe, expect, test } from 'vitest'
import type { Plan } from '../planning/index.ts'
import { buildStoryboardArgs, formatStoryboard, planStoryboard } from './plan-storyboard.ts'

type Rendition = Pick<Plan['video'][number], 'id' | 'made' | 'width' | 'height' | 'kept'>
const rendition = (id: string, height: number, fields: Partial<Rendition> = {}): Rendition => ({
  id,
  made: 'ladder',
  width: (height * 16) / 9,
  height,
  kept: true,
  ...fields,
})

/** Only what a storyboard looks at; segments of 4 s. */
function planOf(
  seconds: number,
  fields: { video?: Rendition[]; width?: number; height?: number } = {},
): Plan {
  const { video = [rendition('low', 240), rendition('high', 720)], width = 1280, height = 720 } = fields
  const cuts = Array.from({ length: Math.ceil(seconds / 4) }, (_each, index) => index * 4_000)
  const partial = {
    timescale: 1_000,
    cuts: [...cuts, seconds * 1_000],
    picture: { displayWidth: width, displayHeight: height },
    video,
  }
  return partial as unknown as Plan
}

describe('a storyboard', () => {
  test.each([
    [0.5, 1_000, 1, 1, 1],
    [10, 1_000, 10, 10, 1],
    [10.2, 1_000, 11, 10, 2],
    [100, 1_000, 100, 10, 10],
    [101, 1_010, 100, 10, 10],
    [7_200, 72_000, 100, 10, 10],
  ])('of %d s has a picture every %d ms: %d on %dx%d', (seconds, intervalMs, count, columns, rows) => {
    expect(planStoryboard(planOf(seconds))).toMatchObject({ intervalMs, count, columns, rows })
  })

  test('reads each segment that an instant lies in, once', () => {
    expect(planStoryboard(planOf(10))?.segments).toEqual([0, 1, 2])
    const { segments = [] } = planStoryboard(planOf(7_200)) ?? {}
    expect(segments).toHaveLength(100)
    expect(segments.slice(0, 3)).toEqual([0, 18, 36])
  })

  test.each([
    [1280, 720, 192, 108],
    [720, 1280, 108, 192],
    [100, 100, 192, 192],
    [3000, 10, 192, 2],
  ])('of %dx%d has pictures of %dx%d', (width, height, wide, high) => {
    expect(planStoryboard(planOf(10, { width, height }))).toMatchObject({ width: wide, height: high })
  })

  test('is taken from the smallest rendition that stays offered', () => {
    const dropped = rendition('source', 144, { made: 'passthrough', kept: false })
    expect(planStoryboard(planOf(10, { video: [dropped, rendition('low', 240)] }))?.rendition).toBe('low')
    const kept = rendition('source', 144, { made: 'passthrough', kept: true })
    expect(planStoryboard(planOf(10, { video: [kept, rendition('low', 240)] }))?.rendition).toBe('source')
    expect(planStoryboard(planOf(10, { video: [dropped] }))).toBeUndefined()
  })

  test('is told as WebVTT without gaps, to the end of the video', () => {
    const storyboard = planStoryboard(planOf(10.25))
    const text = storyboard ? formatStoryboard(storyboard, 'sheet.jpg') : ''
    expect(text.split('\n\n')).toHaveLength(12)
    expect(text).toMatch(/^WEBVTT\n\n00:00:00\.000 --> 00:00:01\.000\nsheet\.jpg#xywh=0,0,192,108\n/)
    expect(text).toMatch(/\n00:00:10\.000 --> 00:00:10\.250\nsheet\.jpg#xywh=0,108,192,108\n$/)
  })

  test('of a long video decodes the beginnings of segments only', () => {
    const args = (seconds: number) => {
      const storyboard = planStoryboard(planOf(seconds))
      return storyboard ? buildStoryboardArgs(storyboard, 'out.jpg').join(' ') : ''
    }
    expect(args(7_200)).toContain('-skip_frame nokey -i {input}')
    expect(args(7_200)).toContain('fps=1000/72000:round=up,scale=192:108,setsar=1,tile=10x10')
    expect(args(60)).not.toContain('skip_frame')
  })
})
