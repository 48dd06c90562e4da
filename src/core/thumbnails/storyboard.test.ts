import { expect, test } from 'vitest'
import type { Playable } from '../playback/index.ts'
import { Storyboards, type StoryboardsDeps } from './storyboard.ts'

/** A video of three segments, of which the smallest rendition has the first `made`. */
function playableWith(made: number): Playable {
  const rendition = (id: string, height: number) => ({
    id,
    made: 'ladder',
    width: height,
    height,
    kept: true,
  })
  const playable = {
    plan: {
      timescale: 1,
      cuts: [0, 4, 8, 12],
      picture: { displayWidth: 160, displayHeight: 90 },
      video: [rendition('low', 240), rendition('high', 720)],
    },
    timeline: {
      tracks: [
        { id: 'high', segment: () => ({ from: 'stored' }) },
        { id: 'low', segment: (index: number) => ({ from: index < made ? 'stored' : 'encoder' }) },
      ],
    },
  }
  return playable as unknown as Playable
}

// Neither blobs nor a decoder are asked before it is known that there is something to read.
const storyboards = new Storyboards({} as StoryboardsDeps)

test('is there once the smallest rendition has every picture of it', () => {
  expect(storyboards.describe(playableWith(3), 'sheet.jpg')).toContain('sheet.jpg#xywh=0,0,192,108')
})

test.each([0, 1, 2])(
  'with %i of three segments made it is not ready, and nothing is encoded for it',
  async (made) => {
    const refusal = expect.objectContaining({ code: 'video_not_playable_yet' })
    expect(() => storyboards.describe(playableWith(made), 'sheet.jpg')).toThrow(refusal)
    await expect(storyboards.sheet(playableWith(made))).rejects.toEqual(refusal)
  },
)
