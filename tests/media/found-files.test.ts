/** Files that a long torture run found once (`tests/testdata/found`): each plays, or its failure is explained. */

import { readdir, readFile } from 'node:fs/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { giveUpEncode } from '../../src/core/encoding/index.ts'
import { presentFailure } from '../../src/http/present-failure.ts'
import { MEDIA_FAULTS, type MediaFault } from '../../src/lib/media-faults.ts'
import { type Engine, startEngine } from './engine.ts'

const FOLDER = new URL('../testdata/found/', import.meta.url)

/** What must come of each. */
const ENDS: Readonly<Record<string, MediaFault | 'ready'>> = {
  'damaged-codebooks.ogv': 'sound_undecodable',
  'lost-header.mov': 'pictures_undecodable',
  'sound-of-padding.m2ts': 'sound_undecodable',
  'times-jump.flv': 'ready',
  'sound-description-twice.mkv': 'sound_undecodable',
  'missing-slices.m2v': 'ready',
  'moved-tables.mp4': 'sound_undecodable',
  'pictures-of-zeros.mp4': 'pictures_undecodable',
  'shifted-pictures.mp4': 'pictures_undecodable',
  'shifted-fragments.mp4': 'pictures_undecodable',
  'flipped-bits.mp4': 'sound_undecodable',
  'last-picture-jumps.flv': 'ready',
  'times-jump-often.mp4': 'picture_times_jump',
}

/** Jobs of one file: each took a picture chunk, one of sound, and a few rungs. */
const MOST_JOBS = 10

let engine: Engine
beforeAll(async () => {
  engine = await startEngine()
})
afterAll(() => engine.close())

test('every file that was found has an end that it must come to', async () => {
  const files = (await readdir(FOLDER)).filter((name) => name !== 'README.md')
  expect(files.toSorted()).toEqual(Object.keys(ENDS).toSorted())
})

test.each(Object.entries(ENDS))('%s: %s', async (name, end) => {
  const uid = await engine.addSource(await readFile(new URL(name, FOLDER)))
  await engine.ingest(uid)
  let jobs = 0
  for (let job = await engine.claim('encode'); job !== undefined; job = await engine.claim('encode')) {
    jobs += 1
    try {
      await engine.run(job)
    } catch (error) {
      // As after the last attempt.
      await giveUpEncode(engine, job, error)
      await engine.jobs.fail(job, { error: 'given up', retryAtUs: 'never' })
    }
  }
  expect(jobs).toBeLessThanOrEqual(MOST_JOBS)
  const video = await engine.video(uid)
  expect(await readdir(`${engine.folder}/work`)).toEqual([])
  if (end === 'ready') {
    expect(video).toMatchObject({ state: 'ready', error: null })
    expect((await engine.plan(uid)).complete).toBe(true)
    return
  }
  if (video.error === null) throw new Error('it did not fail')
  expect(video.state).toBe('error')
  const { code, advice, found } = presentFailure(video.error)
  expect({ code, advice }).toEqual({ code: end, advice: MEDIA_FAULTS[end].advice })
  expect(found).not.toMatch(/\/tmp\/|undefined/)
})
