/**
 * The publish sequence of OBS, byte by byte as it puts it on the wire: chunks and AMF are written here by hand, after RTMP 1.0
 * §5–7, Enhanced RTMP v2 ("Enhancing NetConnection connect") and FLV 10.1 annex E, and not by the writers that the product has.
 * What follows waits for the answers that OBS waits for.
 */

import { once } from 'node:events'
import type { Socket } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { RtmpStage } from '../../../tests/harness/rtmp-client.ts'
import { VIDEO_FORMAT } from '../../../tests/harness/ts-stream.ts'
import { PUBLISH_KEY, TestDoor } from '../../../tests/live/test-door.ts'
import { ChunkReader } from '../../media/rtmp/chunk-reader.ts'
import { readCommand, textOf } from '../../media/rtmp/command.ts'
import { MESSAGE } from '../../media/rtmp/message.ts'

const stage = new RtmpStage()
afterEach(() => stage.end())

const [COMMAND, DATA, SOUND, PICTURE] = [20, 18, 8, 9]
const CHUNK_BYTES = 4096

/** §5.3.1.2: with its stream (type 0), or with a difference of time only (type 1). */
function chunks(options: {
  csid: number
  type: number
  payload: Buffer
  /** Absolute, with `streamId`; a difference without. */
  time?: number
  streamId?: number
}): Buffer {
  const { csid, type, payload, time = 0, streamId } = options
  const head = Buffer.alloc(streamId === undefined ? 8 : 12)
  head[0] = (streamId === undefined ? 0x40 : 0) | csid
  head.writeUIntBE(time, 1, 3)
  head.writeUIntBE(payload.byteLength, 4, 3)
  head[7] = type
  if (streamId !== undefined) head.writeUInt32LE(streamId, 8)
  const pieces: Buffer[] = [head, payload.subarray(0, CHUNK_BYTES)]
  for (let at = CHUNK_BYTES; at < payload.byteLength; at += CHUNK_BYTES) {
    pieces.push(Buffer.of(0xc0 | csid), payload.subarray(at, at + CHUNK_BYTES))
  }
  return Buffer.concat(pieces)
}

const u16 = (value: number): Buffer => Buffer.of(value >> 8, value & 0xff)
const bare = (text: string): Buffer => Buffer.concat([u16(text.length), Buffer.from(text)])
const text = (value: string): Buffer => Buffer.concat([Buffer.of(2), bare(value)])
const NULL = Buffer.of(5)
const END = Buffer.of(0, 0, 9)

function number(value: number): Buffer {
  const bytes = Buffer.alloc(9)
  bytes.writeDoubleBE(value, 1)
  return bytes
}

function properties(of: Record<string, Buffer>): Buffer {
  return Buffer.concat([...Object.entries(of).flatMap(([name, value]) => [bare(name), value]), END])
}

const KEY = text(PUBLISH_KEY)
const URL = 'rtmp://127.0.0.1:1935/live/'

/** What OBS can send of the codecs that FLV had no number for. */
const CONNECT = Buffer.concat([
  text('connect'),
  number(1),
  Buffer.of(3),
  properties({
    app: text('live'),
    type: text('nonprivate'),
    flashVer: text('FMLE/3.0 (compatible; FMSc/1.0)'),
    swfUrl: text(URL),
    tcUrl: text(URL),
    fourCcList: Buffer.concat([Buffer.of(10, 0, 0, 0, 2), text('av01'), text('hvc1')]),
  }),
])

const METADATA = Buffer.concat([
  text('@setDataFrame'),
  text('onMetaData'),
  // An ECMA array says how many entries it has, and OBS says twenty of whatever it has.
  Buffer.of(8, 0, 0, 0, 20),
  properties({
    duration: number(0),
    fileSize: number(0),
    width: number(160),
    height: number(120),
    videocodecid: number(7),
    videodatarate: number(2500),
    framerate: number(25),
    audiocodecid: number(10),
    audiodatarate: number(160),
    audiosamplerate: number(48_000),
    audiosamplesize: number(16),
    audiochannels: number(2),
    stereo: Buffer.of(1, 1),
    '2.1': Buffer.of(1, 0),
    '7.1': Buffer.of(1, 0),
    encoder: text('obs-output module (libobs version 32.0.2)'),
  }),
])

/** As FLV has numbers for it: one track of each kind, no multitrack. */
const PICTURE_HEAD = Buffer.concat([Buffer.of(0x17, 0, 0, 0, 0), VIDEO_FORMAT.config])
const SOUND_HEAD = Buffer.of(0xaf, 0, 0x11, 0x90)
/** A key frame of more than one chunk, shown 80 ms after it is decoded; another one of the next picture. */
const slice = (nal: number, bytes: number): Buffer => {
  const unit = Buffer.alloc(4 + bytes, 0x55)
  unit.writeUInt32BE(bytes)
  unit[4] = nal
  return unit
}
const KEY_PICTURE = Buffer.concat([Buffer.of(0x17, 1, 0, 0, 80), slice(0x65, 9000)])
const NEXT_PICTURE = Buffer.concat([Buffer.of(0x27, 1, 0, 0, 40), slice(0x41, 100)])
const SOUND_FRAME = Buffer.concat([Buffer.of(0xaf, 1), Buffer.alloc(64, 0x21)])
const PICTURES_END = Buffer.of(0x17, 2, 0, 0, 0)

test('OBS publishes, from its first byte to its last', async () => {
  const door = new TestDoor()
  await stage.open(door)
  const socket = await stage.dial()
  const answers = new Answers(socket)

  const hello = Buffer.alloc(1 + 1536, 7)
  hello[0] = 3
  hello.writeUInt32BE(0, 5)
  socket.write(hello)
  const [version, ...theirs] = await answers.bytes(1 + 1536 + 1536)
  expect(version).toBe(3)
  // §5.2.4: the echo of what was sent.
  expect(Buffer.from(theirs.slice(1536 + 8))).toEqual(hello.subarray(9))
  socket.write(Buffer.from(theirs.slice(0, 1536)))

  socket.write(chunks({ csid: 2, type: 1, payload: Buffer.of(0, 0, CHUNK_BYTES >> 8, 0), streamId: 0 }))
  socket.write(chunks({ csid: 3, type: COMMAND, payload: CONNECT, streamId: 0 }))
  const connected = await answers.to(1)
  const [info = null] = connected.args
  expect(textOf(info, 'code')).toBe('NetConnection.Connect.Success')
  // Of what OBS can send nothing is taken but what FLV has numbers for, and it is told so.
  expect(info instanceof Map && info.get('fourCcList')).toEqual(['avc1', 'mp4a'])

  const call = (name: string, transaction: number, ...rest: Buffer[]) =>
    Buffer.concat([text(name), number(transaction), NULL, ...rest])
  socket.write(
    Buffer.concat([
      chunks({ csid: 3, type: COMMAND, payload: call('releaseStream', 2, KEY) }),
      chunks({ csid: 3, type: COMMAND, payload: call('FCPublish', 3, KEY) }),
      chunks({ csid: 3, type: COMMAND, payload: call('createStream', 4) }),
    ]),
  )
  expect((await answers.to(4)).args).toEqual([1])
  const publish = call('publish', 5, KEY, text('live'))
  socket.write(chunks({ csid: 4, type: COMMAND, payload: publish, streamId: 1 }))
  await answers.status('NetStream.Publish.Start')

  const media = (type: number, payload: Buffer, time: number, isFirst = false) =>
    chunks({ csid: 4, type, payload, time, ...(isFirst && { streamId: 1 }) })
  socket.write(
    Buffer.concat([
      media(DATA, METADATA, 0, true),
      media(SOUND, SOUND_HEAD, 0, true),
      media(PICTURE, PICTURE_HEAD, 0, true),
      media(PICTURE, KEY_PICTURE, 0, true),
      media(SOUND, SOUND_FRAME, 0, true),
      media(SOUND, SOUND_FRAME, 21),
      media(PICTURE, NEXT_PICTURE, 19),
      media(PICTURE, PICTURES_END, 0),
      chunks({ csid: 3, type: COMMAND, payload: call('FCUnpublish', 6, KEY) }),
      chunks({ csid: 3, type: COMMAND, payload: call('deleteStream', 7, number(1)) }),
    ]),
  )
  const [published] = door.published
  expect(await published?.ended).toEqual({ how: 'clean', why: undefined })
  expect(published?.formats).toMatchObject([
    { kind: 'audio', codec: 'aac', sampleRate: 48_000, channels: 2 },
    { kind: 'video', codec: 'avc', width: 160, height: 120 },
  ])
  expect(
    published?.units.map(({ kind, dts, pts, isSync, data }) => [
      kind,
      dts / 90,
      pts / 90,
      isSync,
      data.byteLength,
    ]),
  ).toEqual([
    ['video', 0, 80, true, 9004],
    ['audio', 0, 0, true, 64],
    ['audio', 21, 21, true, 64],
    ['video', 40, 80, false, 104],
  ])
})

/** What the server says, read as it comes. */
class Answers {
  readonly #socket: Socket
  #raw = Buffer.alloc(0)
  #isShaken = false
  readonly #commands: ReturnType<typeof readCommand>[] = []
  readonly #reader = new ChunkReader({
    maxMessageBytes: 65_536,
    onMessage: (message) => {
      if (message.type === MESSAGE.command) this.#commands.push(readCommand(message))
    },
  })

  constructor(socket: Socket) {
    this.#socket = socket
    socket.on('data', (bytes: Buffer) => {
      if (this.#isShaken) this.#reader.push(bytes)
      else this.#raw = Buffer.concat([this.#raw, bytes])
    })
  }

  /** The first bytes; messages follow. */
  async bytes(count: number): Promise<Buffer> {
    while (this.#raw.byteLength < count) await once(this.#socket, 'data')
    this.#isShaken = true
    this.#reader.push(this.#raw.subarray(count))
    return this.#raw.subarray(0, count)
  }

  async to(transaction: number) {
    return await this.#find((command) => command.name === '_result' && command.transaction === transaction)
  }

  async status(code: string) {
    return await this.#find(
      ({ name, args }) => name === 'onStatus' && textOf(args[0] ?? null, 'code') === code,
    )
  }

  async #find(fits: (command: ReturnType<typeof readCommand>) => boolean) {
    for (;;) {
      const found = this.#commands.find(fits)
      if (found !== undefined) return found
      await once(this.#socket, 'data')
    }
  }
}
