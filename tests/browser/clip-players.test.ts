/** Every player, every frame, of what most encoders write; and of a clip of it, over the seams between two encoders. */

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { callApi, type TestServer, waitForVideo } from '../harness/server.ts'
import {
  ENCODER,
  expectPlaysEverywhere,
  expectSoundWithPicture,
  openStage,
  type Played,
  PLAYERS,
  type Stage,
  tries,
} from './players/every-frame.ts'

const SOURCE: Played = {
  seconds: 10,
  rate: '30',
  fps: 30,
  size: '854x480',
  x264: [...ENCODER, '-g', '60'],
}

/** One manifest will do for seams that both know nothing of. */
const CLIP_PLAYERS = PLAYERS.filter(({ player, manifest }) => player !== 'shaka' || manifest === 'video.mpd')

describe('closed GOPs at 30 frames a second', () => {
  let stage: Stage
  let clip: string | undefined

  beforeAll(async () => {
    stage = await openStage(SOURCE)
  })

  afterAll(() => stage?.close())

  for (const { player, manifest } of PLAYERS)
    test(`${player} plays ${manifest}, switching at every segment`, tries(player), async () => {
      const url = `${stage.server.url}/${stage.uid}/manifest/${manifest}`
      await expectPlaysEverywhere(stage, SOURCE, { player, url })
    })

  // Edges of one second around a segment that is the source's.
  test.each(CLIP_PLAYERS)(
    '$player plays a clip from its first to its last picture, over both seams',
    { retry: 1 },
    async ({ player, manifest }) => {
      const { bench, server, uid } = stage
      clip ??= await cut(server, uid, 3, 9)
      await bench.reload()
      // Faster where only the seams are looked at, and not the sound.
      const rate = player === 'hls' ? 1 : 4
      await bench.page.evaluate(
        `for (const video of document.querySelectorAll('video')) video.defaultPlaybackRate = ${rate}`,
      )
      const url = `${server.url}/${clip}/manifest/${manifest}`
      // Without switching hls.js stays with the first one listed, which here is cut from the source.
      const result = await bench.playThrough({ player, url, switching: player !== 'hls' })
      expect(result.errors.filter((error) => error.endsWith('fatal') || error.startsWith('stuck'))).toEqual(
        [],
      )
      expect([result.ended, result.ranges.length]).toEqual([true, 1])
      const first = 3 * SOURCE.fps
      const misplaced = result.frames.filter(
        ([mediaTime, number]) => number !== first + Math.round(mediaTime * SOURCE.fps),
      )
      expect(misplaced).toEqual([])
      if (rate === 1) expectSoundWithPicture(result)
      expect(Math.abs(result.duration - 6)).toBeLessThan(0.05)
      for (const second of [1, 5])
        for (const frame of [second * SOURCE.fps - 1, second * SOURCE.fps]) {
          const seek = await bench.seekAndRead((frame + 0.5) / SOURCE.fps)
          expect(seek.number, `seek to frame ${frame} of the clip in ${player}`).toBe(first + frame)
        }
    },
  )
})

/** Makes a clip of whole seconds; answers it when all of it is there. */
async function cut(
  server: TestServer,
  from: string,
  startTimeSeconds: number,
  endTimeSeconds: number,
): Promise<string> {
  const body = { clippedFromVideoUID: from, startTimeSeconds, endTimeSeconds }
  const { uid } = await callApi<{ uid: string }>(server, '/stream/clip', { method: 'POST', body })
  await waitForVideo(server, uid, 'complete')
  return uid
}
