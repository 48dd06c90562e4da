/** The server against clients that do what no program does: strangers, silent publishers, and those with odd clocks. */

import { afterEach, describe, expect, test } from 'vitest'
import { Client, closed, RtmpStage } from '../../../tests/harness/rtmp-client.ts'
import { pictureUnit, SOUND_FORMAT, someUnits, VIDEO_FORMAT } from '../../../tests/harness/ts-stream.ts'
import { PUBLISH_KEY, TestDoor } from '../../../tests/live/test-door.ts'
import { HeadwaterError } from '../../lib/failure.ts'
import { silentLog } from '../../lib/log.ts'
import { writeConfigTag, writeUnitTag } from '../../media/flv/write-tag.ts'
import { amfObject } from '../../media/rtmp/amf0.ts'
import { MESSAGE } from '../../media/rtmp/message.ts'
import { openRtmpServer } from './server.ts'

const stage = new RtmpStage()

afterEach(() => stage.end())

describe('strangers', () => {
  test.each([
    ['HTTP', 'GET / HTTP/1.1\r\n\r\n'],
    ['TLS', '\u0016\u0003\u0001'],
    ['zeros', '\0'.repeat(5000)],
    ['a handshake, then noise', `\u0003${'x'.repeat(3072)}${'\u00ff'.repeat(3000)}`],
    [
      'a handshake, then a message of 16 MB',
      `\u0003${'x'.repeat(3072)}\u0003\0\0\0\u00ff\u00ff\u00ff\u0014\0\0\0\0`,
    ],
  ])('who speak %s are cut off at once', async (_, words) => {
    await stage.open(new TestDoor())
    const socket = await stage.dial()
    socket.write(Buffer.from(words, 'latin1'))
    await closed(socket)
  })

  test('who say nothing are cut off, before the handshake and after it', async () => {
    await stage.open(new TestDoor(), { handshakeMs: 300, firstStreamMs: 300 })
    await closed(await stage.dial())
    const client = new Client(await stage.dial())
    await client.ready
    client.call('connect', 0, amfObject({ app: 'live' }))
    await closed(client.socket)
  })

  test('who send a byte now and then are cut off as well', async () => {
    await stage.open(new TestDoor(), { handshakeMs: 300 })
    const socket = await stage.dial()
    const timer = setInterval(() => socket.write('\u0003'), 20)
    await closed(socket)
    clearInterval(timer)
  })

  test('who come from one address have few connections until they show a key', async () => {
    const door = new TestDoor()
    await stage.open(door, { strangersOfOne: 2 })
    const publisher = await stage.publish()
    const first = [await stage.dial(), await stage.dial()]
    await closed(await stage.dial())
    expect(first.map((socket) => socket.closed)).toEqual([false, false])
    publisher.socket.destroy()
  })

  test('who are many give the one that stands there longest away', async () => {
    await stage.open(new TestDoor(), { strangers: 2 })
    const [first, second] = [await stage.dial(), await stage.dial()]
    await stage.dial()
    await closed(first)
    expect(second.closed).toBe(false)
  })

  test.each<[string, (client: Client) => void]>([
    ['publish before they connect', (client) => client.call('publish', 1, PUBLISH_KEY)],
    [
      'connect twice',
      (client) => {
        client.call('connect', 0, amfObject({ app: 'live' }))
        client.call('connect', 0, amfObject({ app: 'live' }))
      },
    ],
    [
      'send commands without end',
      (client) => {
        client.call('connect', 0, amfObject({ app: 'live' }))
        for (let count = 0; count < 200; count += 1) client.call('_checkbw', 0)
      },
    ],
    [
      'create streams without end',
      (client) => {
        client.call('connect', 0, amfObject({ app: 'live' }))
        for (let count = 0; count < 20; count += 1) client.call('createStream', 0)
      },
    ],
  ])('who %s are cut off', async (_, act) => {
    await stage.open(new TestDoor())
    const client = new Client(await stage.dial())
    await client.ready
    act(client)
    await closed(client.socket)
  })
})

describe('publishers', () => {
  test('one at a time: the second is told that somebody is there', async () => {
    const door = new TestDoor()
    await stage.open(door)
    await stage.publish()
    const second = await stage.ask('publish', PUBLISH_KEY)
    await closed(second.socket)
    expect(second.codes).toEqual(['NetStream.Publish.BadName'])
    expect(second.refusal).toBe('Somebody publishes to this input already.')
  })

  test.each([
    ['an unknown key', 'wrong', true, 'There is no live input with this key.'],
    ['a disabled input', PUBLISH_KEY, false, 'The live input is disabled.'],
  ])('%s is refused', async (_, key, isEnabled, sentence) => {
    const door = new TestDoor()
    door.isEnabled = isEnabled
    await stage.open(door)
    const client = await stage.ask('publish', key)
    await closed(client.socket)
    expect(client.codes).toEqual(['NetStream.Publish.Denied'])
    expect(client.refusal).toBe(sentence)
  })

  test('who vanish are lost, who say goodbye end', async () => {
    const door = new TestDoor()
    await stage.open(door)
    const [vanishing, first] = [await stage.publish(), door.published[0]]
    vanishing.socket.destroy()
    expect((await first?.ended)?.how).toBe('lost')
    const [leaving, second] = [await stage.publish(), door.published[1]]
    leaving.call('FCUnpublish', 0, PUBLISH_KEY)
    leaving.call('deleteStream', 0, 1)
    expect((await second?.ended)?.how).toBe('clean')
    expect(leaving.codes.at(-1)).toBe('NetStream.Publish.Start')
    // The same connection may publish again.
    leaving.call('publish', 1, PUBLISH_KEY)
    await expect.poll(() => leaving.codes.filter((code) => code === 'NetStream.Publish.Start').length).toBe(2)
  })

  test('who fall silent are lost, though their connection stands', async () => {
    const door = new TestDoor()
    await stage.open(door, { silenceMs: 300 })
    const client = await stage.publish()
    expect((await door.published[0]?.ended)?.how).toBe('lost')
    await closed(client.socket)
  })

  test('who are cut off from inside are told why', async () => {
    const door = new TestDoor()
    await stage.open(door)
    const client = await stage.publish()
    door.current?.caller.onCut(new HeadwaterError('live_input_disabled', 'The live input was disabled.'))
    await closed(client.socket)
    expect(client.refusal).toBe('The live input was disabled.')
  })

  test.each([
    ['at 2^24', 0xffffff - 100],
    ['at 2^32', 2 ** 32 - 100],
  ])('may have clocks that pass %s', async (_, startMs) => {
    const door = new TestDoor()
    await stage.open(door)
    const client = await stage.publish()
    client.peer.setChunkSize(300)
    client.send(writeConfigTag(VIDEO_FORMAT), startMs % 2 ** 32)
    for (let index = 0; index < 10; index += 1) {
      client.send(writeUnitTag(pictureUnit(index)), (startMs + 40 * index) % 2 ** 32)
    }
    const published = door.published[0]
    await expect.poll(() => published?.units.length).toBe(10)
    expect(published?.units.map(({ dts }) => dts / 90)).toEqual(
      Array.from({ length: 10 }, (__, index) => startMs + 40 * index),
    )
    expect(published?.units.map(({ data }) => data.byteLength)).toEqual(
      Array.from({ length: 10 }, () => 1008),
    )
  })

  test('may damage a picture, but not only send damaged ones', async () => {
    const door = new TestDoor()
    await stage.open(door)
    const client = await stage.publish()
    const damaged = { type: MESSAGE.video, payload: Uint8Array.of(0x17, 1, 0, 0, 0, 0, 0, 0, 99, 1) }
    client.send(writeConfigTag(VIDEO_FORMAT), 0)
    for (let times = 0; times < 40; times += 1) client.send(damaged, 0)
    client.send(writeUnitTag(pictureUnit(0)), 0)
    await expect.poll(() => door.published[0]?.units.length).toBe(1)
    for (let times = 0; times < 60; times += 1) client.send(damaged, 40)
    expect(await door.published[0]?.ended).toMatchObject({ how: 'lost', why: { code: 'live_stream_broken' } })
    await closed(client.socket)
  })

  test.each([
    ['H.265', Uint8Array.of(0x90, 0x68, 0x76, 0x63, 0x31, 1), 'live_video_codec_unsupported'],
    ['H.264 without a readable configuration', Uint8Array.of(0x17, 0, 0, 0, 0, 9, 9), 'codec_config_broken'],
  ])('of %s are told so', async (_, payload, code) => {
    const door = new TestDoor()
    await stage.open(door)
    const client = await stage.publish()
    client.send({ type: MESSAGE.video, payload }, 0)
    await closed(client.socket)
    expect(client.codes.at(-1)).toBe('NetStream.Publish.Denied')
    expect(client.refusal).not.toBe('')
    expect(await door.published[0]?.ended).toMatchObject({ how: 'lost', why: { code } })
  })

  test('may send messages of many kinds that mean nothing here', async () => {
    const door = new TestDoor()
    await stage.open(door)
    const client = await stage.publish()
    client.call('whatever', 0, 'this', amfObject({ means: 1 }))
    client.call('_checkbw', 0)
    for (const type of [3, 7, 15, 16, 18, 19, 42]) {
      const payload = type === 3 ? new Uint8Array(4) : new Uint8Array(0)
      client.peer.send({ chunkStreamId: 5, type, streamId: 1, timestamp: 0, payload })
    }
    client.send(writeConfigTag(SOUND_FORMAT), 0)
    await expect.poll(() => door.published[0]?.formats.length).toBe(1)
  })
})

test('a port that is taken is told with the name of its setting', async () => {
  const door = new TestDoor()
  await stage.open(door)
  const port = stage.port
  await expect(
    openRtmpServer({ door, log: silentLog, host: '127.0.0.1', port, rtmps: null }),
  ).rejects.toThrow(/another program listens there; choose another HEADWATER_RTMP_PORT/)
})

test('a server that stops takes everybody with it, and its publishers are lost', async () => {
  const door = new TestDoor()
  await stage.open(door)
  const client = await stage.publish()
  for (const unit of someUnits().slice(0, 3)) client.send(writeUnitTag(unit), unit.dts / 90)
  await stage.stop()
  expect((await door.published[0]?.ended)?.how).toBe('lost')
  await closed(client.socket)
})
