/** RTMP from one end to the other: the addresses that the API gives out, a real server, real programs. */

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { callApi, startServer, type TestServer } from '../harness/server.ts'
import { endPublisher, publishForever } from './endless-publisher.ts'
import { decodedFrames, ffmpeg, makeFilm } from './rtmp-programs.ts'

type Address = { readonly url: string; readonly streamKey: string }
type Input = { readonly uid: string; readonly rtmps: Address; readonly rtmpsPlayback: Address }
type Video = { readonly uid: string; readonly status: { readonly state: string }; readonly duration: number }

let server: TestServer
let folder = ''
let film = ''

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'headwater-rtmp-'))
  film = await makeFilm(join(folder, 'film.mp4'))
  server = await startServer()
})
afterAll(async () => {
  await server.stop()
  await rm(folder, { recursive: true })
})

test('what is published to an input is played by its playback key, and becomes a video', async () => {
  const input = await callApi<Input>(server, '/stream/live_inputs', {
    method: 'POST',
    body: { recording: { mode: 'automatic', timeoutSeconds: 1 } },
  })
  // Over and over, until it has been watched.
  const publisher = publishForever(film, `${input.rtmps.url}${input.rtmps.streamKey}`)
  const played = join(folder, 'played.mkv')
  const { url, streamKey } = input.rtmpsPlayback
  // Refused until somebody publishes.
  await expect
    .poll(async () => {
      return await ffmpeg('-i', `${url}${streamKey}`, '-t', '1', '-c', 'copy', '-y', played).then(
        () => 'played',
        () => 'refused',
      )
    })
    .toBe('played')
  await endPublisher(publisher)
  const sent = new Set(await decodedFrames('v', '-i', film))
  const arrived = await decodedFrames('v', '-i', played)
  expect(arrived.length).toBeGreaterThan(5)
  expect(arrived.filter((picture) => !sent.has(picture))).toEqual([])
  await expect
    .poll(async () => {
      const [video] = await callApi<Video[]>(server, `/stream/live_inputs/${input.uid}/videos`)
      return video?.status.state
    })
    .toBe('ready')
})
