/** Films of which a long stretch cannot be decoded: what comes before it and after it plays, in its place. */

import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { presentationOf } from '../../src/media/isobmff/presentation.ts'
import { readMovie } from '../../src/media/isobmff/read-movie.ts'
import { bytesSource } from '../media-samples.ts'
import { type Engine, makeSource, startEngine } from './engine.ts'
import { writeRendition } from './rendition.ts'

const execute = promisify(execFile)
const SECONDS = 30

let folder: string
let engine: Engine
let film: Buffer

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'missing-'))
  engine = await startEngine()
  const path = join(folder, 'film.mp4')
  await makeSource(
    path,
    `-f lavfi -i color=white:s=320x180:r=25:d=${SECONDS} -c:v mpeg4 -g 25 -bf 0 -pix_fmt yuv420p`,
  )
  film = await readFile(path)
})

afterAll(async () => {
  await engine.close()
  await rm(folder, { recursive: true })
})

test('where the last picture before it is known, that one stays on the screen', async () => {
  // The stretch begins after a key frame that is whole.
  const lumas = await play(await withoutPictures(3.5, 22))
  expect(lumas).toHaveLength(SECONDS * 25)
  for (const luma of lumas) expect(luma).toBeGreaterThan(200)
})

test('where not one picture of a chunk can be decoded, it is black', async () => {
  const lumas = await play(await withoutPictures(2.99, 27))
  expect(lumas).toHaveLength(SECONDS * 25)
  const shade = (second: number) => ((lumas[second * 25] ?? 0) > 200 ? 'white' : 'black')
  expect([0, 2, 12, 29].map(shade)).toEqual(['white', 'white', 'black', 'white'])
})

test('a film that begins with nothing is refused', async () => {
  const uid = await engine.addSource(await withoutPictures(0, SECONDS + 1))
  await engine.ingest(uid)
  const { state, error } = await engine.video(uid)
  expect({ state, code: error?.detail.code }).toEqual({ state: 'error', code: 'pictures_undecodable' })
})

/** The film with zeros for the pictures of `[from, to)` seconds. */
async function withoutPictures(from: number, to: number): Promise<Uint8Array> {
  const bytes = Uint8Array.from(film)
  const [track] = (await readMovie(bytesSource(bytes))).tracks
  if (track === undefined) throw new Error('no track')
  const at = presentationOf(track)
  for (let sample = 0; sample < track.samples.count; sample += 1) {
    const seconds = at(sample) / track.timescale
    if (seconds < from || seconds >= to) continue
    const offset = track.samples.offsets[sample] ?? 0
    bytes.fill(0, offset, offset + (track.samples.sizes[sample] ?? 0))
  }
  return bytes
}

/** Mean luma of every picture of the finished rendition. */
async function play(source: Uint8Array): Promise<number[]> {
  const uid = await engine.addSource(source)
  await engine.ingest(uid)
  for (let job = await engine.claim('encode'); job !== undefined; job = await engine.claim('encode')) {
    try {
      await engine.run(job)
    } catch (error) {
      // A decoder that gave up is asked again, as by the job runner.
      if (job.attempt >= job.maxAttempts) throw error
      await engine.jobs.fail(job, { error: String(error), retryAtUs: 0 })
    }
  }
  expect((await engine.plan(uid)).complete).toBe(true)
  expect(await engine.video(uid)).toMatchObject({ state: 'ready', error: null })
  const path = await writeRendition(engine, uid, '180p')
  const { stdout } = await execute(
    'ffmpeg',
    ['-v', 'error', '-i', path, '-vf', 'scale=1:1,format=gray', '-f', 'rawvideo', '-'],
    { encoding: 'buffer' },
  )
  return [...stdout]
}
