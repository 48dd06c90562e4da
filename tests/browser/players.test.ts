/**
 * Four players, one presentation: while the rendition is switched at every segment, every displayed frame is read back,
 * beeps are compared with the clock of the picture, and seeks must land on the exact frame.
 */

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { callApi, startServer, type TestServer, uploadFile, waitForVideo } from '../harness/server.ts'
import { type BenchPage, openBenchPage, type PlayerName, type Playthrough } from './players/bench-page.ts'
import { makeNumberedSource, type NumberedSource } from './players/numbered-source.ts'

/** One AAC frame at 48 kHz; what a viewer could not notice. */
const SOUND_TOLERANCE_MS = 21

type Case = Omit<NumberedSource, 'file'> & {
  readonly name: string
  readonly fps: number
  /** Whether it is protected, and played by a token. */
  readonly signed?: boolean
}

const ENCODER = ['-preset', 'veryfast', '-bf', '2', '-sc_threshold', '0']
const CASES: readonly Case[] = [
  {
    name: 'closed GOPs at 30 frames a second',
    seconds: 10,
    rate: '30',
    fps: 30,
    size: '854x480',
    x264: [...ENCODER, '-g', '60'],
  },
  {
    name: 'irregular sync samples at 29.97, fragmented, behind a token',
    signed: true,
    seconds: 12,
    rate: '30000/1001',
    fps: 30000 / 1001,
    size: '854x480',
    x264: [...ENCODER, '-g', '300', '-force_key_frames', '0,1.1,3.5,5.2,9.9,11'],
    muxer: ['-movflags', '+frag_keyframe+default_base_moof+delay_moov'],
  },
]

const PLAYERS: readonly { player: PlayerName; manifest: string }[] = [
  { player: 'hls', manifest: 'video.m3u8' },
  { player: 'shaka', manifest: 'video.m3u8' },
  { player: 'shaka', manifest: 'video.mpd' },
  { player: 'dash', manifest: 'video.mpd' },
]

/** One manifest will do for seams that both know nothing of. */
const CLIP_PLAYERS = PLAYERS.filter(({ player, manifest }) => player !== 'shaka' || manifest === 'video.mpd')

let folder: string
let server: TestServer

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'headwater-players-'))
  server = await startServer()
})

afterAll(async () => {
  await server.stop()
  await rm(folder, { recursive: true, force: true })
})

describe.each(CASES)('$name', (source) => {
  let bench: BenchPage
  let id: string
  let uploaded: string
  let clip: string | undefined

  beforeAll(async () => {
    const file = join(folder, `${source.seconds}-${source.fps}.mp4`)
    await makeNumberedSource({ ...source, file })
    const { uid } = await uploadFile(server, file)
    await waitForVideo(server, uid, 'complete')
    uploaded = uid
    id = source.signed ? await protect(uid) : uid
    bench = await openBenchPage(file)
  })

  afterAll(() => bench.close())

  // dash.js applies a switch a moment after it was asked for; when that moment falls behind its last request it never says
  // that the stream is over. It gets another try, the others do not.
  const tries = (player: PlayerName) => ({ retry: player === 'dash' ? 2 : 0 })

  for (const { player, manifest } of PLAYERS)
    test(`${player} plays ${manifest}, switching at every segment`, tries(player), async () => {
      await bench.reload()
      const result = await bench.playThrough({
        player,
        url: `${server.url}/${id}/manifest/${manifest}`,
        switching: true,
      })
      // hls.js also reports what it recovers from by itself; a stall or a gap would show below.
      const fatal = result.errors.filter(
        (error) => player !== 'hls' || error.endsWith('fatal') || error.startsWith('stuck'),
      )
      expect(fatal).toEqual([])
      expect(result.ended).toBe(true)
      expect(new Set(result.frames.map(([, , width]) => width)).size).toBeGreaterThan(1)
      expectEveryFrameInItsPlace(result, source)
      expectOneRange(result, source)
      expectSoundWithPicture(result)
      for (const frame of framesAroundJoins(source)) {
        const seek = await bench.seekAndRead((frame + 0.5) / source.fps)
        expect(seek.number, `seek to frame ${frame} in ${player}`).toBe(frame)
      }
    })

  // Edges of one second around a segment that is the source's.
  if (source.signed !== true)
    test.each(CLIP_PLAYERS)(
      '$player plays a clip from its first to its last picture, over both seams',
      { retry: 1 },
      async ({ player, manifest }) => {
        clip ??= await cut(uploaded, 3, 9)
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
        const first = 3 * source.fps
        const misplaced = result.frames.filter(
          ([mediaTime, number]) => number !== first + Math.round(mediaTime * source.fps),
        )
        expect(misplaced).toEqual([])
        if (rate === 1) expectSoundWithPicture(result)
        expect(Math.abs(result.duration - 6)).toBeLessThan(0.05)
        for (const second of [1, 5])
          for (const frame of [second * source.fps - 1, second * source.fps]) {
            const seek = await bench.seekAndRead((frame + 0.5) / source.fps)
            expect(seek.number, `seek to frame ${frame} of the clip in ${player}`).toBe(first + frame)
          }
      },
    )
})

/** Makes a clip of whole seconds; answers it when all of it is there. */
async function cut(from: string, startTimeSeconds: number, endTimeSeconds: number): Promise<string> {
  const body = { clippedFromVideoUID: from, startTimeSeconds, endTimeSeconds }
  const { uid } = await callApi<{ uid: string }>(server, '/stream/clip', { method: 'POST', body })
  await waitForVideo(server, uid, 'complete')
  return uid
}

/** Has the video ask for tokens, and answers one. */
async function protect(uid: string): Promise<string> {
  await callApi(server, `/stream/${uid}`, { method: 'POST', body: { requireSignedURLs: true } })
  const { token } = await callApi<{ token: string }>(server, `/stream/${uid}/token`, { method: 'POST' })
  return token
}

/** The number burnt into each displayed picture is the one its media time says; none is missing but dropped ones. */
function expectEveryFrameInItsPlace(result: Playthrough, source: Case): void {
  const misplaced = result.frames.filter(
    ([mediaTime, number]) => number !== Math.round(mediaTime * source.fps),
  )
  expect(misplaced.slice(0, 10)).toEqual([])
  // A busy machine drops pictures on the screen; frames that the presentation lost would show as misplaced or as a gap.
  expect(result.frames.length).toBeGreaterThan(source.seconds * source.fps * 0.2)
}

function expectOneRange(result: Playthrough, source: Case): void {
  expect(result.ranges.length).toBe(1)
  const [start, end] = result.ranges[0] ?? [-1, -1]
  // Players may evict what lies behind; what is there has no hole and reaches the end.
  expect(start).toBeGreaterThanOrEqual(0)
  expect(Math.abs(end - source.seconds)).toBeLessThan(0.05)
  expect(Math.abs(result.duration - source.seconds)).toBeLessThan(0.05)
}

/** Beeps lie on whole seconds of the picture's clock. */
function expectSoundWithPicture(result: Playthrough): void {
  const offsets = result.clock.map(([context, media]) => media - context).sort((a, b) => a - b)
  const offset = offsets[offsets.length >> 1] ?? Number.NaN
  const errorsMs = result.beeps.map((beep) => {
    const media = beep + offset
    return Math.abs(media - Math.round(media)) * 1000
  })
  expect(errorsMs.length).toBeGreaterThan(3)
  errorsMs.sort((a, b) => a - b)
  expect(errorsMs[errorsMs.length >> 1]).toBeLessThan(SOUND_TOLERANCE_MS)
}

/** Frames on both sides of 4 s steps, where segments usually join, and two in between. */
function framesAroundJoins(source: Case): number[] {
  const join4 = Math.round(4 * source.fps)
  const join8 = Math.round(8 * source.fps)
  return [join4 + 1, join4 - 1, join4, join8, join8 - 1, 7, Math.round(source.seconds * source.fps) - 3]
}
