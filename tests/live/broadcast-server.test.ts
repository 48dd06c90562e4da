/** A whole server with a real publisher, killed while it is live, and those who are told of it. */

import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Receiver, startReceiver } from '../harness/receiver.ts'
import { callApi, startServer, type TestServer } from '../harness/server.ts'
import { endPublisher, publishForever } from './endless-publisher.ts'
import { makeFilm } from './live-units.ts'

type Input = { readonly uid: string; readonly rtmp: { readonly url: string; readonly streamKey: string } }
type Video = {
  readonly uid: string
  readonly duration: number
  readonly status: { readonly state: string }
  readonly liveInput: string
}

let server: TestServer
let receiver: Receiver
let folder = ''
let film = ''

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'headwater-live-'))
  film = join(folder, 'film.mp4')
  await makeFilm(film, { seconds: 6, picture: ['-g', '50', '-bf', '0'] })
  receiver = await startReceiver()
  server = await startServer({ env: { HEADWATER_ALLOW_PRIVATE_FETCH: 'true' } })
})
afterAll(async () => {
  await server.stop()
  await receiver[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
})

const publish = ({ rtmp }: Input): ChildProcess => publishForever(film, `${rtmp.url}${rtmp.streamKey}`)

test('a server that is killed while it is live goes on with the same video, and everybody is told', async () => {
  await callApi(server, '/headwater/live-notification', {
    method: 'PUT',
    body: { name: 'studio', url: `${receiver.url}/live`, secret: 'sesame' },
  })
  await callApi(server, '/stream/webhook', {
    method: 'PUT',
    body: { notificationUrl: `${receiver.url}/videos` },
  })
  const create = { method: 'POST', body: { recording: { mode: 'automatic', timeoutSeconds: 60 } } } as const
  const input = await callApi<Input>(server, '/stream/live_inputs', create)
  const videos = () => callApi<Video[]>(server, `/stream/live_inputs/${input.uid}/videos`)
  const told = (path: string) =>
    receiver.received.filter((one) => one.path.endsWith(path)).map(({ body }) => body)

  const first = publish(input)
  await expect.poll(async () => (await videos())[0]?.status.state).toBe('live-inprogress')
  const [{ uid } = { uid: '' }] = await videos()
  // Some segments are there.
  await expect.poll(async () => (await fetch(`${server.url}/${uid}/manifest/video.m3u8`)).status).toBe(200)
  await server.kill()
  await once(first, 'exit')
  server = await server.restart()
  const again = await callApi<Input>(server, `/stream/live_inputs/${input.uid}`)
  const second = publish(again)
  await expect
    .poll(() => told('/live').filter((body) => body.includes('live_input.connected')).length)
    .toBe(2)
  const playlist = async () => {
    const text = await (await fetch(`${server.url}/${uid}/manifest/video.m3u8?dvrEnabled=true`)).text()
    const media = text.split('\n').find((line) => line !== '' && !line.startsWith('#')) ?? ''
    return await (await fetch(new URL(media, `${server.url}/${uid}/manifest/`))).text()
  }
  await expect.poll(playlist).toContain('#EXT-X-DISCONTINUITY')
  await endPublisher(second)
  // Over at once: its publisher is not waited for.
  await callApi(server, `/stream/live_inputs/${input.uid}/disable`, { method: 'POST' })
  await expect.poll(async () => (await videos()).map(({ status }) => status.state)).toEqual(['ready'])
  const [video] = await videos()
  expect(video).toMatchObject({ uid, liveInput: input.uid })
  expect(video?.duration).toBeGreaterThan(4)
  await expect.poll(() => told('/videos').some((body) => body.includes(uid))).toBe(true)
  expect(told('/live').some((body) => body.includes('live_input.disconnected'))).toBe(true)
})
