/** Instant clips (live.md §7) of a broadcast that runs: playlists of its last part, of a stretch, and files exact to the frame. */

import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type LiveBroadcast, type LiveServer, startLiveServer } from './live-server.ts'
import { makeFilm, readFilm } from './live-units.ts'

const FPS = 25
let folder: string
let server: LiveServer
let broadcast: LiveBroadcast
/** Digest of each picture that was sent. */
let sent: readonly string[]

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'headwater-clips-'))
  const file = join(folder, 'film.mp4')
  await makeFilm(file, { seconds: 10 })
  sent = await digests(file)
  const film = await readFilm(file)
  server = await startLiveServer()
  broadcast = await server.begin(server.addInput(), { memoryBytes: 300_000 })
  for (const format of [film.video, film.audio]) if (format !== null) broadcast.package.format(format)
  for (const unit of film.units) {
    broadcast.package.unit(unit)
    await broadcast.recorded()
  }
})

afterAll(async () => {
  await server.close()
  await rm(folder, { recursive: true, force: true })
})

async function digests(file: string): Promise<string[]> {
  const args = [
    '-v',
    'error',
    '-i',
    file,
    '-map',
    '0:v',
    '-fps_mode',
    'passthrough',
    '-f',
    'framehash',
    '-hash',
    'md5',
    '-',
  ]
  const { stdout } = await promisify(execFile)('ffmpeg', args)
  return stdout
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => line.split(',').at(-1)?.trim() ?? '')
}

const get = (path: string) => fetch(`${server.url}${path}`)
const segmentsOf = (playlist: string) => playlist.split('\n').filter((line) => line.endsWith('.m4s'))

describe('a preview', () => {
  test('is the last part as a finished playlist, by the input and by the video', async () => {
    for (const id of [broadcast.inputUid, broadcast.videoUid]) {
      const answer = await get(`/${id}/manifest/video.m3u8?duration=5s`)
      expect(answer.headers.get('stream-media-id')).toBe(broadcast.videoUid)
      const start = Number(answer.headers.get('preview-start-seconds'))
      expect(start).toBeGreaterThan(4)
      expect(start).toBeLessThan(5.5)
      const uri = (await answer.text()).split('\n').at(-2) ?? ''
      const media = await (await get(`/${id}/manifest/${uri}`)).text()
      expect(media).toContain('#EXT-X-ENDLIST')
      expect(segmentsOf(media).map((line) => line.split('/').at(-1))).toEqual(['2.m4s', '3.m4s'])
    }
  })
})

describe('a clip', () => {
  test('is a playlist of the segments it touches', async () => {
    const answer = await get(`/${broadcast.videoUid}/manifest/clip.m3u8?time=2.5s&duration=2s`)
    const master = await answer.text()
    expect(master.match(/time=2\.5s&duration=2s/g)).toHaveLength(2)
    const media = await (await get(`/${broadcast.videoUid}/manifest/${master.split('\n').at(-2)}`)).text()
    expect(segmentsOf(media).map((line) => line.split('/').at(-1))).toEqual(['1.m4s', '2.m4s'])
    const probe = '-v error -count_frames -show_entries stream=codec_type,nb_read_frames -of csv=p=0'.split(
      ' ',
    )
    const { stdout } = await promisify(execFile)('ffprobe', [
      ...probe,
      `${server.url}/${broadcast.videoUid}/manifest/clip.m3u8?time=2.5s&duration=2s`,
    ])
    expect(stdout).toContain(`video,${4 * FPS}`)
  })

  test.each([
    { from: 0, seconds: 1 },
    { from: 1.5, seconds: 2 },
    { from: 2, seconds: 0.5 },
    { from: 3.96, seconds: 4 },
  ])('as a file begins with the picture at $from s and lasts $seconds s', async ({ from, seconds }) => {
    const answer = await get(
      `/${broadcast.videoUid}/clip.mp4?time=${from}s&duration=${seconds}s&filename=goal`,
    )
    expect([answer.status, answer.headers.get('content-disposition')]).toEqual([
      200,
      'attachment; filename="goal.mp4"',
    ])
    const bytes = Buffer.from(await answer.arrayBuffer())
    expect(bytes.byteLength).toBe(Number(answer.headers.get('content-length')))
    expect(bytes.indexOf('moov')).toBeLessThan(bytes.indexOf('mdat'))
    const file = join(folder, `clip-${from}.mp4`)
    await writeFile(file, bytes)
    const first = Math.floor(from * FPS + 1e-6)
    const count = Math.ceil((from + seconds) * FPS - 1e-6) - first
    expect(await digests(file)).toEqual(sent.slice(first, first + count))
    const { stdout } = await promisify(execFile)(
      'ffmpeg',
      ['-v', 'error', '-i', file, '-map', '0:a', '-f', 's16le', '-ac', '1', '-'],
      { encoding: 'buffer' },
    )
    expect(stdout.byteLength / 2 / 48_000).toBeCloseTo(seconds, 1)
  })

  test('of what has left memory is read from the recording', async () => {
    expect(broadcast.package.find(`${broadcast.package.id}v`)?.held(0)).toBeUndefined()
    expect((await get(`/${broadcast.videoUid}/clip.mp4?time=0s&duration=1s`)).status).toBe(200)
  })

  test.each([
    ['no time', 'duration=10s', 400],
    ['no duration', 'time=1s', 400],
    ['no unit', 'time=1&duration=2', 400],
    ['hours', 'time=1h&duration=2s', 400],
    ['a time past the end', 'time=600s&duration=30s', 400],
    ['more than a minute', 'time=1s&duration=61s', 400],
    ['nothing', 'time=1s&duration=0s', 400],
    ['a bad name', 'time=1s&duration=1s&filename=a%20b', 400],
  ])('is refused with %s', async (_, query, status) => {
    expect((await get(`/${broadcast.videoUid}/clip.mp4?${query}`)).status).toBe(status)
    if (!query.includes('filename')) {
      expect((await get(`/${broadcast.videoUid}/manifest/clip.m3u8?${query}`)).status).toBe(status)
    }
  })

  test('is of a video: neither of an input, nor of what was uploaded', async () => {
    const uploaded = await server.addVideo()
    for (const id of [broadcast.inputUid, server.addInput().uid, '0'.repeat(32)]) {
      expect((await get(`/${id}/clip.mp4?time=1s&duration=1s`)).status).toBe(404)
      expect((await get(`/${id}/manifest/clip.m3u8?time=1s&duration=1s`)).status).toBe(404)
    }
    expect((await get(`/${uploaded.uid}/clip.mp4?time=1s&duration=1s`)).status).not.toBe(200)
  })

  test.each(['duration=6m', 'duration=301s', 'duration=x', 'duration='])(
    'a preview with %s is refused',
    async (query) => {
      expect((await get(`/${broadcast.videoUid}/manifest/video.m3u8?${query}`)).status).toBe(400)
    },
  )
})
