/** Players: what they are told, and what becomes of those who are slow. */

import { afterEach, describe, expect, test } from 'vitest'
import { closed, RtmpStage } from '../../../tests/harness/rtmp-client.ts'
import { pictureUnit, SOUND_FORMAT, VIDEO_FORMAT } from '../../../tests/harness/ts-stream.ts'
import { PLAY_KEY, TestDoor } from '../../../tests/live/test-door.ts'
import { LiveFeed } from '../../core/broadcasts/live-feed.ts'
import { MESSAGE } from '../../media/rtmp/message.ts'

const stage = new RtmpStage()

afterEach(() => stage.end())

describe('players', () => {
  const feedOf = (): LiveFeed => {
    const feed = new LiveFeed((error) => {
      throw error
    })
    feed.format(VIDEO_FORMAT)
    feed.format(SOUND_FORMAT)
    return feed
  }

  test('get what there is since the latest sync picture, then what comes, then the end', async () => {
    const door = new TestDoor()
    door.feed = feedOf()
    for (let index = 0; index < 13; index += 1) door.feed.unit(pictureUnit(index))
    await stage.open(door)
    const client = await stage.ask('play', PLAY_KEY)
    await expect.poll(() => door.feed?.listeners).toBe(1)
    door.feed.unit(pictureUnit(13))
    door.feed.end()
    await closed(client.socket)
    const pictures = client.messages.filter(({ type }) => type === MESSAGE.video)
    // The configuration, pictures 10 to 12, and the one that came later; from 0 on.
    expect(pictures.map(({ timestamp }) => timestamp)).toEqual([0, 0, 40, 80, 120])
    expect(client.codes).toEqual([
      'NetStream.Play.Reset',
      'NetStream.Play.Start',
      'NetStream.Play.UnpublishNotify',
      'NetStream.Play.Stop',
    ])
  })

  test('are refused while nobody publishes', async () => {
    await stage.open(new TestDoor())
    const client = await stage.ask('play', PLAY_KEY)
    await closed(client.socket)
    expect(client.codes).toEqual(['NetStream.Play.StreamNotFound'])
  })

  test('leave when they close their stream, or vanish', async () => {
    const door = new TestDoor()
    door.feed = feedOf()
    await stage.open(door)
    const [closing, vanishing] = [await stage.ask('play', PLAY_KEY), await stage.ask('play', PLAY_KEY)]
    await expect.poll(() => door.feed?.listeners).toBe(2)
    closing.call('deleteStream', 0, 1)
    await expect.poll(() => door.feed?.listeners).toBe(1)
    vanishing.socket.destroy()
    await expect.poll(() => door.feed?.listeners).toBe(0)
  })

  test('who do not read keep nobody else from reading, and are cut off', async () => {
    const door = new TestDoor()
    door.feed = feedOf()
    await stage.open(door, { stalledMs: 500, queue: { bytes: 200_000, unsentBytes: 100_000 } })
    const [lazy, keen] = [await stage.ask('play', PLAY_KEY), await stage.ask('play', PLAY_KEY)]
    await expect.poll(() => door.feed?.listeners).toBe(2)
    lazy.socket.pause()
    for (let index = 0; index < 300; index += 1) {
      door.feed.unit(pictureUnit(index, 30_000))
      // So that the one who reads can.
      await new Promise(setImmediate)
    }
    await expect.poll(() => door.feed?.listeners).toBe(1)
    await expect
      .poll(() => keen.messages.filter(({ type }) => type === MESSAGE.video).length)
      .toBeGreaterThan(10)
    expect(keen.socket.closed).toBe(false)
  })

  test('may not send what is longer than a command', async () => {
    const door = new TestDoor()
    door.feed = feedOf()
    await stage.open(door)
    const client = await stage.ask('play', PLAY_KEY)
    await expect.poll(() => door.feed?.listeners).toBe(1)
    client.send({ type: MESSAGE.video, payload: new Uint8Array(100_000) }, 0)
    await closed(client.socket)
    await expect.poll(() => door.feed?.listeners).toBe(0)
  })
})
