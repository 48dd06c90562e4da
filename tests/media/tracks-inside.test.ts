/** Further sound and text inside a file: they become audio tracks and captions, at the times they had beside the picture. */

import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { callApi, startServer, type TestServer, uploadFile, waitForVideo } from '../harness/server.ts'
import { FILM_SECONDS, pitches, tone, toneFilm } from '../harness/tones.ts'
import { startEngine } from './engine.ts'

const execute = promisify(execFile)
const words = (text: string): readonly string[] => text.split(' ')

type Track = { label: string; status: string; default: boolean }
type Event = { kind: string; detail: { sounds: string[]; captions: string[]; skipped: string[] } }

let server: TestServer
let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'headwater-inside-'))
  server = await startServer()
})
afterAll(async () => {
  await server?.stop()
  await rm(folder, { recursive: true, force: true })
})

/** The film of 440 Hz with sounds of 880 and 1,320 Hz beside its own and three texts, all `lateSeconds` late. */
async function film(name: string, textCodec: string, output: readonly string[]): Promise<string> {
  const cue = (text: string) => `1\n00:00:02,000 --> 00:00:03,500\n${text}\n\n`
  const texts = await Promise.all(
    ['Guten Tag', 'Hello', 'Salut'].map(async (text, index) => {
      const path = join(folder, `${index}.srt`)
      await writeFile(path, cue(text))
      return ['-i', path]
    }),
  )
  const sine = (hertz: number) =>
    words(`-f lavfi -i sine=frequency=${hertz}:sample_rate=48000:duration=${FILM_SECONDS}`)
  const path = join(folder, name)
  await execute('ffmpeg', [
    ...words('-v error -y -i'),
    await toneFilm(),
    ...sine(880),
    ...sine(1320),
    ...texts.flat(),
    ...words('-map 0 -map 1 -map 2 -map 3 -map 4 -map 5 -c copy -c:a:1 aac -c:a:2 aac -ac 2'),
    '-c:s',
    textCodec,
    ...words('-metadata:s:a:1 language=ger -metadata:s:a:2 language=eng'),
    ...words('-metadata:s:s:0 language=ger -metadata:s:s:1 language=eng'),
    ...output,
    path,
  ])
  return path
}

/** Uploads it and waits until what is inside has been taken and made. */
async function taken(path: string) {
  const { uid } = await uploadFile(server, path)
  await waitForVideo(server, uid, 'complete')
  for (;;) {
    const { events } = await callApi<{ events: Event[] }>(server, `/headwater/videos/${uid}/events`)
    const told = events.find(({ kind }) => kind === 'tracks-inside')
    const { audio } = await callApi<{ audio: Track[] }>(server, `/stream/${uid}/audio`)
    if (told !== undefined && audio.every(({ status }) => status !== 'queued')) return { uid, audio, told }
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

const text = async (path: string) => (await fetch(`${server.url}/${path}`)).text()

test.each([
  {
    what: 'an MKV that begins late, and is copied into an MP4 to be read',
    file: () =>
      film('late.mkv', 'srt', [
        ...words('-c:s:1 ass -metadata:s:s:2 language=und -output_ts_offset 2.5'),
        '-metadata:s:a:2',
        "title=Director's cut",
      ]),
    second: "Director's cut",
    skipped: 'does not tell its language',
  },
  {
    what: 'an MP4 that is read as it is',
    file: () => film('plain.mp4', 'mov_text', words('-metadata:s:s:2 language=eng')),
    second: 'English',
    skipped: 'that another one has',
  },
])('$what', async ({ file, second, skipped }) => {
  const { uid, audio, told } = await taken(await file())
  expect(audio).toMatchObject([
    { label: 'Deutsch', status: 'ready', default: false },
    { label: second, status: 'ready', default: false },
  ])
  expect(told.detail).toMatchObject({
    sounds: ['Deutsch', second],
    captions: ['de', 'en'],
    skipped: [expect.stringContaining(skipped)],
  })
  const hls = await text(`${uid}/manifest/video.m3u8`)
  expect(hls).toMatch(/NAME="original",.*DEFAULT=YES/)
  for (const [name, language, hertz] of [
    ['original', 'und', 440],
    ['Deutsch', 'de', 880],
    [second, 'en', 1320],
  ] as const) {
    const uri = new RegExp(`NAME="${name}",LANGUAGE="${language}".*URI="([^"]+)"`).exec(hls)?.[1]
    const heard = await pitches(`${server.url}/${uid}/manifest/${uri}`)
    // The encoder's beginning is not the tone yet.
    expect(heard.slice(1)).toEqual(tone(hertz, FILM_SECONDS).slice(1))
  }
  const [german = '', english = ''] = [...hls.matchAll(/(text-\w+)\.m3u8/g)].map((match) => match[1])
  // Where sound begins 23 ms before the picture, as AAC does, all of the copy is so much later.
  const times = String.raw`00:02\.0[0-4]\d --> 00:03\.5[0-4]\d\s*\n`
  expect(await text(`${uid}/${german}/whole.vtt`)).toMatch(new RegExp(`${times}Guten Tag`))
  expect(await text(`${uid}/${english}/whole.vtt`)).toMatch(new RegExp(`${times}Hello`))
})

test('the setting leaves them where they are, and an ordinary film has none', async () => {
  const inside = await film('again.mp4', 'mov_text', [])
  const jobsOf = async (tracksInside: boolean, paths: readonly string[]) => {
    const engine = await startEngine({ tracksInside })
    try {
      const jobs: boolean[] = []
      for (const path of paths) {
        await engine.ingest(await engine.addSource(path))
        jobs.push((await engine.claim('tracks-inside')) !== undefined)
      }
      return jobs
    } finally {
      await engine.close()
    }
  }
  expect(await jobsOf(true, [await toneFilm(), inside])).toEqual([false, true])
  expect(await jobsOf(false, [inside])).toEqual([false])
})
