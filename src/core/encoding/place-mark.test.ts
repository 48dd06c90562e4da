import { describe, expect, test } from 'vitest'
import { placeMark } from './place-mark.ts'

const mark = {
  imageBlob: 'watermarks/x.png',
  width: 200,
  height: 100,
  opacity: 1,
  padding: 0.05,
  scale: 0.15,
  position: 'upperRight',
} as const
const HD = { width: 1920, height: 1080 }

describe('the mark on a picture', () => {
  test.each([
    // 0.15 × 1920 = 288 wide; 96 and 54 from the edges.
    ['upperRight', { x: 1536, y: 54, width: 288, height: 144 }],
    ['upperLeft', { x: 96, y: 54, width: 288, height: 144 }],
    ['lowerLeft', { x: 96, y: 882, width: 288, height: 144 }],
    ['lowerRight', { x: 1536, y: 882, width: 288, height: 144 }],
    ['center', { x: 816, y: 468, width: 288, height: 144 }],
  ] as const)('lies at %s', (position, box) => {
    expect(placeMark({ ...mark, position }, HD)).toEqual(box)
  })

  test.each([
    ['a tall image is fitted by its height', { width: 100, height: 400 }, HD, [40, 162]],
    ['a portrait picture has a narrow mark', {}, { width: 1080, height: 1920 }, [162, 82]],
    ['1 fills it in one direction', { scale: 1 }, HD, [1920, 960]],
    ['0 is its own pixels in 1080p', { scale: 0 }, HD, [200, 100]],
    ['0 is smaller on smaller pictures', { scale: 0 }, { width: 640, height: 360 }, [66, 34]],
    ['0 counts the shorter side', { scale: 0 }, { width: 1080, height: 1920 }, [200, 100]],
    ['0 is no larger than the picture', { scale: 0, width: 4000, height: 1000 }, HD, [1920, 480]],
    ['it never vanishes', { scale: 0.001 }, { width: 64, height: 36 }, [2, 2]],
    ['a line stays a line', { scale: 1, width: 4000, height: 1 }, HD, [1920, 2]],
  ])('%s', (_name, changes, picture, [width, height]) => {
    expect(placeMark({ ...mark, ...changes }, picture)).toMatchObject({ width, height })
  })

  test('lies within the picture and on whole chroma pixels, whatever is asked for', () => {
    for (const scale of [0, 0.01, 0.333, 1]) {
      for (const padding of [0, 0.07, 0.5, 1]) {
        for (const position of ['upperRight', 'lowerLeft', 'center'] as const) {
          for (const [width, height] of [
            [320, 180],
            [426, 240],
            [2, 2],
            [240, 426],
          ] as const) {
            const box = placeMark({ ...mark, scale, padding, position }, { width, height })
            for (const value of Object.values(box)) expect(value % 2).toBe(0)
            expect(Math.min(box.x, box.y)).toBeGreaterThanOrEqual(0)
            expect(box.x + box.width).toBeLessThanOrEqual(width)
            expect(box.y + box.height).toBeLessThanOrEqual(height)
          }
        }
      }
    }
  })
})
