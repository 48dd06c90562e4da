/** What may go wrong around a broadcast: clocks, disks, those who listen, those it is sent on to, time itself. */

import { afterEach, describe, expect, test } from 'vitest'
import {
  createOutput,
  deleteOutput,
  setNotification,
  setOutputEnabled,
  streamIdOf,
} from '../../src/core/live-inputs/index.ts'
import { type AccessUnit, LIVE_TIMESCALE } from '../../src/media/live/units.ts'
import type { LiveSender } from '../../src/live-ports.ts'
import { limitRoom, wrapDrafts } from '../contract/faulty-blobs.ts'
import { ACCOUNT } from '../media/engine.ts'
import { filmOf, openStage, type Stage, type StageOptions } from './broadcast-stage.ts'
import { later } from './live-units.ts'

const SECOND = LIVE_TIMESCALE
let stage: Stage

async function open(options: StageOptions = {}): Promise<Stage> {
  stage = await openStage(options)
  return stage
}
afterEach(() => stage[Symbol.asyncDispose]())

/** A unit that decoders pass over, behind its length. */
function fillerOf(sizeBytes: number): Buffer {
  const filler = Buffer.alloc(sizeBytes, 0xff)
  filler.writeUInt32BE(sizeBytes - 4)
  filler[4] = 12
  filler[sizeBytes - 1] = 0x80
  return filler
}

/** The video once its broadcast has ended and it was taken in. */
async function ended(uid: string) {
  await stage.pass(1_000, async () => ((await stage.engine.video(uid)).state === 'queued' ? true : undefined))
  await stage.engine.ingest(uid)
  return stage.engine.video(uid)
}

describe('the clock of a publisher', () => {
  test.each([
    ['wraps at 2^32 milliseconds', (at: number) => (at + 2 ** 32 * 90 - 3 * SECOND) % (2 ** 32 * 90)],
    ['jumps ahead by an hour', (at: number) => (at < 4 * SECOND ? at : at + 3600 * SECOND)],
    ['runs back', (at: number) => (at < 4 * SECOND ? at + 50 * SECOND : at)],
  ])('that %s leaves no trace in the recording', async (_, clock) => {
    await open()
    const film = await filmOf({ seconds: 6 })
    const input = await stage.createInput()
    const publisher = await stage.publish(input)
    const units = film.units.map((unit) => ({
      ...unit,
      dts: clock(unit.dts),
      pts: clock(unit.dts) + unit.pts - unit.dts,
    }))
    publisher.send({ ...film, units })
    const uid = stage.broadcasts.broadcast(input.uid)?.videoUid ?? ''
    publisher.end('clean')
    const video = await stage
      .pass(0, () => stage.engine.video(uid).catch(() => undefined))
      .then(() => ended(uid))
    expect(video.state).toBe('ready')
    expect(Math.abs((video.durationSeconds ?? 0) - 6.08)).toBeLessThan(0.2)
  })
})

describe('a disk', () => {
  test('that is full leaves a hole, is told, and holds nobody up', async () => {
    let room = 150_000
    await open({ blobs: (blobs) => limitRoom(blobs, () => room) })
    const film = await filmOf({ seconds: 6 })
    const input = await stage.createInput()
    await setNotification(stage.engine, {
      accountId: ACCOUNT,
      name: 'studio',
      url: 'http://127.0.0.1:9/',
      secret: 's',
    })
    const publisher = await stage.publish(input)
    publisher.send(film)
    const played = stage.broadcasts.broadcast(input.uid)
    const uid = played?.videoUid ?? ''
    const toldOf = async () => {
      const rows = await stage.engine.db.selectFrom('webhook_calls').select('body').execute()
      return rows.some(({ body }) => body?.includes('ERR_STORAGE_QUOTA_EXHAUSTED')) ? true : undefined
    }
    // Written as it comes, some of it while there is room.
    for (let round = 1; round <= 3; round += 1) {
      publisher.send({ ...film, units: later(film.units, round * 6 * SECOND) })
      await stage.pass(0, async () => (round < 3 || (await toldOf()) ? true : undefined))
    }
    expect(publisher.cutBy).toBeUndefined()
    expect(played?.package.endTicks).toBeGreaterThan(23 * SECOND)
    room = Number.POSITIVE_INFINITY
    publisher.send({ ...film, units: later(film.units, 24 * SECOND) })
    publisher.end('clean')
    const video = await ended(uid)
    expect(['ready', 'inprogress']).toContain(video.state)
    expect(video.error).toBeNull()
  })

  test('that hangs is waited for with so much and no more, and what comes after is recorded again', async () => {
    let hanging: Promise<void> | undefined
    const appended: number[] = []
    await open({
      blobs: (blobs) =>
        wrapDrafts(blobs, (draft) => ({
          append: async (buffers) => {
            await hanging
            appended.push(buffers.reduce((sum, { byteLength }) => sum + byteLength, 0))
            await draft.append(buffers)
          },
        })),
    })
    const film = await filmOf({ seconds: 6 })
    const input = await stage.createInput()
    const publisher = await stage.publish(input)
    publisher.send(film)
    await stage.pass(0, () => (appended.length > 0 ? true : undefined))
    const played = stage.broadcasts.broadcast(input.uid)
    const uid = played?.videoUid ?? ''
    const free = Promise.withResolvers<void>()
    hanging = free.promise
    // Ten seconds at a time, of 8 Mbit/s: each picture with a filler (H.264 §7.3.2.7) behind it.
    const filler = fillerOf(40_000)
    const large = film.units.map((unit) =>
      unit.kind === 'video' ? { ...unit, data: Buffer.concat([unit.data, filler]) } : unit,
    )
    const [before, held] = [appended.length, [0]]
    for (let round = 1; round <= 20; round += 1) {
      publisher.send({ ...film, units: later(large, round * 6 * SECOND) })
      held.push(played?.package.renditions.reduce((sum, { heldBytes }) => sum + heldBytes, 0) ?? 0)
      await new Promise((resolve) => setImmediate(resolve))
    }
    // The broadcast went on for everybody, in the memory that it may have.
    expect(played?.package.endTicks).toBeGreaterThan(125 * SECOND)
    expect(publisher.cutBy).toBeUndefined()
    expect(Math.max(...held)).toBeLessThan(26_000_000)
    expect(appended.length - before).toBeLessThanOrEqual(1)
    hanging = undefined
    free.resolve()
    publisher.send({ ...film, units: later(film.units, 126 * SECOND) })
    publisher.end('clean')
    const video = await ended(uid)
    expect(video.error).toBeNull()
    // What was with the disk already, and what waited for it: of 120 MB no more than twice sixteen.
    const afterwards = appended.slice(before)
    expect(Math.max(...afterwards)).toBeLessThanOrEqual(16 * 1024 * 1024)
    const recordedBytes = afterwards.reduce((sum, bytes) => sum + bytes, 0)
    expect(recordedBytes).toBeLessThan(34_000_000)
    // The last six seconds are there, behind the hole.
    expect(video.durationSeconds).toBeGreaterThan(130)
  })

  test('that takes nothing at all makes the video fail, and the broadcast goes on to its end', async () => {
    await open({ blobs: (blobs) => limitRoom(blobs, () => 0) })
    const film = await filmOf({ seconds: 6 })
    const input = await stage.createInput()
    const publisher = await stage.publish(input)
    publisher.send(film)
    const uid = stage.broadcasts.broadcast(input.uid)?.videoUid ?? ''
    expect(stage.broadcasts.broadcast(input.uid)?.package.isPlayable).toBe(true)
    publisher.end('clean')
    await stage.pass(1_000, async () =>
      (await stage.engine.video(uid).catch(() => undefined))?.state === 'error' ? true : undefined,
    )
  })
})

describe('storage', () => {
  test('that is full refuses publishers of recorded inputs, and is told once; what runs may end', async () => {
    // Three seconds of it.
    await open({ deps: () => ({ limits: { storageMinutes: 0.05, minFreeBytes: 0 } }) })
    await setNotification(stage.engine, {
      accountId: ACCOUNT,
      name: 'studio',
      url: 'http://127.0.0.1:9/',
      secret: 's',
    })
    const film = await filmOf({ seconds: 6 })
    const input = await stage.createInput()
    const publisher = await stage.publish(input)
    publisher.send(film)
    const uid = stage.broadcasts.broadcast(input.uid)?.videoUid ?? ''
    await stage.pass(0, () => stage.engine.video(uid).catch(() => undefined))
    publisher.end('clean')
    const video = await ended(uid)
    // While it ran it counted nothing.
    expect(video.state).toBe('ready')
    expect(video.durationSeconds).toBeGreaterThan(5.9)

    const refusal = {
      code: 'storage_exhausted',
      message: expect.stringContaining('of 0.05 minutes are in use'),
    }
    for (let attempt = 0; attempt < 3; attempt += 1) {
      await expect(stage.publish(input)).rejects.toMatchObject(refusal)
    }
    const { door } = stage.broadcasts
    expect(await door.findSrt(streamIdOf(input, 'publish'))).toMatchObject({ refusal })
    expect(await door.findSrt(streamIdOf(input, 'play'))).not.toHaveProperty('refusal')
    expect((await stage.reasons(input.uid)).slice(-2)).toEqual(['failed_to_connect', 'failed_to_connect'])
    const rows = await stage.engine.db.selectFrom('webhook_calls').select('body').execute()
    expect(rows.filter(({ body }) => body?.includes('ERR_STORAGE_QUOTA_EXHAUSTED'))).toHaveLength(1)

    const unrecorded = await stage.createInput({ recording: { mode: 'off' } })
    const other = await stage.publish(unrecorded)
    other.send(film)
    expect(other.cutBy).toBeUndefined()
  })
})

describe('a rate', () => {
  test.each([
    ['of 20 Mbit/s is taken', 0.98, undefined],
    ['above it ends the connection with a sentence, and the broadcast waits', 1.05, 'live_stream_broken'],
  ])('%s', async (_, share, code) => {
    await open()
    const film = await filmOf({ seconds: 6 })
    const input = await stage.createInput({ recording: { mode: 'off' } })
    const publisher = await stage.publish(input)
    publisher.send({ ...film, units: [] })
    const key = film.units.find(({ kind, isSync }) => kind === 'video' && isSync) as AccessUnit
    const data = new Uint8Array((share * 20_000_000) / 8)
    for (let second = 0; second <= 22; second += 1) {
      publisher.unit({ ...key, dts: second * SECOND, pts: second * SECOND, isSync: second % 2 === 0, data })
    }
    expect(publisher.cutBy).toEqual(code === undefined ? undefined : expect.objectContaining({ code }))
    if (code === undefined) return
    expect(publisher.cutBy?.message).toMatch(
      /sends 2\d\.\d Mbit\/s, and at most 20\.0 are taken; lower the bit rate/,
    )
    expect(await stage.reasons(input.uid)).toEqual(['connected', 'reconnecting'])
    await stage.publish(input)
    expect((await stage.reasons(input.uid)).at(-1)).toBe('reconnected')
  })
})

/** A sender whose connections a test can lose and refuse. */
function sender() {
  const sent = { connects: 0, units: 0, closed: 0, refuse: false, lose: (error: Error): void => void error }
  const made: LiveSender = {
    schemes: ['rtmp'],
    connect: async ({ onLost }) => {
      sent.connects += 1
      if (sent.refuse) throw new Error('refused')
      sent.lose = onLost
      return {
        format: () => undefined,
        unit: () => (sent.units += 1),
        end: () => undefined,
        close: async () => void (sent.closed += 1),
      }
    },
  }
  return { made, sent }
}

describe('outputs', () => {
  test('are sent to while it runs, at once when added, again when lost, with ever longer pauses', async () => {
    const { made, sent } = sender()
    await open({ deps: () => ({ senders: [made] }) })
    const film = await filmOf({ seconds: 6 })
    const input = await stage.createInput({ recording: { mode: 'off' } })
    const publisher = await stage.publish(input)
    publisher.send(film)
    const output = await createOutput(
      stage.inputs,
      { accountId: ACCOUNT, inputUid: input.uid },
      { url: 'rtmp://127.0.0.1/live', streamKey: 'secret', enabled: true },
    )
    await stage.pass(0, () => (sent.units > 0 ? true : undefined))
    sent.refuse = true
    sent.lose(new Error('gone'))
    await stage.pass(500, () => (sent.connects === 4 ? true : undefined))
    sent.refuse = false
    await stage.pass(500, () => (sent.connects === 5 ? true : undefined))
    await stage.pass(0, async () => ((await stage.reasons(output.uid)).length === 4 ? true : undefined))
    expect(await stage.reasons(output.uid)).toEqual([
      'connected',
      'reconnecting',
      'failed_to_reconnect',
      'reconnected',
    ])
    await setOutputEnabled(stage.inputs, { accountId: ACCOUNT, inputUid: input.uid, uid: output.uid }, false)
    await stage.pass(0, () => (sent.closed === 2 ? true : undefined))
    await setOutputEnabled(stage.inputs, { accountId: ACCOUNT, inputUid: input.uid, uid: output.uid }, true)
    await stage.pass(0, () => (sent.connects === 6 ? true : undefined))
    await deleteOutput(stage.inputs, { accountId: ACCOUNT, inputUid: input.uid, uid: output.uid })
    await stage.pass(0, () => (sent.closed === 3 ? true : undefined))
  })
})

describe('a restart of the server', () => {
  test.each([
    ['stop', 'off'],
    ['kill', 'off'],
    ['kill', 'automatic'],
  ] as const)(
    'by %s is a lost connection for a broadcast with recording %s, and outputs go on',
    async (how, mode) => {
      const { made, sent } = sender()
      await open({ deps: () => ({ senders: [made] }) })
      const film = await filmOf({ seconds: 6 })
      const input = await stage.createInput({ recording: { mode, timeoutSeconds: 20 } })
      await createOutput(
        stage.inputs,
        { accountId: ACCOUNT, inputUid: input.uid },
        { url: 'rtmp://127.0.0.1/live', streamKey: 'secret', enabled: true },
      )
      const first = await stage.publish(input)
      first.send(film)
      await stage.pass(0, () => (sent.units > 0 ? true : undefined))
      if (mode === 'automatic') {
        await stage.pass(0, async () => ((await stage.videos(input)).length === 1 ? true : undefined))
      }
      // What was not told yet when the server was killed, nobody can know after it.
      await stage.broadcasts.statuses.settle()
      await stage.restart(how)
      expect(await stage.reasons(input.uid)).toEqual(['connected', 'reconnecting'])
      expect(stage.broadcasts.find(input.uid)?.connection).toBeNull()
      stage.clock.advance(5_000)
      await stage.restart('kill')
      stage.clock.advance(14_000)
      const [connects, units] = [sent.connects, sent.units]
      const second = await stage.publish(input, 'srt')
      second.send(film)
      expect(await stage.reasons(input.uid)).toEqual(['connected', 'reconnecting', 'reconnected'])
      await stage.pass(0, () => (sent.units > units ? true : undefined))
      expect(sent.connects).toBe(connects + 1)
      expect(await stage.videos(input)).toHaveLength(mode === 'automatic' ? 1 : 0)
      second.end('lost')
      await stage.pass(1_000, () => (stage.broadcasts.find(input.uid) === undefined ? true : undefined))
      expect((await stage.reasons(input.uid)).at(-1)).toBe('ttl_exceeded')
    },
  )

  test('after whose window it begins is the end of what was not recorded', async () => {
    await open()
    const film = await filmOf({ seconds: 6 })
    const input = await stage.createInput({ recording: { mode: 'off', timeoutSeconds: 20 } })
    const first = await stage.publish(input)
    first.send(film)
    await stage.broadcasts.statuses.settle()
    stage.clock.advance(21_000)
    await stage.restart('kill')
    expect(stage.broadcasts.find(input.uid)).toBeUndefined()
    expect(await stage.reasons(input.uid)).toEqual(['connected', 'ttl_exceeded'])
    const second = await stage.publish(input)
    second.send(film)
    expect((await stage.reasons(input.uid)).at(-1)).toBe('connected')
  })
})

describe('eight hours', () => {
  test('pass without memory growing', async () => {
    await open()
    const film = await filmOf({ seconds: 6 })
    const input = await stage.createInput()
    const publisher = await stage.publish(input)
    publisher.send({ ...film, audio: null, units: [] })
    // A picture a second is enough for segments, parts and tables.
    const key = film.units.find(({ kind, isSync }) => kind === 'video' && isSync) as AccessUnit
    const data = key.data.subarray(0, 400)
    const heap: number[] = []
    for (let second = 0; second < 8 * 3600; second += 1) {
      const at = second * SECOND
      publisher.unit({ ...key, dts: at, pts: at, data, isSync: second % 2 === 0 })
      if (second % 20 === 0) {
        stage.clock.advance(20_000)
        await new Promise((resolve) => setImmediate(resolve))
      }
      if (second % 3600 === 3599) {
        const pack = stage.broadcasts.broadcast(input.uid)?.package
        heap.push(
          pack?.renditions.reduce((sum, { heldBytes, tableBytes }) => sum + heldBytes + tableBytes, 0) ?? 0,
        )
      }
    }
    const [first = 0, ...rest] = heap
    // Tables hold some tens of bytes per segment; what is held of media stays where it was after the first hour.
    expect(Math.max(...rest) - first).toBeLessThan(3_000_000)
    expect(stage.broadcasts.broadcast(input.uid)?.package.endTicks).toBeGreaterThan(8 * 3590 * SECOND)
    expect(publisher.cutBy).toBeUndefined()
  })
})
