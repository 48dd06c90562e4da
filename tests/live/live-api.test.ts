/** What the API, players and whoever is notified learn of a broadcast that ffmpeg publishes to the real program. */

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Receiver, startReceiver } from '../harness/receiver.ts'
import { callApi, startServer, type TestServer } from '../harness/server.ts'

type Input = { uid: string; rtmp: { url: string; streamKey: string }; status: Status }
type Status = {
  current: { state: string; reason: string; ingestProtocol: string }
  history: unknown[]
} | null
type Lifecycle = { isInput: boolean; videoUID: string | null; live: boolean; status: string }

let server: TestServer
let receiver: Receiver
let publisher: ChildProcess | undefined

beforeAll(async () => {
  receiver = await startReceiver()
  server = await startServer({ env: { HEADWATER_ALLOW_PRIVATE_FETCH: 'true' } })
})
afterAll(async () => {
  publisher?.kill('SIGKILL')
  await server?.stop()
  await receiver?.stop()
})

async function getJson<T>(path: string): Promise<T> {
  const response = await fetch(`${server.url}/${path}`)
  if (!response.ok) throw new Error(`${path} answered ${response.status}.`)
  return (await response.json()) as T
}
const lifecycle = (id: string) => getJson<Lifecycle>(`${id}/lifecycle`)
const events = () => receiver.received.map(({ headers }) => headers['headwater-event'])

function publish({ rtmp }: Input): ChildProcess {
  const film = ['-f', 'lavfi', '-i', 'testsrc2=s=320x180:r=25', '-f', 'lavfi', '-i', 'sine']
  const codecs = ['-c:v', 'libx264', '-preset', 'ultrafast', '-g', '25', '-bf', '0', '-c:a', 'aac']
  const args = ['-v', 'error', '-re', ...film, ...codecs, '-f', 'flv', rtmp.url + rtmp.streamKey]
  return spawn('ffmpeg', args, { stdio: 'ignore' })
}

/** Fetches what a player would first: both playlists and a segment. */
async function fetchSegment(uid: string): Promise<number> {
  const text = async (url: string) => (await fetch(url)).text()
  const first = (playlist: string, base: string) => {
    const line = playlist.split('\n').find((each) => each !== '' && !each.startsWith('#'))
    return line === undefined ? undefined : new URL(line, base).href
  }
  const address = `${server.url}/${uid}/manifest/video.m3u8`
  const media = first(await text(address), address)
  const segment = media && first(await text(media), media)
  return segment === undefined ? 0 : (await fetch(segment)).status
}

test('a broadcast is told of everywhere, and switching its input off ends it', async () => {
  const input = await callApi<Input>(server, '/stream/live_inputs', {
    method: 'POST',
    body: { meta: { name: 'studio' }, recording: { mode: 'automatic' } },
  })
  const path = `/stream/live_inputs/${input.uid}`
  await callApi(server, '/headwater/live-notification', { method: 'PUT', body: { url: receiver.url } })
  publisher = publish(input)
  const exited = once(publisher, 'exit')

  await expect.poll(async () => (await lifecycle(input.uid)).videoUID).not.toBeNull()
  const { videoUID, ...rest } = await lifecycle(input.uid)
  expect(rest).toEqual({ isInput: true, live: true, status: 'connected' })
  expect(await lifecycle(videoUID ?? '')).toEqual({ ...rest, isInput: false, videoUID })
  await expect
    .poll(() => callApi(server, `${path}/videos`))
    .toMatchObject([{ uid: videoUID, liveInput: input.uid, status: { state: 'live-inprogress' } }])
  const status = async () => (await callApi<Input>(server, path)).status?.current
  await expect.poll(status).toMatchObject({ state: 'connected', reason: 'connected', ingestProtocol: 'rtmp' })
  await expect.poll(events).toEqual(['live_input.connected'])

  expect(await getJson(`${input.uid}/views`)).toEqual({ liveViewers: 0 })
  await expect.poll(() => fetchSegment(input.uid)).toBe(200)
  expect(await getJson(`${input.uid}/views`)).toEqual({ liveViewers: 1 })

  await callApi(server, `${path}/disable`, { method: 'POST' })
  await exited
  await expect.poll(() => lifecycle(input.uid)).toMatchObject({ live: false, status: 'disconnected' })
  await expect.poll(async () => (await status())?.state).toBe('disconnected')
  await expect.poll(events).toEqual(['live_input.connected', 'live_input.disconnected'])
})
