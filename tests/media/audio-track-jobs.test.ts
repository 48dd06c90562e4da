/** The jobs behind audio tracks: beside a video that is still being encoded, interrupted, overtaken, and in vain. */

import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  addInsideTracks,
  addTrackFromDraft,
  addTrackFromUrl,
  addTrackFromVideo,
  deleteTrack,
  encodeTrack,
  fetchTrack,
  giveUpTrack,
  listTracks,
} from '../../src/core/audio-tracks/index.ts'
import {
  assembleTimeline,
  listAddedSounds,
  listChunkRows,
  listRenditionRows,
} from '../../src/core/timeline/index.ts'
import { deleteVideo, listEvents, sweepLeftovers } from '../../src/core/videos/index.ts'
import type { MediaFault } from '../../src/lib/media-faults.ts'
import type { Decoder } from '../../src/ports.ts'
import { startOrigin } from '../harness/origin.ts'
import { encodedFilm, longTone, shortTone, toneFilm } from '../harness/tones.ts'
import { makeGoodFiles } from './good-files.ts'
import { ACCOUNT, type Engine, startEngine } from './engine.ts'

const FETCH = 'fetch-audio'
const ENCODE = 'encode-audio'

let engine: Engine
/** Plays as it is. */
let film: string
beforeAll(async () => {
  engine = await startEngine()
  film = await engine.addSource(await toneFilm())
  await engine.ingest(film)
})
afterAll(() => engine.close())

const owner = (uid: string) => ({ accountId: ACCOUNT, uid })

async function addFile(uid: string, label: string, path: string) {
  const draft = await engine.blobs.createDraft()
  await draft.append([await readFile(path)])
  return await addTrackFromDraft(engine, owner(uid), { label, draft })
}

async function claim(kind: string) {
  const job = await engine.claim(kind)
  if (job === undefined) throw new Error(`there is no job of kind ${kind}`)
  return job
}

const statuses = async (uid: string) => (await listTracks(engine.db, uid)).map(({ status }) => status)
const blobs = async (prefix: string) =>
  (await Array.fromAsync(engine.blobs.list(prefix))).map(({ name }) => name)
const options = { signal: new AbortController().signal }

async function timeline(uid: string) {
  const [row, renditions, chunks, sounds] = await Promise.all([
    engine.plan(uid),
    listRenditionRows(engine.db, uid),
    listChunkRows(engine.db, uid),
    listAddedSounds(engine.db, uid),
  ])
  return assembleTimeline({ videoUid: uid, ...row, renditions, chunks, sounds })
}

test('a track is offered while the video itself is still being encoded, and stays when that is done', async () => {
  const uid = await engine.addSource(await encodedFilm())
  await engine.ingest(uid)
  while ((await engine.video(uid)).state !== 'ready') await engine.encode(1)
  await addFile(uid, 'de', await shortTone())
  await engine.run(await claim(ENCODE))
  const sounds = async () =>
    (await timeline(uid)).tracks.flatMap(({ audio, offered }) => (audio && offered ? [audio.name] : []))
  expect((await timeline(uid)).complete).toBe(false)
  expect(await sounds()).toEqual(['original', 'de'])
  await engine.encode()
  expect((await timeline(uid)).complete).toBe(true)
  expect(await sounds()).toEqual(['original', 'de'])
  await deleteVideo(engine, ACCOUNT, uid)
  expect(await blobs(`tracks/${uid}/`)).toEqual([])
})

test('a claim that lost its lease records nothing; the next one makes the track', async () => {
  const track = await addFile(film, 'lost', await shortTone())
  const late = await claim(ENCODE)
  await engine.jobs.releaseAll()
  const current = await claim(ENCODE)
  await expect(engine.run(late)).rejects.toMatchObject({ code: 'lease_lost' })
  expect(await statuses(film)).toEqual(['queued'])
  await engine.run(current)
  expect(await statuses(film)).toEqual(['ready'])
  expect(await blobs(`tracks/${film}/${track.rendition}/`)).toHaveLength(2)
  expect(await blobs(`audio-sources/${film}/`)).toEqual([])
  await deleteTrack(engine, { ...owner(film), track: track.uid })
})

test('a track that is deleted while it is encoded leaves nothing', async () => {
  const track = await addFile(film, 'gone', await shortTone())
  const job = await claim(ENCODE)
  const decoder: Decoder = {
    build: engine.decoder.build,
    run: async (task, how) => {
      const run = await engine.decoder.run(task, how)
      // The first run only looks at the file.
      if (task.outputs.length > 0) await deleteTrack(engine, { ...owner(film), track: track.uid })
      return run
    },
  }
  await encodeTrack({ ...engine, decoder }, job, options)
  expect(await statuses(film)).toEqual([])
  expect(await blobs(`tracks/${film}/${track.rendition}/`)).toEqual([])
  expect(await blobs(`audio-sources/${film}/`)).toEqual([])
})

test('a download that is stopped goes on where it was; one that is deleted leaves no draft', async () => {
  const file = { bytes: await readFile(await longTone()), etag: '"1"' }
  await using origin = await startOrigin(file, {
    behaviour: { rate: 500_000 },
  })
  const track = await addTrackFromUrl(engine, owner(film), { label: 'stopped', url: origin.url })
  const job = await claim(FETCH)
  const stopping = new AbortController()
  const running = fetchTrack(engine, job, { signal: stopping.signal })
  const received = async () =>
    (await engine.db.selectFrom('audio_copies').select('offset_bytes').executeTakeFirst())?.offset_bytes ?? 0
  while ((await received()) === 0) await new Promise((resolve) => setTimeout(resolve, 10))
  stopping.abort(new Error('the job runner stops'))
  await expect(running).rejects.toThrow('the job runner stops')
  const kept = await received()
  // Nor does a sweep take it.
  expect(await sweepLeftovers(engine, { graceMs: -60_000 })).toEqual({ drafts: 0, blobs: 0 })
  origin.behaviour = {}
  await engine.run(job)
  expect(origin.requests.at(-1)?.range).toBe(`bytes=${kept}-`)
  await engine.run(await claim(ENCODE))
  expect(await statuses(film)).toEqual(['ready'])
  await deleteTrack(engine, { ...owner(film), track: track.uid })

  const second = await addTrackFromUrl(engine, owner(film), { label: 'deleted', url: origin.url })
  origin.behaviour = { rate: 400_000 }
  const another = engine.run(await claim(FETCH))
  const requests = origin.requests.length
  await origin.until((now) => now.requests.length > requests && (now.requests.at(-1)?.sentBytes ?? 0) > 0)
  await deleteTrack(engine, { ...owner(film), track: second.uid })
  await another.catch(() => undefined)
  expect(await Array.fromAsync(engine.blobs.listDrafts())).toEqual([])
  expect(await blobs(`audio-sources/${film}/`)).toEqual([])
})

/** Its codebooks of Vorbis are damaged. */
const damagedSound = () => readFile(new URL('../testdata/found/damaged-codebooks.ogv', import.meta.url))

test.each<readonly [what: string, code: MediaFault, stage: string, make: () => Promise<Uint8Array>]>([
  ['a text', 'file_text', 'sniff', async () => Buffer.from('Hello, hello.\n'.repeat(100))],
  ['no bytes', 'file_empty', 'sniff', async () => new Uint8Array(0)],
  ['a film without sound', 'sound_missing', 'index', async () => (await makeGoodFiles())['hevc.mp4']],
  ['damaged sound', 'sound_undecodable', 'decode', damagedSound],
])('of %s: %s', async (what, code, stage, make) => {
  const draft = await engine.blobs.createDraft()
  await draft.append([await make()])
  const track = await addTrackFromDraft(engine, owner(film), { label: what, draft })
  await expectFailed(track.uid, code, stage)
})

test('of a video that is deleted before its sound is copied: sound_source_gone', async () => {
  const other = await engine.addSource(await toneFilm())
  await engine.ingest(other)
  const track = await addTrackFromVideo(engine, owner(film), { label: 'copied', sourceUid: other })
  await deleteVideo(engine, ACCOUNT, other)
  await expectFailed(track.uid, 'sound_source_gone', 'index')
})

/** Runs the track's job, which must fail at once. */
async function expectFailed(uid: string, code: MediaFault, stage: string): Promise<void> {
  const job = await claim(ENCODE)
  const error = await engine.run(job).catch((thrown: unknown) => thrown)
  expect(error).toMatchObject({ code, kind: 'media' })
  await giveUpTrack(engine, job, error)
  await engine.jobs.fail(job, { error: 'given up', retryAtUs: 'never' })
  const [track] = await listTracks(engine.db, film)
  expect(track).toMatchObject({ uid, status: 'error', failure: { code, stage, detail: track?.error } })
  await deleteTrack(engine, { ...owner(film), track: uid })
}

test('a job that is given up leaves a sentence with the track and among the events, and no file', async () => {
  const track = await addFile(film, 'in vain', await shortTone())
  await giveUpTrack(engine, await claim(ENCODE), new Error('a secret of this machine'))
  expect(await listTracks(engine.db, film)).toMatchObject([
    {
      status: 'error',
      error: 'Something unexpected happened while it was made.',
      failure: { code: 'internal', stage: 'encode' },
    },
  ])
  expect((await listEvents(engine.db, film)).at(-1)).toMatchObject({
    kind: 'audio-track',
    detail: { label: 'in vain', status: 'error', detail: 'Something unexpected happened while it was made.' },
  })
  expect(await blobs(`audio-sources/${film}/`)).toEqual([])
  await deleteTrack(engine, { ...owner(film), track: track.uid })
})

test('of a file with more sounds than a video may have tracks the first sixteen are taken, each with a label of its own', async () => {
  const sounds = Array.from({ length: 20 }, (_, index) => ({
    stream: index + 1,
    language: 'de',
    label: index === 0 ? 'original' : 'Deutsch',
  }))
  const { labels, left } = await engine.db
    .transaction()
    .execute((trx) => addInsideTracks(engine, trx, film, { sounds, hasSound: true }))
  expect(left).toBe(4)
  expect(labels).toEqual([
    'original 2',
    'Deutsch',
    ...Array.from({ length: 14 }, (_, index) => `Deutsch ${index + 2}`),
  ])
})
