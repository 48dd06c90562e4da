/** Audio tracks as players get them: what is heard when, how they are listed, what downloads hold, and what is left of them. */

import { execFile } from 'node:child_process'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import * as hlsParser from 'hls-parser'
import { Parser } from 'm3u8-parser'
import { parse as parseMpd } from 'mpd-parser'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Origin, startOrigin } from '../harness/origin.ts'
import { callApi, startServer, type TestServer, uploadFile, waitForVideo } from '../harness/server.ts'
import {
  encodedFilm,
  FILM_SECONDS,
  longTone,
  pitches,
  shortTone,
  silentFilm,
  tone,
  toneFilm,
} from '../harness/tones.ts'

const execute = promisify(execFile)

type Track = { uid: string; label: string; default: boolean; status: string; errorReasonText?: string }

let server: TestServer
let origin: Origin
/** With a tone of its own, and two tracks beside it. */
let film: string
/** The manifest before anything was added. */
let before: { hls: string; dash: string }
let silent: string

const text = async (path: string) => (await fetch(`${server.url}/${path}`)).text()
const manifests = async (uid: string) => ({
  hls: await text(`${uid}/manifest/video.m3u8`),
  dash: await text(`${uid}/manifest/video.mpd`),
})
const tracksOf = async (uid: string) =>
  (await callApi<{ audio: Track[] }>(server, `/stream/${uid}/audio`)).audio
const copy = (uid: string, body: object) =>
  callApi<Track>(server, `/stream/${uid}/audio/copy`, { method: 'POST', body })
const edit = (uid: string, track: string, body: object) =>
  callApi<Track>(server, `/stream/${uid}/audio/${track}`, { method: 'PATCH', body })

async function upload(uid: string, label: string, path: string): Promise<Track> {
  const form = new FormData()
  form.append('label', label)
  form.append('file', new Blob([await readFile(path)]))
  const response = await fetch(`${server.apiUrl}/accounts/${server.accountId}/stream/${uid}/audio`, {
    method: 'POST',
    headers: { authorization: `Bearer ${server.token}` },
    body: form,
  })
  expect(response.status).toBe(200)
  return ((await response.json()) as { result: Track }).result
}

/** The track once it is made, or could not be. */
async function settled(uid: string, track: string): Promise<Track> {
  for (;;) {
    const found = (await tracksOf(uid)).find((one) => one.uid === track)
    if (found === undefined) throw new Error(`there is no track ${track}`)
    if (found.status !== 'queued') return found
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

/** Address of the media playlist of the sound with that name. */
function soundAddress(uid: string, hls: string, name: string): string {
  const line = hls.split('\n').find((one) => one.includes('TYPE=AUDIO') && one.includes(`NAME="${name}"`))
  const uri = /URI="([^"]+)"/.exec(line ?? '')?.[1]
  if (uri === undefined) throw new Error(`no sound ${name} in ${hls}`)
  return `${server.url}/${uid}/manifest/${uri}`
}

const heard = async (uid: string, name: string) =>
  pitches(soundAddress(uid, (await manifests(uid)).hls, name))

/** Files of the video in the data folder, save its source. */
const files = async (uid: string) =>
  (await readdir(server.dataDir, { recursive: true })).filter(
    (name) => name.includes(uid) && /audio/.test(name) && /\./.test(name),
  )

beforeAll(async () => {
  server = await startServer({ env: { HEADWATER_ALLOW_PRIVATE_FETCH: 'true' } })
  origin = await startOrigin(
    { bytes: await readFile(await shortTone()), etag: '"880"' },
    { path: '/880.mp3' },
  )
  film = (await uploadFile(server, await toneFilm(), { name: 'Film' })).uid
  silent = (await uploadFile(server, await silentFilm())).uid
  await waitForVideo(server, film, 'complete')
  await waitForVideo(server, silent, 'ready')
  before = await manifests(film)
  const short = await copy(film, { label: 'Regie & Co', url: origin.url })
  const long = await upload(film, 'pt-br', await longTone())
  expect(await settled(film, short.uid)).toEqual({ ...short, status: 'ready' })
  expect(await settled(film, long.uid)).toMatchObject({ status: 'ready' })
})
afterAll(async () => {
  await origin?.stop()
  await server?.stop()
})

describe('what is heard', () => {
  test('a track that is shorter than the video ends in silence, where the video ends', async () => {
    const tones = await heard(film, 'Regie & Co')
    expect(tones.toSpliced(6, 1)).toEqual([...tone(880, 3), ...tone(0, FILM_SECONDS - 3.5)])
  })

  test('one that is longer is cut, and has as many channels as the sound that came with the video', async () => {
    const tones = await heard(film, 'pt-br')
    expect(tones).toEqual(tone(1320, FILM_SECONDS))
    expect(await heard(film, 'original')).toEqual(tone(440, FILM_SECONDS))
    expect((await manifests(film)).hls).toMatch(/NAME="pt-br",LANGUAGE="pt-BR",.*CHANNELS="2"/)
  })

  test('every sound is cut where the picture is', async () => {
    const { hls } = await manifests(film)
    const durations = async (address: string) =>
      (await (await fetch(address)).text()).match(/#EXTINF:[\d.]+/g)?.map((line) => Number(line.slice(8))) ??
      []
    const picture = /^\S+\.m3u8$/m.exec(hls)?.[0] ?? ''
    const cuts = await durations(`${server.url}/${film}/manifest/${picture}`)
    for (const name of ['original', 'Regie & Co', 'pt-br']) {
      const own = await durations(soundAddress(film, hls, name))
      expect(own).toHaveLength(cuts.length)
      // A frame of AAC, at either end.
      for (const [segment, seconds] of own.entries()) {
        expect(Math.abs(seconds - (cuts[segment] ?? 0))).toBeLessThan((2 * 1024) / 44_100)
      }
    }
  })

  test('what is heard of another video is copied, the sound that came with it and the default that was added', async () => {
    const plain = await copy(silent, { audio: { source_video_id: film } })
    expect(plain).toMatchObject({ label: 'Film', status: 'queued', default: false })
    await settled(silent, plain.uid)
    const mono = await upload(silent, 'mono', await longTone())
    expect(await settled(silent, mono.uid)).toMatchObject({ status: 'ready' })
    expect((await manifests(silent)).hls).toMatch(/NAME="mono",.*CHANNELS="1"/)
    expect(await heard(silent, 'Film')).toEqual(tone(440, FILM_SECONDS))
    const [, long] = await tracksOf(film)
    await edit(film, long?.uid ?? '', { default: true })
    const added = await copy(silent, { audio: { source_video_id: film }, label: 'added' })
    expect(await settled(silent, added.uid)).toMatchObject({ status: 'ready' })
    expect(await heard(silent, 'added')).toEqual(tone(1320, FILM_SECONDS))
    await edit(film, long?.uid ?? '', { default: false })
  })
})

describe('how it is listed', () => {
  test('hls-parser finds one sound for each, which every picture refers to', async () => {
    const { hls } = await manifests(film)
    const playlist = hlsParser.parse(hls)
    if (!playlist.isMasterPlaylist) throw new Error('taken for a media playlist')
    for (const variant of playlist.variants) {
      expect(variant.audio).toMatchObject([
        {
          groupId: 'group_audio',
          name: 'original',
          language: 'und',
          isDefault: true,
          autoselect: true,
          channels: '2',
        },
        { groupId: 'group_audio', name: 'Regie & Co', language: 'und', isDefault: false, channels: '2' },
        { groupId: 'group_audio', name: 'pt-br', language: 'pt-BR', isDefault: false, channels: '2' },
      ])
    }
    const parser = new Parser()
    parser.push(hls)
    parser.end()
    const group = parser.manifest.mediaGroups?.AUDIO.group_audio ?? {}
    expect(Object.keys(group)).toEqual(['original', 'Regie & Co', 'pt-br'])
  })

  test('mpd-parser finds a set for each, ffmpeg a stream in either manifest', async () => {
    const { dash } = await manifests(film)
    const manifest = parseMpd(dash, { manifestUri: `${server.url}/${film}/manifest/video.mpd` })
    const sets = Object.values(manifest.mediaGroups.AUDIO.audio ?? {})
    expect(sets.map(({ language }) => language)).toEqual(['und', 'und', 'pt-BR'])
    expect(dash).toContain('<Label>Regie &amp; Co</Label>')
    expect(dash.match(/value="(?:main|alternate)"/g)).toEqual([
      'value="main"',
      'value="alternate"',
      'value="alternate"',
    ])
    for (const name of ['video.m3u8', 'video.mpd']) {
      const address = `${server.url}/${film}/manifest/${name}`
      const { stdout } = await execute('ffprobe', [
        '-v',
        'error',
        '-show_entries',
        'stream=index,codec_type',
        '-of',
        'csv=p=0',
        address,
      ])
      // A stream is told once for each programme it is part of.
      const streams = new Set(stdout.trim().split('\n'))
      expect([...streams].filter((line) => line.endsWith('audio'))).toHaveLength(3)
    }
  })

  test('the flagged track is the default, in both manifests, and a new label is seen at once', async () => {
    const [short] = await tracksOf(film)
    await edit(film, short?.uid ?? '', { default: true, label: 'Regie' })
    const { hls, dash } = await manifests(film)
    expect(hls).toMatch(/NAME="original",LANGUAGE="und",DEFAULT=NO/)
    expect(hls).toMatch(/NAME="Regie",LANGUAGE="und",DEFAULT=YES/)
    expect(hls.match(/DEFAULT=YES/g)).toHaveLength(1)
    expect(dash).toMatch(/selectionPriority="2">\s*<Label>Regie<\/Label>\s*<Role [^>]*value="main"/)
    await edit(film, short?.uid ?? '', { default: false, label: 'Regie & Co' })
    expect((await manifests(film)).hls).toMatch(/NAME="original",LANGUAGE="und",DEFAULT=YES/)
  })

  test('a video without sound of its own plays what was added first', async () => {
    const { hls } = await manifests(silent)
    expect(hls).not.toContain('NAME="original"')
    expect(hls).toMatch(/NAME="Film",LANGUAGE="und",DEFAULT=YES/)
    expect(hls).toMatch(/CODECS="avc1\.\w+,mp4a\.40\.2"/)
  })
})

test('downloads hold the default sound as it was when they were made', async () => {
  const [, long] = await tracksOf(film)
  await edit(film, long?.uid ?? '', { default: true })
  const get = async (name: string) => {
    const response = await fetch(`${server.url}/${film}/downloads/${name}`)
    return response.ok ? Buffer.from(await response.arrayBuffer()) : undefined
  }
  const made: Buffer[] = []
  for (const [type, name] of [
    ['default', 'default.mp4'],
    ['audio', 'audio.m4a'],
  ] as const) {
    await callApi(server, `/stream/${film}/downloads/${type}`, { method: 'POST' })
    let bytes = await get(name)
    while (bytes === undefined) {
      await new Promise((resolve) => setTimeout(resolve, 50))
      bytes = await get(name)
    }
    const path = join(server.dataDir, name)
    await writeFile(path, bytes)
    const tones = await pitches(path)
    expect(tones).toEqual(tone(1320, FILM_SECONDS))
    made.push(bytes)
  }
  await edit(film, long?.uid ?? '', { default: false })
  expect(await get('default.mp4')).toEqual(made[0])
  await callApi(server, `/stream/${film}/downloads/audio`, { method: 'DELETE' })
  await callApi(server, `/stream/${film}/downloads`, { method: 'DELETE' })
})

describe('what cannot be made', () => {
  test.each([
    ['a film without sound', silentFilm, /^The file has no sound\.$/],
    ['a text', () => Promise.resolve(import.meta.filename), /^Expected a file with sound, found /],
  ])('%s is told in a sentence, and nothing of it is kept', async (label, make, sentence) => {
    const made = await upload(film, label, await make())
    const track = await settled(film, made.uid)
    expect(track).toMatchObject({ status: 'error', default: false })
    expect(track.errorReasonText).toMatch(sentence)
    await callApi(server, `/stream/${film}/audio/${made.uid}`, { method: 'DELETE' })
    expect(
      (await readdir(server.dataDir, { recursive: true })).filter((name) => name.endsWith(made.uid)),
    ).toEqual([])
  })

  test.each([
    ['an address that nobody may ask', 'http://169.254.169.254/latest', /169\.254\.169\.254/],
    ['a file that is not there', '', /answered with status 404/],
  ])('%s', async (label, url, sentence) => {
    await using missing = await startOrigin(origin.file, {
      behaviour: { instead: (_, outgoing) => Boolean(outgoing.writeHead(404).end()) },
    })
    const made = await copy(film, { label, url: url || missing.url })
    const track = await settled(film, made.uid)
    expect(track.status).toBe('error')
    expect(track.errorReasonText).toMatch(sentence)
    await callApi(server, `/stream/${film}/audio/${made.uid}`, { method: 'DELETE' })
  })
})

test('a track that is deleted leaves nothing, and the manifests are what they were before', async () => {
  expect(await files(film)).not.toEqual([])
  const address = soundAddress(film, (await manifests(film)).hls, 'pt-br')
  for (const { uid } of await tracksOf(film)) {
    await callApi(server, `/stream/${film}/audio/${uid}`, { method: 'DELETE' })
  }
  expect(await manifests(film)).toEqual(before)
  expect((await fetch(address)).status).toBe(404)
  expect(await files(film)).toEqual([])
})

test('a video that is deleted takes its tracks along', async () => {
  expect(await files(silent)).not.toEqual([])
  await callApi(server, `/stream/${silent}`, { method: 'DELETE' })
  expect(await files(silent)).toEqual([])
})

test('the sound of a video that is encoded can be copied before that is done', async () => {
  const source = (await uploadFile(server, await encodedFilm(), { name: 'Encoded' })).uid
  await waitForVideo(server, source, 'ready')
  const made = await copy(film, { audio: { source_video_id: source } })
  expect(await settled(film, made.uid)).toMatchObject({ status: 'ready' })
  expect(await heard(film, 'Encoded')).toEqual(tone(440, FILM_SECONDS))
})
