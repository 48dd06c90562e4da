/** From a publisher to a video: what was sent is what is recorded, whatever becomes of the connection. */

import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { sourceBlob } from '../../src/core/blob-names.ts'
import { editLiveInput } from '../../src/core/live-inputs/index.ts'
import { Scrub } from '../../src/core/scrub/index.ts'
import { deleteVideo, sweep, sweepLeftovers, type Video } from '../../src/core/videos/index.ts'
import { type FoundFragment, readRecording } from '../../src/media/live/read-recording.ts'
import { LIVE_TIMESCALE } from '../../src/media/live/units.ts'
import { ACCOUNT } from '../media/engine.ts'
import { type DigestedFilm, digests, filmOf, openStage, type Stage } from './broadcast-stage.ts'
import { later } from './live-units.ts'

const SECOND = LIVE_TIMESCALE
const SEVEN_DAYS = 7 * 86_400
const DAY_US = 86_400_000_000
let stage: Stage
let film: DigestedFilm

beforeEach(async () => {
  stage = await openStage()
  film = await filmOf({ seconds: 6 })
})
afterEach(() => stage[Symbol.asyncDispose]())

/** The video that a running broadcast becomes. */
async function liveVideo(inputUid: string): Promise<Video> {
  const uid = stage.broadcasts.broadcast(inputUid)?.videoUid ?? ''
  return stage.pass(0, () => stage.engine.video(uid).catch(() => undefined))
}

/** The video once its broadcast has ended and it was taken in. */
async function recorded(uid: string): Promise<Video> {
  await stage.pass(1_000, async () => ((await stage.engine.video(uid)).state === 'queued' ? true : undefined))
  await stage.engine.ingest(uid)
  return stage.engine.video(uid)
}

/** What an independent decoder finds in a video's source. */
async function sourceDigests(uid: string): Promise<{ pictures: string[]; sounds: string[] }> {
  const reader = await stage.engine.blobs.open(sourceBlob(uid))
  const file = join(stage.folder, `${uid}.mp4`)
  try {
    const bytes = new Uint8Array(reader.sizeBytes)
    await reader.read(bytes, 0)
    await writeFile(file, bytes)
  } finally {
    await reader.close()
  }
  return { pictures: await digests(file, 'v'), sounds: await digests(file, 'a') }
}

async function draftsOf(): Promise<string[]> {
  return (await Array.fromAsync(stage.engine.blobs.listDrafts())).map(({ id }) => id)
}

/** Files have the times of the machine. */
const SOON_US = () => (Date.now() + 60_000) * 1_000

/** The fragments of a video's source. */
async function sourceFragments(uid: string): Promise<readonly FoundFragment[]> {
  const reader = await stage.engine.blobs.open(sourceBlob(uid))
  try {
    return (await readRecording(reader)).fragments
  } finally {
    await reader.close()
  }
}

/** The film from one of its seconds on; its key frames are two seconds apart. */
function from(seconds: number) {
  return { ...film, units: film.units.filter(({ dts }) => dts >= seconds * SECOND) }
}

describe('a recording', () => {
  test('is live, then a video that plays as it was sent, without encoding', async () => {
    const input = await stage.createInput({
      meta: { name: 'studio two' },
      defaultCreator: 'ann',
      recording: { requireSignedUrls: true, allowedOrigins: ['example.com'] },
    })
    const publisher = await stage.publish(input)
    publisher.send(film)
    const live = await liveVideo(input.uid)
    expect(live).toMatchObject({
      state: 'live-inprogress',
      meta: { name: 'studio two 20 Nov 26 18:00 UTC' },
      creator: 'ann',
      requireSignedUrls: true,
      allowedOrigins: ['example.com'],
      liveInput: input.uid,
      durationSeconds: null,
      sizeBytes: 0,
    })
    await expect(deleteVideo(stage.engine, ACCOUNT, live.uid)).rejects.toMatchObject({
      code: 'video_is_live',
    })
    publisher.end('clean')
    const video = await recorded(live.uid)
    expect(video).toMatchObject({ state: 'ready', displaySize: { width: 320, height: 180 } })
    // Two pictures wait for the one they are coded after.
    expect(video.durationSeconds).toBeCloseTo(6.08, 1)
    const found = await sourceDigests(live.uid)
    expect(found.pictures).toEqual(film.pictures)
    // Sound that is earlier than the first picture has no place.
    const begin = film.units.find(({ kind }) => kind === 'video')?.pts ?? 0
    const heard = film.units.filter(({ kind, dts }) => kind === 'audio' && dts >= begin)
    expect(heard.length).toBeGreaterThan(270)
    expect(found.sounds).toEqual(film.sounds.slice(-heard.length))
    expect(await stage.reasons(input.uid)).toEqual(['connected', 'client_disconnect', 'ttl_exceeded'])
    expect(stage.broadcasts.broadcast(live.uid)?.package.ended).toBe(true)
  })

  test('goes on when its publisher comes back within the window, whatever his clock says', async () => {
    const input = await stage.createInput({ recording: { timeoutSeconds: 20 } })
    const first = await stage.publish(input)
    first.send({ ...film, units: film.units.filter(({ dts }) => dts < 4 * SECOND) })
    const { uid } = await liveVideo(input.uid)
    first.end('lost')
    stage.clock.advance(19_000)
    const second = await stage.publish(input, 'srt')
    second.send({ ...film, units: later(from(4).units, 1_000_000 * SECOND) })
    expect(stage.broadcasts.broadcast(input.uid)?.videoUid).toBe(uid)
    expect(stage.broadcasts.broadcast(input.uid)?.package.cuts.stretches).toHaveLength(2)
    second.end('clean')
    const video = await recorded(uid)
    expect(video.state).toBe('ready')
    expect(video.durationSeconds).toBeCloseTo(6.08, 0)
    const found = await sourceDigests(uid)
    expect(found.pictures).toEqual(film.pictures)
    expect(await stage.videos(input)).toHaveLength(1)
    expect(await stage.reasons(input.uid)).toEqual([
      'connected',
      'reconnecting',
      'reconnected',
      'client_disconnect',
      'ttl_exceeded',
    ])
  })

  test('is another one when its publisher comes back after the window', async () => {
    const input = await stage.createInput({ recording: { timeoutSeconds: 20 } })
    const first = await stage.publish(input)
    first.send(film)
    const { uid } = await liveVideo(input.uid)
    first.end('lost')
    expect((await recorded(uid)).state).toBe('ready')
    const second = await stage.publish(input)
    second.send(film)
    const again = await liveVideo(input.uid)
    expect(again.uid).not.toBe(uid)
    second.end('clean')
    expect((await recorded(again.uid)).state).toBe('ready')
    expect(await stage.reasons(input.uid)).toEqual([
      'connected',
      'reconnecting',
      'ttl_exceeded',
      'connected',
      'client_disconnect',
      'ttl_exceeded',
    ])
  })

  test.each(['stop', 'kill'] as const)(
    'waits for its publisher after a %s of the server, and loses at most one part per track',
    async (how) => {
      const input = await stage.createInput()
      const first = await stage.publish(input)
      first.send({ ...film, units: film.units.filter(({ dts }) => dts < 4 * SECOND) })
      const { uid } = await liveVideo(input.uid)
      const before = stage.broadcasts.broadcast(uid)?.package.endTicks ?? 0
      // What was made has been handed to the system; whether it was synced does not matter to a kill.
      await stage.pass(0, () => {
        const isWritten = stage.broadcasts.broadcast(uid)?.package.renditions.every((rendition) => {
          const last = rendition.endSegment - 1
          return rendition.ranges(last).length === rendition.held(last)?.parts.length
        })
        return isWritten ? true : undefined
      })
      await stage.restart(how)
      const pack = stage.broadcasts.broadcast(input.uid)?.package
      expect(stage.broadcasts.broadcast(input.uid)?.videoUid).toBe(uid)
      expect(before - (pack?.endTicks ?? 0)).toBeLessThan(0.6 * SECOND)
      expect(pack?.find(`${uid.slice(0, 8)}v`)?.endSegment).toBe(2)
      const second = await stage.publish(input)
      second.send({ ...film, units: later(from(4).units, 77 * SECOND) })
      second.end('clean')
      const video = await recorded(uid)
      expect(video.state).toBe('ready')
      const found = await sourceDigests(uid)
      // 25 pictures a second, at most half a second of them in a part.
      expect(found.pictures.length).toBeGreaterThanOrEqual(film.pictures.length - 13)
      expect(found.pictures.slice(-50)).toEqual(film.pictures.slice(-50))
      expect(found.pictures.slice(0, 80)).toEqual(film.pictures.slice(0, 80))
      const reasons = await stage.reasons(input.uid)
      expect(reasons.slice(0, 3)).toEqual(['connected', 'reconnecting', 'reconnected'])
    },
  )

  test('is left alone by the sweep and the scrub while it runs, and after a crash', async () => {
    const input = await stage.createInput()
    const first = await stage.publish(input)
    first.send(film)
    const { uid } = await liveVideo(input.uid)
    await stage.pass(0, async () => {
      const row = await stage.engine.db.selectFrom('live_broadcasts').select('draft_id').executeTakeFirst()
      return row?.draft_id ?? undefined
    })
    for (const how of ['live', 'kill', 'stop'] as const) {
      if (how !== 'live') await stage.restart(how)
      const stray = await stage.engine.blobs.createDraft()
      await stray.append([new Uint8Array(1_000)])
      await stray.close()
      const scrub = new Scrub(
        { ...stage.engine, build: stage.engine.decoder.build.id },
        { repair: true, bytesPerSecond: null, straysBeforeUs: SOON_US() },
      )
      await scrub.run(new AbortController().signal)
      // What nobody wants is found, so the recording would be too.
      const { state, damaged, lost, findings } = scrub.report()
      expect([state, damaged, lost]).toEqual(['done', 0, 0])
      expect(findings.filter(({ kind }) => kind === 'draft').map(({ file }) => file)).toEqual([
        `drafts/${stray.id}`,
      ])
      expect(await sweepLeftovers(stage.engine, { graceMs: -60_000 })).toEqual({ drafts: 0, blobs: 0 })
      expect(await draftsOf()).toHaveLength(1)
    }
    const second = await stage.publish(input)
    second.send(film)
    second.end('clean')
    const video = await recorded(uid)
    expect(video.state).toBe('ready')
    expect(video.durationSeconds).toBeGreaterThan(11)
    expect(await draftsOf()).toEqual([])
  })

  test('is deleted so many days after it was ready as its input said when it began', async () => {
    const input = await stage.createInput({ deleteRecordingAfterDays: 30 })
    const publisher = await stage.publish(input)
    publisher.send(film)
    const { uid } = await liveVideo(input.uid)
    // For later ones only (live.md §5).
    await editLiveInput(stage.inputs, ACCOUNT, input.uid, { deleteRecordingAfterDays: 60 })
    const endedUs = stage.clock.nowUs()
    publisher.end('clean')
    const video = await recorded(uid)
    const dueUs = video.scheduledDeletionUs ?? 0
    expect(dueUs).toBeGreaterThanOrEqual(endedUs + 30 * DAY_US)
    expect(dueUs).toBeLessThanOrEqual(stage.clock.nowUs() + 30 * DAY_US)
    await editLiveInput(stage.inputs, ACCOUNT, input.uid, { deleteRecordingAfterDays: null })
    expect((await stage.engine.video(uid)).scheduledDeletionUs).toBe(dueUs)

    const deps = { ...stage.engine, clock: stage.clock }
    stage.clock.advance((dueUs - stage.clock.nowUs()) / 1000 - 1_000)
    await sweep(deps)
    await expect(
      stage.engine.blobs.open(sourceBlob(uid)).then((reader) => reader.close()),
    ).resolves.toBeUndefined()
    stage.clock.advance(1_000)
    await sweep(deps)
    expect(await stage.videos(input)).toEqual([])
    await expect(stage.engine.blobs.open(sourceBlob(uid))).rejects.toMatchObject({ code: 'not_found' })
    // And the next one stays for ever.
    const again = await stage.publish(input)
    again.send(film)
    const next = await liveVideo(input.uid)
    again.end('clean')
    expect((await recorded(next.uid)).scheduledDeletionUs).toBeNull()
  })

  test('ends after seven days, and its broadcast goes on for everybody else', async () => {
    const input = await stage.createInput()
    const publisher = await stage.publish(input)
    publisher.send(film)
    const { uid } = await liveVideo(input.uid)
    const broadcast = stage.broadcasts.find(input.uid)
    const { recording } = broadcast ?? {}
    const heard: number[] = []
    broadcast?.feed.listen({ format: () => {}, unit: ({ dts }) => heard.push(dts), end: () => {} })
    // The publisher was away for most of them.
    const sendLate = (seconds: number): void => {
      recording?.listener.gap?.()
      for (const unit of later(film.units, seconds * SECOND)) recording?.listener.unit(unit)
    }
    sendLate(SEVEN_DAYS - 10)
    expect(stage.broadcasts.find(input.uid)?.recording).toBe(recording)
    sendLate(SEVEN_DAYS - 3)
    expect(stage.broadcasts.find(input.uid)?.recording).toBeNull()
    await stage.pass(0, async () => ((await stage.engine.video(uid)).state === 'queued' ? true : undefined))
    const ends = (await sourceFragments(uid)).map(
      ({ trackId, decodeTime, duration }) => (decodeTime + duration) / (trackId === 1 ? SECOND : 48_000),
    )
    // At most a part is longer than the last moment.
    expect(Math.max(...ends)).toBeGreaterThanOrEqual(SEVEN_DAYS - 0.5)
    expect(Math.max(...ends)).toBeLessThan(SEVEN_DAYS + 0.6)

    const before = heard.length
    publisher.send({ ...film, units: later(film.units, 6 * SECOND) })
    expect(heard.length).toBe(before + film.units.length)
    expect(publisher.cutBy).toBeUndefined()
    expect(await stage.videos(input)).toHaveLength(1)
  })
})
