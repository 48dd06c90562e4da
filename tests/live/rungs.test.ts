/** The lower qualities of a broadcast as players meet them: a real publisher, the real decoder, what the playlists say. */

import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { callApi, startServer, type TestServer } from '../harness/server.ts'

const FPS = 15
/** Whole ones that both must have. */
const SEGMENTS = 3

type Input = { readonly uid: string; readonly rtmp: { readonly url: string; readonly streamKey: string } }
type Variant = {
  readonly address: string
  readonly bandwidth: number
  readonly codecs: string
  readonly resolution: string
}
type Segment = { readonly startMs: number; readonly seconds: number; readonly address: string }

let server: TestServer
let stop: () => Promise<void> = async () => {}
let master: string

beforeAll(async () => {
  server = await startServer({ env: { HEADWATER_LIVE_LADDER: 'on' } })
  const input = await callApi<Input>(server, '/stream/live_inputs', {
    method: 'POST',
    body: { recording: { mode: 'automatic' } },
  })
  const film = `-re -f lavfi -i testsrc2=s=854x480:r=${FPS} -re -f lavfi -i sine=r=48000`
  const codecs = `-c:v libx264 -preset ultrafast -tune zerolatency -g ${FPS} -pix_fmt yuv420p -c:a aac -ac 2`
  const address = input.rtmp.url + input.rtmp.streamKey
  const publisher = spawn('ffmpeg', ['-v', 'error', ...`${film} ${codecs} -f flv`.split(' '), address], {
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  stop = async () => {
    const gone = once(publisher, 'exit')
    publisher.kill('SIGKILL')
    await gone
  }
  master = `${server.url}/${input.uid}/manifest/video.m3u8`
})
afterAll(async () => {
  await stop()
  await server.stop()
})

/** What the master playlist lists. */
async function variants(): Promise<Variant[]> {
  const answer = await fetch(master)
  if (answer.status !== 200) return []
  const text = await answer.text()
  return [...text.matchAll(/^#EXT-X-STREAM-INF:(.+)\n(.+)$/gm)].map(([, attributes = '', address = '']) => ({
    address: new URL(address, master).href,
    bandwidth: Number(/(?:^|,)BANDWIDTH=(\d+)/.exec(attributes)?.[1]),
    codecs: /CODECS="([^"]+)"/.exec(attributes)?.[1] ?? '',
    resolution: /RESOLUTION=(\d+x\d+)/.exec(attributes)?.[1] ?? '',
  }))
}

/** The whole segments of a playlist, by the time of day at which each begins. */
async function segments({ address }: Variant): Promise<Segment[]> {
  const found: Segment[] = []
  let startMs = Number.NaN
  let seconds = 0
  for (const line of (await (await fetch(address)).text()).split('\n')) {
    const [, time] = /^#EXT-X-PROGRAM-DATE-TIME:(.+)$/.exec(line) ?? []
    if (time !== undefined) startMs = Date.parse(time)
    seconds = Number(/^#EXTINF:([\d.]+)/.exec(line)?.[1] ?? seconds)
    if (line === '' || line.startsWith('#')) continue
    found.push({ startMs: Math.round(startMs), seconds, address: new URL(line, address).href })
    startMs += seconds * 1000
  }
  return found
}

test('are listed with what they are, cut where the source is, and decode as long as it', async () => {
  await expect.poll(async () => (await variants()).map(({ resolution }) => resolution)).toContain('640x360')
  const found = await variants()
  expect(found.map(({ resolution }) => resolution).sort()).toEqual(['640x360', '854x480'])
  // Which of them both have, whichever began later.
  const shared = async () => {
    const [one = [], other = []] = await Promise.all(found.map(segments))
    const pairs = one.map((each) => [each, other.find(({ startMs }) => Math.abs(startMs - each.startMs) < 5)])
    return pairs.filter((pair): pair is [Segment, Segment] => pair[1] !== undefined)
  }
  await expect.poll(async () => (await shared()).length).toBeGreaterThanOrEqual(SEGMENTS)
  for (const [one, other] of await shared()) expect(other.seconds).toBeCloseTo(one.seconds, 3)
  for (const [index, variant] of found.entries()) {
    const probed = await probe(variant.address)
    const [video, audio] = variant.codecs.split(',')
    expect(probed).toMatchObject({ resolution: variant.resolution, profile: profileOf(video ?? '') })
    expect(audio).toBe('mp4a.40.2')
    const listed = (await shared()).slice(0, SEGMENTS)
    // No segment that has been listed is larger than what is promised (RFC 8216 §4.3.4.2), and the first promise is near it.
    const promised = (await variants()).find(({ resolution }) => resolution === variant.resolution)
    for (const pair of listed) {
      const { address, seconds } = pair[index] ?? pair[0]
      const { byteLength } = await (await fetch(address)).arrayBuffer()
      expect((byteLength * 8) / seconds).toBeLessThanOrEqual(promised?.bandwidth ?? 0)
      expect((byteLength * 8) / seconds).toBeLessThan(2 * variant.bandwidth)
    }
  }
})

/** What decodes of a playlist of pictures. */
async function probe(address: string): Promise<{ resolution: string; profile: number }> {
  const { stdout } = await promisify(execFile)('ffprobe', [
    ...'-v error -select_streams v -read_intervals %+1 -count_frames -of json -show_streams'.split(' '),
    address,
  ])
  const [stream] = (
    JSON.parse(stdout) as {
      streams: { width: number; height: number; profile: string; nb_read_frames: string }[]
    }
  ).streams
  expect(Number(stream?.nb_read_frames)).toBeGreaterThanOrEqual(FPS)
  return { resolution: `${stream?.width}x${stream?.height}`, profile: PROFILES[stream?.profile ?? ''] ?? 0 }
}

/** profile_idc of H.264 by ffprobe's name. */
const PROFILES: Readonly<Record<string, number>> = {
  'Constrained Baseline': 66,
  Baseline: 66,
  Main: 77,
  High: 100,
}

/** Of `avc1.PPCCLL` (RFC 6381 §3.3). */
const profileOf = (codec: string) => Number.parseInt(codec.slice(5, 7), 16)
