/** The pieces of SRT that need no library: frames of the pipe, stream ids, addresses, and who is asked about whom. */

import { describe, expect, test } from 'vitest'
import { pictureUnit, SOUND_FORMAT, soundUnit, VIDEO_FORMAT } from '../../../tests/harness/ts-stream.ts'
import { FeedWriter } from './feed-writer.ts'
import { FRAME, FrameReader, readJsonBody, writeFrameHead, writeJsonFrame } from './frames.ts'
import { SrtGate } from './gate.ts'
import { REJECT } from './handshake.ts'
import { readSocketAddress, writeSocketAddress } from './socket-address.ts'
import { readStreamId } from './stream-id.ts'
import { readSrtTarget } from './target-url.ts'

describe('frames of the pipe', () => {
  const bytes = Buffer.concat([
    writeJsonFrame(FRAME.opened, 7, { streamId: 'é' }),
    writeFrameHead(FRAME.data, 7, 3),
    Uint8Array.of(1, 2, 3),
  ])

  test.each([1, 2, 9, 1_000])('in pieces of %i bytes are the same', (size) => {
    const reader = new FrameReader()
    const frames = []
    for (let at = 0; at < bytes.length; at += size) frames.push(...reader.push(bytes.subarray(at, at + size)))
    expect(frames.map(({ kind, connection }) => [kind, connection])).toEqual([
      [FRAME.opened, 7],
      [FRAME.data, 7],
    ])
    expect(readJsonBody(frames[0]?.body ?? new Uint8Array())).toEqual({ streamId: 'é' })
    expect([...(frames[1]?.body ?? [])]).toEqual([1, 2, 3])
  })

  test.each<[string, Uint8Array]>([
    ['an unknown kind', Uint8Array.of(0, 0, 0, 5, 99, 0, 0, 0, 0)],
    ['a length that is too short', Uint8Array.of(0, 0, 0, 4, FRAME.data, 0, 0, 0, 0)],
    ['a length that is too long', Uint8Array.of(0, 255, 0, 5, FRAME.data, 0, 0, 0, 0)],
  ])('refused: %s', (_, frame) => {
    expect(() => new FrameReader().push(frame)).toThrow(/sends a frame of kind/)
  })

  test.each(['', 'null', '7', '{', 'x'.repeat(5_000)])('no JSON object: %j', (text) => {
    expect(() => readJsonBody(Buffer.from(text))).toThrow(/JSON/)
  })
})

describe('stream ids', () => {
  test.each([
    ['b90c', { key: 'b90c' }],
    ['playb90c', { key: 'playb90c' }],
    ['#!::r=b90c,m=publish', { key: 'b90c', purpose: 'publish' }],
    ['#!::u=me,m=publish,r=b90c,t=stream', { key: 'b90c', purpose: 'publish' }],
    ['%23!%3A%3Ar%3Db90c%2Cm%3Dpublish', { key: 'b90c', purpose: 'publish' }],
    ['#!::r=b90c,m=request', { key: 'playb90c', purpose: 'play' }],
    ['#!::r=playb90c', { key: 'playb90c', purpose: 'play' }],
  ])('%s', (text, wanted) => {
    expect(readStreamId(text)).toEqual(wanted)
  })

  test.each([
    '',
    '#!',
    '#!::',
    '#!::m=publish',
    '#!::r=b90c,m=bidirectional',
    '#!:{r=b90c}',
    '%23!%',
    'x'.repeat(513),
  ])('names nothing: %j', (text) => {
    expect(readStreamId(text)).toBeUndefined()
  })
})

describe('addresses of sockets', () => {
  test.each([
    ['192.0.2.7', 4711, '192.0.2.7:4711'],
    ['::', 0, '[::]:0'],
    ['::1', 1, '[::1]:1'],
    ['2001:db8:1:2:3:4:5:6', 65_535, '[2001:db8:1:2:3:4:5:6]:65535'],
    ['fe80::1:0:0:2', 5, '[fe80::1:0:0:2]:5'],
    ['::ffff:198.51.100.7', 9, '198.51.100.7:9'],
  ])('%s port %i', (address, port, text) => {
    expect(readSocketAddress(writeSocketAddress(address, port) ?? new Uint8Array(28)).text).toBe(text)
  })

  test('what is no address has none', () => {
    expect(writeSocketAddress('localhost', 1)).toBeUndefined()
  })
})

describe('addresses of outputs', () => {
  const read = (url: string, streamKey = '') => readSrtTarget({ url, streamKey, address: '192.0.2.7' })

  test('carry what ffmpeg and OBS write', () => {
    expect(read('srt://a.example:9000?streamid=abc&passphrase=0123456789&latency=250000')).toEqual({
      address: '192.0.2.7',
      port: 9000,
      streamId: 'abc',
      passphrase: '0123456789',
      latencyMs: 250,
    })
  })

  test('take the stream key for the stream id', () => {
    expect(read('srt://a.example:9000?streamid=abc', 'key')).toEqual({
      address: '192.0.2.7',
      port: 9000,
      streamId: 'key',
    })
  })

  test.each<[string, RegExp]>([
    ['srt://a.example', /srt:\/\/host:port/],
    ['http://a.example:80', /srt:\/\/host:port/],
    ['srt://a.example:9?mode=listener', /mode=listener/],
    ['srt://a.example:9?passphrase=short', /10 to 79 characters, got 5/],
    ['srt://a.example:9?latency=-5000', /latency/],
    ['srt://a.example:9?latency=soon', /latency/],
  ])('refused: %s', (url, sentence) => {
    expect(() => read(url)).toThrow(sentence)
  })
})

describe('the gate', () => {
  const remote = '192.0.2.7:1000'

  function gateOf(passphrases: Record<string, string>) {
    const asked: string[] = []
    const gate = new SrtGate({
      async findSrt(streamId) {
        asked.push(streamId)
        const passphrase = passphrases[streamId]
        return await Promise.resolve(
          passphrase === undefined ? undefined : { passphrase, purpose: 'publish' },
        )
      },
    })
    return { gate, asked }
  }

  test('remembers what it found for the next question of a handshake', async () => {
    const { gate, asked } = gateOf({ one: 'secret of one' })
    expect(await gate.answer({ streamId: 'one', remote })).toEqual({ passphrase: 'secret of one' })
    expect(await gate.answer({ streamId: '#!::r=one,m=publish', remote })).toEqual({
      passphrase: 'secret of one',
    })
    expect(await gate.answer({ streamId: 'two', remote })).toEqual({ reject: REJECT.notFound })
    expect(await gate.answer({ streamId: 'two', remote })).toEqual({ reject: REJECT.notFound })
    expect(asked).toEqual(['one', 'two'])
  })

  test('turns an address away that guesses, without a question; others come in', async () => {
    const { gate, asked } = gateOf({ one: 'secret of one' })
    for (let index = 0; index < 100; index += 1) await gate.answer({ streamId: `guess ${index}`, remote })
    expect(asked.length).toBeLessThan(30)
    expect(await gate.answer({ streamId: 'guess', remote })).toEqual({ reject: REJECT.overload })
    const other = '192.0.2.8:1000'
    expect(await gate.answer({ streamId: 'one', remote: other })).toEqual({ passphrase: 'secret of one' })
  })

  test('lets nobody in whose passphrase has changed since the handshake', async () => {
    const passphrases: Record<string, string> = { one: 'secret of one' }
    const { gate } = gateOf(passphrases)
    await gate.answer({ streamId: 'one', remote })
    expect(await gate.admit('one')).toEqual({ key: 'one', purpose: 'publish' })
    passphrases['one'] = 'another secret'
    expect(await gate.admit('one')).toBeUndefined()
    expect(await gate.admit('never asked')).toBeUndefined()
  })

  test('tells who wants to play what is published by', async () => {
    const { gate } = gateOf({ one: 'secret of one', playone: 'secret of one' })
    expect(await gate.answer({ streamId: '#!::r=one,m=request', remote })).toEqual({ reject: REJECT.badMode })
  })
})

describe('a feed on its way out', () => {
  const turn = () => new Promise((resolve) => setImmediate(resolve))

  async function written(told: number, hasRoom: (call: number) => boolean = () => true) {
    let calls = 0
    const sent: number[] = []
    const writer = new FeedWriter({
      send: (bytes) => {
        calls += 1
        sent.push(bytes.byteLength)
        return hasRoom(calls)
      },
      end: () => sent.push(-1),
    })
    writer.format(VIDEO_FORMAT)
    writer.format(SOUND_FORMAT)
    for (let index = 0; index < told; index += 1) writer.unit(pictureUnit(index))
    await turn()
    return { writer, sent }
  }

  test('begins with what has come since the sync picture, if that is little', async () => {
    expect((await written(5)).sent).toHaveLength(5)
  })

  test('otherwise with the next sync picture, and no sound before it', async () => {
    const { writer, sent } = await written(19)
    expect(sent).toEqual([])
    writer.unit(soundUnit(1))
    writer.unit(pictureUnit(19))
    expect(sent).toEqual([])
    writer.unit(pictureUnit(20))
    writer.unit(soundUnit(2))
    expect(sent).toHaveLength(2)
  })

  test('loses everything up to the next sync picture when there was no room', async () => {
    const { writer, sent } = await written(1, (call) => call !== 2)
    for (let index = 1; index <= 10; index += 1) writer.unit(pictureUnit(index))
    // The first, the one without room, and the next sync picture.
    expect(sent).toHaveLength(3)
  })

  test('ends once', async () => {
    const { writer, sent } = await written(0)
    writer.end()
    writer.end()
    expect(sent).toEqual([-1])
  })
})
