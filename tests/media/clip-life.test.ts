/** Clips beside everything else: watermarks, another ffmpeg, speech, limits, and sources that are deleted. */

import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createClip } from '../../src/core/clips/index.ts'
import { chooseSound } from '../../src/core/encoding/index.ts'
import { deleteVideo, sweepLeftovers } from '../../src/core/videos/index.ts'
import { WatermarkMaker } from '../../src/core/watermarks/index.ts'
import { listCalls, putMainSubscription } from '../../src/core/webhooks/index.ts'
import { workerHandlers } from '../../src/roles/worker.ts'
import { wrapDrafts } from '../contract/faulty-blobs.ts'
import { makePng } from '../harness/png.ts'
import { ACCOUNT, type Engine, startEngine } from './engine.ts'
import { addSource, clip } from './make-clip.ts'
import { makeNumbered, readBeeps, readMiddles, readNumbers, words, X264 } from './numbered-film.ts'
import { pictureHashes, writeRendition } from './rendition.ts'

let engine: Engine
beforeAll(async () => {
  engine = await startEngine()
})
afterAll(() => engine.close())

let plain: Promise<string> | undefined
/** Eleven seconds that are passed through. */
function plainFile(): Promise<string> {
  const coding = [...X264, ...words('-bf 2 -g 50 -sc_threshold 0')]
  plain ??= makeNumbered(engine.folder, 'plain', { rate: '25', seconds: 11, coding })
  return plain
}

async function blobNames(prefix = ''): Promise<string[]> {
  const names: string[] = []
  for await (const { name } of engine.blobs.list(prefix)) names.push(name)
  return names
}

test('a watermark of its own is in every picture, and stays in the clips of that clip', async () => {
  const source = await addSource(engine, await plainFile())
  const mark = await new WatermarkMaker(engine).create({
    accountId: ACCOUNT,
    placement: { position: 'center', scale: 0.5 },
    image: makePng(40, 20, () => [255, 0, 0, 255]),
    signal: new AbortController().signal,
  })
  const marked = await clip(engine, source, [1, 10], mark.uid)
  const { plan } = await engine.plan(marked.uid)
  expect(plan.video.map(({ made }) => made)).not.toContain('passthrough')
  expect((await engine.video(marked.uid)).watermark?.uid).toBe(mark.uid)
  const inner = await clip(engine, marked.uid, [1, 8])
  expect((await engine.video(inner.uid)).watermark?.uid).toBe(mark.uid)
  expect(inner.jobs.length).toBeLessThanOrEqual(4)
  for (const [uid, first, count] of [
    [marked.uid, 25, 225],
    [inner.uid, 50, 175],
  ] as const) {
    const rendition = await writeRendition(engine, uid, plan.video.at(-1)?.name ?? '')
    expect(await readNumbers(rendition)).toEqual(Array.from({ length: count }, (_, index) => first + index))
    expect(await readMiddles(rendition)).toEqual(Array.from({ length: count }, () => true))
  }
})

test('another ffmpeg than the one that made the source makes the edges beside its segments', async () => {
  const file = await makeNumbered(engine.folder, 'builds', {
    rate: '25',
    seconds: 14,
    silent: true,
    coding: [...X264, ...words('-g 9999 -sc_threshold 0')],
  })
  const source = await addSource(engine, file)
  const { plan } = await engine.plan(source)
  await engine.db
    .updateTable('plans')
    .set({ plan: JSON.stringify({ ...plan, decoder: 'an older one' }) })
    .where('video_uid', '=', source)
    .execute()
  const outer = await clip(engine, source, [1, 13])
  const inner = await clip(engine, outer.uid, [1, 10])
  for (const [uid, first, count] of [
    [outer.uid, 25, 300],
    [inner.uid, 50, 225],
  ] as const) {
    const made = await engine.plan(uid)
    expect(made.plan.video.every(({ joined }) => joined !== undefined)).toBe(true)
    const rendition = await writeRendition(engine, uid, made.plan.video.at(-1)?.name ?? '')
    expect(await readNumbers(rendition)).toEqual(Array.from({ length: count }, (_, index) => first + index))
  }
})

test('what hears a clip, like the speech engine, hears its part of the source', async () => {
  const { uid } = await clip(engine, await addSource(engine, await plainFile()), [3, 9])
  const { plan, mediaBlob, indexBlob } = await engine.plan(uid)
  const index = indexBlob === null ? null : await engine.indexes.open(indexBlob, plan)
  const sound = chooseSound(engine.blobs, plan, mediaBlob, index, { start: 0, end: 6 })
  if (sound === null) throw new Error('the clip has no sound')
  const graph = `asettb=1/1000000,asetpts=PTS-(${sound.originUs}),aresample=48000:async=1:first_pts=0,atrim=end=6`
  const heard = await engine.decoder.run(
    {
      label: 'sound of a clip',
      input: sound.input,
      args: words(
        `-copyts -f ${sound.demuxer} -i {input} -map 0:a:${sound.stream} -af ${graph} -f wav heard.wav`,
      ),
      outputs: ['heard.wav'],
      limits: { wallMs: 60_000, cpuSeconds: 60, outputBytes: 1e7, memoryBytes: 3 * 1024 ** 3 },
      nice: 0,
    },
    { signal: new AbortController().signal },
  )
  const file = heard.files.get('heard.wav')
  const bytes = new Uint8Array(file?.sizeBytes ?? 0)
  await file?.read(bytes, 0)
  await heard.release()
  const path = join(engine.folder, 'heard.wav')
  await writeFile(path, bytes)
  const beeps = (await readBeeps(path)).filter((beep) => beep > 0.5)
  expect(beeps.map(Math.round)).toEqual([1, 2, 3, 4, 5])
  for (const beep of beeps) expect(Math.abs(beep - Math.round(beep))).toBeLessThan(1024 / 48_000)
})

test.each([
  ['storage_exhausted', { storageMinutes: 0.01 }],
  ['too_many_videos', { videosInWork: 0 }],
])('is refused like an upload: %s', async (code, limits) => {
  const { uid } = await clip(engine, await addSource(engine, await plainFile(), 0), [0, 4])
  const request = { accountId: ACCOUNT, sourceUid: uid, startSeconds: 0, endSeconds: 4, fields: {} }
  const deps = { ...engine, limits: { ...engine.limits, ...limits } }
  await expect(createClip(deps, request)).rejects.toMatchObject({ code })
})

test('a source that is deleted before it is cut fails the clip in words, and owes a webhook call', async () => {
  const source = await addSource(engine, await plainFile(), 1)
  const url = 'https://hooks.example.com/'
  const baseUrl = 'https://video.example.com'
  await putMainSubscription(engine, { accountId: ACCOUNT, url, field: 'notificationUrl', baseUrl })
  const { uid } = await createClip(engine, {
    accountId: ACCOUNT,
    sourceUid: source,
    startSeconds: 1,
    endSeconds: 3,
    fields: {},
  })
  await deleteVideo(engine, ACCOUNT, source)
  const job = await engine.claim('clip')
  if (job === undefined) throw new Error('there is no clip job')
  await engine.run(job)
  const { state, error } = await engine.video(uid)
  expect([state, error?.reasonCode]).toEqual(['error', 'ERR_UNKNOWN'])
  expect(error?.reasonText).toContain('was deleted')
  const calls = await listCalls(engine.db, { accountId: ACCOUNT, limit: 100 })
  expect(calls.filter(({ videoUid }) => videoUid === uid)).toMatchObject([
    { event: 'error', state: 'pending' },
  ])
})

test('a clip that is deleted while it is encoded leaves what it shares with its source, and nothing else', async () => {
  const coding = words('-c:v mpeg4 -q:v 3 -g 50')
  const source = await addSource(
    engine,
    await makeNumbered(engine.folder, 'encoded', { rate: '25', seconds: 11, silent: true, coding }),
  )
  const [rung] = (await engine.plan(source)).plan.video
  expect(rung?.made).not.toBe('passthrough')
  const shown = await pictureHashes(await writeRendition(engine, source, rung?.name ?? ''))
  const { uid } = await createClip(engine, {
    accountId: ACCOUNT,
    sourceUid: source,
    startSeconds: 1,
    endSeconds: 10,
    fields: {},
  })
  const cut = await engine.claim('clip')
  if (cut === undefined) throw new Error('there is no clip job')
  await engine.run(cut)
  const edge = await engine.claim('encode')
  if (edge === undefined) throw new Error('there is no encode job')
  let deleting: Promise<void> | undefined
  const blobs = wrapDrafts(engine.blobs, (draft) => ({
    publish: async (name) => {
      const facts = await draft.publish(name)
      await (deleting ??= deleteVideo(engine, ACCOUNT, uid))
      return facts
    },
  }))
  const encoding = workerHandlers({ ...engine, blobs })['encode']?.(edge, {
    signal: new AbortController().signal,
  })
  await expect(encoding).rejects.toMatchObject({ code: 'lease_lost' })
  expect(await pictureHashes(await writeRendition(engine, source, rung?.name ?? ''))).toEqual(shown)
  expect(await blobNames(`tracks/${uid}/`)).toEqual([])
})

describe('a crash', () => {
  test('between the rows and the blobs of a deletion leaves what the sweep removes, but nothing of a clip', async () => {
    const before = new Set(await blobNames())
    const source = await addSource(engine, await plainFile())
    const made = await clip(engine, source, [1, 10])
    const shown = await pictureHashes(await writeRendition(engine, made.uid, '108p'))
    const stopped = { ...engine, blobs: undeletable() }
    await expect(deleteVideo(stopped, ACCOUNT, source)).rejects.toThrow('power')
    await sweepLeftovers(engine, { graceMs: -60_000 })
    expect(await pictureHashes(await writeRendition(engine, made.uid, '108p'))).toEqual(shown)
    await expect(deleteVideo(stopped, ACCOUNT, made.uid)).rejects.toThrow('power')
    await sweepLeftovers(engine, { graceMs: -60_000 })
    expect((await blobNames()).filter((name) => !before.has(name))).toEqual([])
  })

  /** The engine's blobs, of which none can be deleted. */
  function undeletable(): Engine['blobs'] {
    return new Proxy(engine.blobs, {
      get: (blobs, name) => {
        if (name === 'delete') return () => Promise.reject(new Error('the power is gone'))
        const value: unknown = Reflect.get(blobs, name)
        return typeof value === 'function' ? (value.bind(blobs) as unknown) : value
      },
    })
  }
})
