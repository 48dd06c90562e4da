/** Who may publish, what the states say, and what ends a broadcast (live.md §2 to §4). */

import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import {
  deleteLiveInput,
  editLiveInput,
  rotateKeys,
  setEnabled,
  streamIdOf,
  streamKeyOf,
} from '../../src/core/live-inputs/index.ts'
import { setNotification } from '../../src/core/live-inputs/index.ts'
import { HeadwaterError } from '../../src/lib/failure.ts'
import { type AccessUnit, LIVE_TIMESCALE } from '../../src/media/live/units.ts'
import type { LivePackage } from '../../src/core/live-packaging/index.ts'
import type { FeedListener } from '../../src/live-ports.ts'
import { ACCOUNT } from '../media/engine.ts'
import { type DigestedFilm, filmOf, openStage, type Stage, type TestPublisher } from './broadcast-stage.ts'
import { later } from './live-units.ts'

const SECOND = LIVE_TIMESCALE
let stage: Stage
let film: DigestedFilm

beforeEach(async () => {
  stage = await openStage()
  film = await filmOf({ seconds: 6 })
})
afterEach(() => stage[Symbol.asyncDispose]())

function caller(key: string, protocol: 'rtmp' | 'srt' | 'webrtc' = 'rtmp') {
  return { protocol, key, remote: '127.0.0.1', onCut: () => undefined }
}

/** Events of the live notifications that are owed, oldest first. */
async function owedEvents(): Promise<string[]> {
  await stage.broadcasts.statuses.settle()
  const rows = await stage.engine.db
    .selectFrom('webhook_calls')
    .select(['event', 'body'])
    .orderBy('created_us')
    .execute()
  return rows.map(({ event, body }) => `${event} ${/ERR_\w+/.exec(body ?? '')?.[0] ?? ''}`.trim())
}

describe('at the door', () => {
  test('a key opens its own input and purpose only', async () => {
    const { door } = stage.broadcasts
    const input = await stage.createInput()
    const play = streamKeyOf(input, 'play')
    const accepts = { video: ['avc'], audio: ['aac'] } as const
    await expect(door.publish(caller('f'.repeat(32)))).rejects.toMatchObject({ code: 'live_key_unknown' })
    await expect(door.publish(caller(play))).rejects.toMatchObject({ code: 'live_key_unknown' })
    await expect(door.publish(caller(streamIdOf(input, 'play'), 'srt'))).rejects.toMatchObject({
      code: 'live_key_unknown',
    })
    await expect(door.play(caller(play), accepts)).rejects.toMatchObject({ code: 'live_not_started' })
    expect(await door.findSrt(streamIdOf(input, 'play'))).toEqual({ passphrase: play, purpose: 'play' })
    expect(await door.findSrt('nothing')).toBeUndefined()
    expect(await stage.reasons(input.uid)).toEqual([])
  })

  test('a disabled input refuses, and says so once', async () => {
    const input = await stage.createInput({ enabled: false })
    for (let attempt = 0; attempt < 3; attempt += 1) {
      await expect(stage.publish(input)).rejects.toMatchObject({ code: 'live_input_disabled' })
    }
    expect(await stage.reasons(input.uid)).toEqual(['failed_to_connect'])
  })

  test('a second publisher waits until the first has been silent for five seconds', async () => {
    const input = await stage.createInput()
    const first = await stage.publish(input)
    first.send(film)
    await expect(stage.publish(input)).rejects.toMatchObject({ code: 'live_input_busy' })
    stage.clock.advance(5_000)
    const second = await stage.publish(input)
    expect(first.cutBy).toMatchObject({ code: 'live_input_busy' })
    first.unit(film.units[0] as AccessUnit)
    second.send(film)
    const recording = stage.broadcasts.broadcast(input.uid)
    expect(recording?.package.endTicks).toBeGreaterThan(11 * SECOND)
    expect(await stage.reasons(input.uid)).toEqual(['connected', 'reconnecting', 'reconnected'])
  })

  test('players get the latest GOP at once, and everything after it', async () => {
    const input = await stage.createInput({ recording: { mode: 'off' } })
    const publisher = await stage.publish(input)
    publisher.send(film)
    const feed = await stage.broadcasts.door.play(caller(streamKeyOf(input, 'play')), {
      video: ['avc'],
      audio: ['aac'],
    })
    const got: number[] = []
    const listener: FeedListener = {
      format: () => {},
      unit: ({ dts }) => got.push(dts),
      end: () => got.push(-1),
    }
    const leave = feed.listen(listener)
    expect(got[0]).toBe(4 * SECOND)
    const before = got.length
    publisher.send({ ...film, units: later(film.units, 6 * SECOND) })
    expect(got.length).toBeGreaterThan(before + 200)
    leave()
    expect(stage.broadcasts.broadcast(input.uid)).toBeUndefined()
    expect(await stage.videos(input)).toEqual([])
  })
})

describe('while it is live', () => {
  test.each([
    ['deleted', 'live_key_unknown', (uid: string) => deleteLiveInput(stage.inputs, ACCOUNT, uid)],
    ['disabled', 'live_input_disabled', (uid: string) => setEnabled(stage.inputs, ACCOUNT, uid, false)],
    ['given other keys', 'live_key_unknown', (uid: string) => rotateKeys(stage.inputs, ACCOUNT, uid)],
  ])(
    'an input that is %s cuts publisher and players, and its video is finished at once',
    async (_, code, act) => {
      const input = await stage.createInput()
      const publisher = await stage.publish(input)
      publisher.send(film)
      let cutPlayer: Error | undefined
      const playing = {
        ...caller(streamKeyOf(input, 'play')),
        onCut: (reason: Error) => (cutPlayer = reason),
      }
      const feed = await stage.broadcasts.door.play(playing, { video: ['avc'], audio: ['aac'] })
      feed.listen({ format: () => {}, unit: () => {}, end: () => {} })
      const uid = stage.broadcasts.broadcast(input.uid)?.videoUid ?? ''
      await act(input.uid)
      expect(publisher.cutBy).toMatchObject({ code })
      expect(cutPlayer).toMatchObject({ code })
      await stage.pass(0, async () => ((await stage.engine.video(uid)).state === 'queued' ? true : undefined))
      await expect(stage.publish(input)).rejects.toThrow(HeadwaterError)
    },
  )

  test('the mode can be turned off and on again: the broadcast goes on, and becomes two videos', async () => {
    const input = await stage.createInput()
    const publisher = await stage.publish(input)
    publisher.send(film)
    const first = stage.broadcasts.broadcast(input.uid)?.videoUid ?? ''
    await editLiveInput(stage.inputs, ACCOUNT, input.uid, { recording: { mode: 'off' } })
    await stage.pass(0, async () =>
      (await stage.engine.video(first).catch(() => undefined))?.state === 'queued' ? true : undefined,
    )
    publisher.send({ ...film, units: later(film.units, 6 * SECOND) })
    expect(await stage.videos(input)).toHaveLength(1)
    await editLiveInput(stage.inputs, ACCOUNT, input.uid, { recording: { mode: 'automatic' } })
    await stage.pass(0, async () => ((await stage.reasons(input.uid)).length === 3 ? true : undefined))
    publisher.send({ ...film, units: later(film.units, 12 * SECOND) })
    await stage.pass(0, async () => ((await stage.videos(input)).length === 2 ? true : undefined))
    // It begins at nothing, as every video.
    const pack = stage.broadcasts.find(input.uid)?.recording?.package
    expect(pack?.endTicks).toBeLessThan(7 * SECOND)
    expect(publisher.cutBy).toBeUndefined()
    expect(await stage.reasons(input.uid)).toEqual([
      'connected',
      'new_configuration_accepted',
      'new_configuration_accepted',
    ])
  })

  test('pictures of another configuration go on in the same video; another sound begins a new one', async () => {
    const larger = await filmOf({ seconds: 4, size: '640x360' })
    const mono = await filmOf({ seconds: 4, sound: ['-ac', '1', '-ar', '44100'] })
    const input = await stage.createInput()
    const publisher = await stage.publish(input)
    publisher.send(film)
    const uid = stage.broadcasts.broadcast(input.uid)?.videoUid
    publisher.send({ ...larger, audio: null, units: later(larger.units, 6 * SECOND) })
    expect(stage.broadcasts.broadcast(input.uid)?.videoUid).toBe(uid)
    expect(stage.broadcasts.broadcast(input.uid)?.package.cuts.stretches).toHaveLength(2)
    publisher.send({ ...mono, video: null, units: later(mono.units, 10 * SECOND) })
    expect(stage.broadcasts.find(input.uid)?.recording?.videoUid).not.toBe(uid)
    await stage.pass(0, async () => ((await stage.videos(input)).length === 2 ? true : undefined))
    expect(publisher.cutBy).toBeUndefined()
    expect(await stage.reasons(input.uid)).toContain('new_configuration_accepted')
  })

  describe('a track that comes later than the other', () => {
    const pictures = (from: number, to: number) => of('video', from, to)
    const sounds = (from: number, to: number) => of('audio', from, to)
    /** Of the film over and over; its groups of pictures last two seconds. */
    const of = (kind: AccessUnit['kind'], from: number, to: number) =>
      [0, 6, 12, 18]
        .flatMap((seconds) => later(film.units, seconds * SECOND))
        .filter((unit) => unit.kind === kind && unit.dts >= from * SECOND && unit.dts < to * SECOND)
    const together = (...units: AccessUnit[][]) => units.flat().toSorted((a, b) => a.dts - b.dts)
    type Step = Parameters<TestPublisher['send']>[0]

    test.each<{ name: string; steps: () => Step[]; tracks: string[][]; seconds: number[] }>([
      {
        name: 'sound that was announced joins the same video',
        steps: () => [{ ...film, units: together(pictures(0, 12), sounds(5, 12)) }],
        tracks: [['video', 'audio']],
        seconds: [12],
      },
      {
        name: 'sound that nobody announced begins another video with the next sync picture, and no picture is lost',
        steps: () => [
          { ...film, audio: null, units: pictures(0, 5) },
          { ...film, video: null, units: together(pictures(5, 12), sounds(5, 12)) },
        ],
        tracks: [['video'], ['video', 'audio']],
        seconds: [6, 6],
      },
      {
        name: 'pictures within ten seconds are waited for: it begins with the first of them',
        steps: () => [
          { ...film, video: null, units: sounds(0, 4) },
          { ...film, audio: null, units: together(pictures(4, 10), sounds(4, 10)) },
        ],
        tracks: [['video', 'audio']],
        seconds: [6],
      },
      {
        name: 'pictures after that begin another video, and the sound before them is one, too',
        steps: () => [
          { ...film, video: null, units: sounds(0, 14) },
          { ...film, audio: null, units: together(pictures(14, 20), sounds(14, 20)) },
        ],
        tracks: [['audio'], ['video', 'audio']],
        seconds: [14, 6],
      },
    ])('$name', async ({ steps, tracks, seconds }) => {
      const input = await stage.createInput()
      const publisher = await stage.publish(input)
      const packs = new Set<LivePackage>()
      for (const { units, ...formats } of steps()) {
        publisher.send({ ...formats, units: [] })
        for (const unit of units) {
          publisher.unit(unit)
          const pack = stage.broadcasts.find(input.uid)?.recording?.package
          if (pack?.started) packs.add(pack)
        }
      }
      expect(publisher.cutBy).toBeUndefined()
      expect(await stage.reasons(input.uid)).not.toContain('reconnecting')
      await stage.pass(0, async () =>
        (await stage.videos(input)).length === tracks.length ? true : undefined,
      )
      publisher.end('clean')
      await stage.pass(1_000, () => ([...packs].every(({ ended }) => ended) ? true : undefined))
      const kinds = [...packs].map(({ renditions }) => renditions.map(({ kind }) => kind))
      expect(kinds).toEqual(tracks)
      for (const [index, pack] of [...packs].entries()) {
        for (const { endTime, timescale, times } of pack.renditions.map((rendition) => ({
          endTime: rendition.endTime,
          timescale: rendition.timescale,
          times: rendition.times(0),
        }))) {
          // Every track has all of it, be it in silence.
          const lasts = (endTime - (times?.start ?? 0)) / timescale
          expect(Math.abs(lasts - (seconds[index] ?? 0))).toBeLessThan(0.2)
        }
      }
    })
  })

  test('a codec that is not taken is told, and leaves no video behind', async () => {
    const input = await stage.createInput()
    await setNotification(stage.engine, {
      accountId: ACCOUNT,
      name: 'studio',
      url: 'http://127.0.0.1:9/',
      secret: 's',
    })
    const publisher = await stage.publish(input)
    publisher.end(
      'lost',
      new HeadwaterError('live_video_codec_unsupported', 'HEVC is not taken.', {
        facts: { videoCodec: 'hevc' },
      }),
    )
    expect(stage.broadcasts.find(input.uid)).toBeUndefined()
    expect(await stage.reasons(input.uid)).toEqual(['connected', 'failed_to_connect'])
    expect(await owedEvents()).toEqual([
      'live_input.connected',
      'live_input.errored ERR_UNSUPPORTED_VIDEO_CODEC',
      'live_input.disconnected',
    ])
    expect(await stage.videos(input)).toEqual([])
  })

  test('key frames too far apart are told once, and end the connection beyond twenty seconds', async () => {
    const input = await stage.createInput({ recording: { mode: 'off' } })
    await setNotification(stage.engine, {
      accountId: ACCOUNT,
      name: 'studio',
      url: 'http://127.0.0.1:9/',
      secret: 's',
    })
    const publisher = await stage.publish(input)
    publisher.send({
      ...film,
      units: film.units
        .slice(0, 1)
        .concat(film.units.filter(({ kind, isSync }) => kind === 'video' && isSync).slice(0, 1)),
    })
    const picture = film.units.find(({ kind, isSync }) => kind === 'video' && !isSync) as AccessUnit
    const seconds: number[] = []
    for (let at = 1; at <= 22 && publisher.cutBy === undefined; at += 1) {
      publisher.unit({ ...picture, dts: at * SECOND, pts: at * SECOND })
      seconds.push(at)
    }
    expect(seconds).toHaveLength(22)
    expect(publisher.cutBy).toMatchObject({ code: 'live_stream_broken' })
    expect((await owedEvents()).filter((event) => event.includes('GOP'))).toHaveLength(2)
  })

  test('a publisher from whom nothing comes is sent away, and his broadcast waits', async () => {
    const input = await stage.createInput()
    const publisher = await stage.publish(input)
    publisher.send(film)
    await stage.pass(1_000, () => publisher.cutBy)
    expect(publisher.cutBy).toMatchObject({ code: 'live_stream_broken' })
    expect(await stage.reasons(input.uid)).toEqual(['connected', 'reconnecting'])
    expect(stage.broadcasts.find(input.uid)?.isOver).toBe(false)
  })
})
