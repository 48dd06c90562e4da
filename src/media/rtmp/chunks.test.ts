import { describe, expect, test } from 'vitest'
import { concatBytes } from '../isobmff/write-boxes.ts'
import { ChunkReader } from './chunk-reader.ts'
import { ChunkWriter, type OutgoingMessage } from './chunk-writer.ts'
import { MESSAGE, type RtmpMessage, u32 } from './message.ts'

const bytes = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex.replaceAll(' ', ''), 'hex'))

function read(
  stream: Uint8Array,
  { step = stream.byteLength, maxMessageBytes = 100_000 } = {},
): RtmpMessage[] {
  const messages: RtmpMessage[] = []
  const reader = new ChunkReader({ maxMessageBytes, onMessage: (message) => messages.push(message) })
  for (let at = 0; at < stream.byteLength; at += step) reader.push(stream.subarray(at, at + step))
  return messages
}

const message = (
  timestamp: number,
  length: number,
  more: Partial<OutgoingMessage> = {},
): OutgoingMessage => ({
  chunkStreamId: 6,
  type: MESSAGE.video,
  streamId: 1,
  timestamp,
  payload: Uint8Array.from({ length }, (_, index) => index + timestamp),
  ...more,
})

/** What is the same on both sides. */
const plain = ({ type, streamId, timestamp, payload }: RtmpMessage) => ({
  type,
  streamId,
  timestamp,
  payload: Buffer.from(payload).toString('hex'),
})

describe('what is written is read again', () => {
  test.each<[string, readonly OutgoingMessage[]]>([
    ['one message', [message(0, 10)]],
    ['an empty one', [message(5, 0)]],
    ['longer than a chunk', [message(7, 1000)]],
    ['exactly as long as chunks', [message(7, 128), message(8, 256)]],
    [
      'every header',
      [message(0, 300), message(40, 200), message(80, 200), message(120, 200), message(160, 200)],
    ],
    ['times that go back', [message(1000, 10), message(900, 10), message(940, 10), message(980, 10)]],
    [
      'times at the edge of three bytes',
      [0xfffffe, 0xffffff, 0x1000000, 0x1000001].map((at) => message(at, 300)),
    ],
    ['times at the end of four bytes', [2 ** 32 - 80, 2 ** 32 - 40, 0, 40, 80].map((at) => message(at, 300))],
    ['a step of more than three bytes', [message(0, 300), message(0x2000000, 300), message(0x4000000, 300)]],
    [
      'chunk streams with ids of two and three bytes',
      [2, 63, 64, 319, 320, 65_599].map((chunkStreamId) => message(1, 200, { chunkStreamId })),
    ],
    [
      'several streams on one chunk stream',
      [message(0, 10), message(0, 10, { streamId: 2 }), message(0, 10)],
    ],
  ])('%s', (_, messages) => {
    const writer = new ChunkWriter()
    const stream = concatBytes(messages.map((each) => writer.write(each)))
    for (const step of [stream.byteLength, 1, 7]) {
      expect(read(stream, { step }).map(plain)).toEqual(messages.map(plain))
    }
  })

  test('in chunks of another size from some message on', () => {
    const writer = new ChunkWriter()
    const stream = concatBytes([
      writer.write(message(0, 1000)),
      writer.setChunkSize(4096),
      writer.write(message(40, 10_000)),
      writer.setChunkSize(1),
      writer.write(message(80, 10)),
    ])
    expect(read(stream, { step: 3 }).map(plain)).toEqual(
      [message(0, 1000), message(40, 10_000), message(80, 10)].map(plain),
    )
  })

  test('with headers as short as they may be', () => {
    const writer = new ChunkWriter()
    const lengths = [10, 10, 10, 20].map(
      (length, index) => writer.write(message(40 * index, length)).byteLength,
    )
    // A whole header, a difference of time and length, nothing, and again a length.
    expect(lengths).toEqual([12 + 10, 4 + 10, 1 + 10, 8 + 20])
  })
})

describe('other writers', () => {
  test('the examples of the specification (§5.3.2)', () => {
    const audio = (time: string) => `03 ${time} 000020 08 39300000 ${'aa'.repeat(32)}`
    const stream = `${audio('0003e8')} 83 000014 ${'bb'.repeat(32)} c3 ${'cc'.repeat(32)} c3 ${'dd'.repeat(32)}`
    expect(read(bytes(stream)).map(({ timestamp }) => timestamp)).toEqual([1000, 1020, 1040, 1060])
    const video = `04 0003e8 000133 09 3a300000 ${'11'.repeat(128)} c4 ${'22'.repeat(128)} c4 ${'33'.repeat(51)}`
    expect(read(bytes(video)).map(({ payload, streamId }) => [payload.byteLength, streamId])).toEqual([
      [307, 12_346],
    ])
  })

  test('chunks of several messages in turns', () => {
    const stream = `04 000000 000100 09 01000000 ${'11'.repeat(128)} 05 000000 000082 08 01000000 ${'aa'.repeat(128)} c4 ${'11'.repeat(128)} c5 aaaa`
    expect(read(bytes(stream), { step: 5 }).map(({ type, payload }) => [type, payload.byteLength])).toEqual([
      [9, 256],
      [8, 130],
    ])
  })

  test('a header that repeats a whole one repeats its time as a difference (§5.3.1.2.4)', () => {
    expect(read(bytes('03 000064 000001 08 01000000 aa c3 bb')).map(({ timestamp }) => timestamp)).toEqual([
      100, 200,
    ])
  })

  test.each([
    ['stands before every piece', '01020304'],
    ['is left out after the first one', ''],
  ])('an extended timestamp %s', (_, again) => {
    const stream = `04 ffffff 000102 09 01000000 01020304 ${'11'.repeat(128)} c4 ${again} ${'22'.repeat(128)} c4 ${again} 3333 44 000001 000001 09 55`
    for (const step of [1, 1000]) {
      const [first, second] = read(bytes(stream), { step })
      expect(first?.timestamp).toBe(0x01020304)
      expect(Buffer.from(first?.payload ?? []).toString('hex')).toBe(
        `${'11'.repeat(128)}${'22'.repeat(128)}3333`,
      )
      expect(second?.timestamp).toBe(0x01020305)
    }
  })

  test('a message that was broken off by Abort leaves no trace', () => {
    const stream = `04 000000 000100 09 01000000 ${'11'.repeat(128)} 02 000000 000004 02 00000000 00000004 04 000005 000001 09 01000000 99`
    expect(read(bytes(stream)).map(plain)).toEqual([{ type: 9, streamId: 1, timestamp: 5, payload: '99' }])
  })

  test('a first message without the id of its stream, as librtmp answers pings', () => {
    expect(read(bytes('42 000007 000002 04 0003')).map(plain)).toEqual([
      { type: 4, streamId: 0, timestamp: 7, payload: '0003' },
    ])
  })
})

describe('refused with a sentence', () => {
  test.each([
    ['a chunk stream without a header', 'c3 00', /Chunk stream 3 begins without the header/],
    ['a difference to nothing', '83 000000 00', /Chunk stream 3 begins without the header/],
    [
      'a message that is too long',
      '03 000000 0186a1 09 01000000',
      /100001 bytes was announced; at most 100000/,
    ],
    ['chunks of no bytes', '02 000000 000004 01 00000000 00000000', /Chunks of 0 bytes/],
    ['chunks of 2^31 bytes', '02 000000 000004 01 00000000 80000000', /Chunks of 2147483648 bytes/],
    ['a chunk size without one', '02 000000 000001 01 00000000 00', /has 1 bytes, expected at least 4/],
    [
      'a message inside another one of its chunk stream',
      `04 000000 000100 09 01000000 ${'11'.repeat(128)} 04 000000 000001 09 01000000 11`,
      /new message begins on chunk stream 4 before/,
    ],
    [
      'more chunk streams than anybody needs',
      Array.from(
        { length: 65 },
        (_, id) => `00 ${id.toString(16).padStart(2, '0')} 000000 000000 09 01000000`,
      ).join(''),
      /More than 64 chunk streams/,
    ],
  ])('%s', (_, stream, sentence) => {
    expect(() => read(bytes(stream))).toThrow(sentence)
  })

  test('many messages that are begun and never ended', () => {
    const begin = (id: number) =>
      `${id.toString(16).padStart(2, '0')} 000000 0186a0 09 01000000 ${'11'.repeat(99_999)}`
    const size = `02 000000 000004 01 00000000 ${Buffer.from(u32(99_999)).toString('hex')}`
    expect(() => read(bytes(`${size}${[3, 4].map(begin).join('')}`))).not.toThrow()
    expect(() => read(bytes(`${size}${[3, 4, 5].map(begin).join('')}`))).toThrow(/begun and not ended/)
  })
})
