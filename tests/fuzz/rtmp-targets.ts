/** The fuzz targets of RTMP: a connection from its first byte on, the values in its commands, the tags it carries. */

import { isFailure } from '../../src/lib/failure.ts'
import { splitAggregate } from '../../src/media/flv/aggregate.ts'
import { FlvIntake } from '../../src/media/flv/flv-intake.ts'
import { writeConfigTag, writeMetadata, writeUnitTag } from '../../src/media/flv/write-tag.ts'
import { concatBytes } from '../../src/media/isobmff/write-boxes.ts'
import { amfObject, readAmf0, writeAmf0, writeEcmaArray } from '../../src/media/rtmp/amf0.ts'
import type { AmfValue } from '../../src/media/rtmp/amf-bytes.ts'
import { readCommand, writeCommand } from '../../src/media/rtmp/command.ts'
import { HANDSHAKE_RANDOM_BYTES } from '../../src/media/rtmp/handshake.ts'
import { MESSAGE, type RtmpMessage, u32 } from '../../src/media/rtmp/message.ts'
import { RtmpPeer } from '../../src/media/rtmp/peer.ts'
import { pictureUnit, SOUND_FORMAT, someUnits, VIDEO_FORMAT } from '../harness/ts-stream.ts'
import type { FuzzTarget } from './fuzz.ts'

const MOST_MESSAGE_BYTES = 1024 ** 2
const RANDOM = new Uint8Array(HANDSHAKE_RANDOM_BYTES)

/** What a publisher says, from its first byte on; the beginning is left whole by most runs, as it is long. */
function publisherBytes(timestamp: number): Uint8Array {
  const sent: Uint8Array[] = []
  const client = new RtmpPeer({
    role: 'client',
    random: RANDOM,
    maxMessageBytes: MOST_MESSAGE_BYTES,
    write: (bytes) => sent.push(bytes),
    onReady: () => undefined,
    onMessage: () => undefined,
  })
  client.begin()
  client.receive(new Uint8Array(1 + 2 * 1536).fill(3, 0, 1))
  const command = (name: string, ...args: AmfValue[]) =>
    client.send({
      chunkStreamId: 3,
      type: MESSAGE.command,
      streamId: 0,
      timestamp: 0,
      payload: writeCommand(name, 1, null, ...args),
    })
  command('connect', amfObject({ app: 'live', tcUrl: 'rtmp://localhost/live' }))
  client.control(MESSAGE.windowAcknowledgementSize, u32(5000))
  command('publish', 'name', 'live')
  client.setChunkSize(300)
  for (const format of [VIDEO_FORMAT, SOUND_FORMAT]) {
    client.send({ ...writeConfigTag(format), chunkStreamId: 4, streamId: 1, timestamp })
  }
  for (const unit of someUnits().slice(0, 12)) {
    const chunkStreamId = unit.kind === 'video' ? 6 : 70
    client.send({ ...writeUnitTag(unit), chunkStreamId, streamId: 1, timestamp: timestamp + unit.dts / 90 })
  }
  client.event(6, 1)
  return concatBytes(sent)
}

/** A tag with its type and time before it, as the target takes several. */
function tagBytes({ type, payload }: Pick<RtmpMessage, 'type' | 'payload'>, timestamp = 0): Uint8Array {
  return concatBytes([
    Uint8Array.of(type),
    u32(timestamp),
    Uint8Array.of(payload.byteLength >> 8, payload.byteLength & 0xff),
    payload,
  ])
}

function readTags(bytes: Uint8Array): RtmpMessage[] {
  const messages: RtmpMessage[] = []
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  for (let at = 0; at + 7 <= bytes.byteLength; ) {
    const length = view.getUint16(at + 5)
    const payload = bytes.subarray(at + 7, at + 7 + length)
    messages.push({ type: view.getUint8(at), streamId: 1, timestamp: view.getUint32(at + 1), payload })
    at += 7 + length
  }
  return messages
}

/** Each is taken for itself: one that is refused ends no test of those behind it. */
function takeTags(bytes: Uint8Array): void {
  const intake = new FlvIntake({ format: checkFormat, unit: checkUnit })
  for (const message of readTags(bytes)) {
    for (const part of message.type === MESSAGE.aggregate ? splitTolerantly(message) : [message]) {
      try {
        if (part.type === MESSAGE.audio) intake.audio(part.timestamp, part.payload)
        else intake.video(part.timestamp, part.payload)
      } catch (error) {
        if (!isFailure(error) || error.kind === 'bug') throw error
      }
    }
  }
}

function splitTolerantly(message: RtmpMessage): RtmpMessage[] {
  try {
    return splitAggregate(message)
  } catch (error) {
    if (!isFailure(error)) throw error
    return []
  }
}

const checkFormat: ConstructorParameters<typeof FlvIntake>[0]['format'] = (format) => {
  if (format.kind === 'video' && !(format.width > 0 && format.height > 0 && format.config.byteLength > 10))
    throw new Error('An impossible format.')
  if (format.kind === 'audio' && !(format.sampleRate > 0)) throw new Error('An impossible rate.')
}

const checkUnit: ConstructorParameters<typeof FlvIntake>[0]['unit'] = ({ kind, data, dts, pts }) => {
  if (!Number.isSafeInteger(dts) || !Number.isSafeInteger(pts) || dts < 0)
    throw new Error('An impossible time.')
  if (data.byteLength === 0) throw new Error('A unit of nothing.')
  if (kind === 'audio') return
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength)
  let at = 0
  while (at + 4 <= data.byteLength) {
    const length = view.getUint32(at)
    if (length === 0) throw new Error('A NAL unit of nothing.')
    at += 4 + length
  }
  if (at !== data.byteLength) throw new Error('A unit that ends inside a NAL unit.')
}

/** Chunks, AMF and FLV. */
export const rtmpTargets: readonly FuzzTarget[] = [
  {
    name: 'rtmp-chunks',
    // From the handshake's end on, so that what is damaged is the chunks.
    seeds: async () =>
      [0, 0xfffff0, 2 ** 32 - 400].map((timestamp) => publisherBytes(timestamp).subarray(3073)),
    run: async (bytes) => {
      let written = 0
      let received = 0
      const server = new RtmpPeer({
        role: 'server',
        random: RANDOM,
        maxMessageBytes: MOST_MESSAGE_BYTES,
        write: (answer) => {
          written += answer.byteLength
          if (written > 2 * bytes.byteLength + 4000) throw new Error('Much was answered to little.')
        },
        onReady: () => undefined,
        onMessage: ({ payload }) => {
          received += payload.byteLength
          if (received > bytes.byteLength) throw new Error('More was received than was sent.')
          if (payload.byteLength > MOST_MESSAGE_BYTES) throw new Error('A message that is too long.')
        },
      })
      server.receive(new Uint8Array(1 + 2 * 1536).fill(3, 0, 1))
      for (let at = 0; at < bytes.byteLength; at += 1000) server.receive(bytes.subarray(at, at + 1000))
    },
  },
  {
    name: 'rtmp-handshake',
    seeds: async () => [publisherBytes(0)],
    run: async (bytes) => {
      const server = new RtmpPeer({
        role: 'server',
        random: RANDOM,
        maxMessageBytes: MOST_MESSAGE_BYTES,
        write: () => undefined,
        onReady: () => undefined,
        onMessage: (message) => {
          if (message.type === MESSAGE.command) readCommand(message)
        },
      })
      for (let at = 0; at < bytes.byteLength; at += 777) server.receive(bytes.subarray(at, at + 777))
    },
  },
  {
    name: 'amf',
    seeds: async () => [
      writeCommand('connect', 1, amfObject({ app: 'live', list: [1, true, null, undefined], n: Number.NaN })),
      concatBytes([
        writeAmf0('onMetaData'),
        writeEcmaArray(amfObject({ width: 320, deep: amfObject({ a: 'b' }) })),
      ]),
      new Uint8Array(
        Buffer.from(
          '0200036162631109050106076162630600110903096e616d650301021108010000000000000000110a1b0103610303620201110a0b01011104bfffffff110c050102',
          'hex',
        ),
      ),
    ],
    run: async (bytes) => {
      const values = readAmf0(bytes)
      // What has been read can be written, and means the same then.
      const again = readAmf0(writeAmf0(...values))
      if (again.length !== values.length) throw new Error('It reads differently.')
    },
  },
  {
    name: 'flv',
    seeds: async () => [
      concatBytes([
        ...[VIDEO_FORMAT, SOUND_FORMAT].map((format) => tagBytes(writeConfigTag(format))),
        ...someUnits()
          .slice(0, 8)
          .map((unit) => tagBytes(writeUnitTag(unit), unit.dts / 90)),
      ]),
      concatBytes(ENHANCED_TAGS.map((payload) => tagBytes({ type: MESSAGE.video, payload }))),
      concatBytes([
        tagBytes(writeConfigTag(VIDEO_FORMAT)),
        tagBytes({ type: MESSAGE.aggregate, payload: aggregateOf(writeUnitTag(pictureUnit(0, 40)).payload) }),
        tagBytes(writeMetadata({ video: VIDEO_FORMAT, audio: null }, { forServer: true })),
      ]),
    ],
    run: async (bytes) => {
      takeTags(bytes)
    },
  },
]

const FOURCC = new TextEncoder().encode('avc1')

/** A configuration; pictures with and without an offset, behind a modifier, and in one of two tracks. */
const ENHANCED_TAGS: readonly Uint8Array[] = [
  Uint8Array.of(0x90, ...FOURCC, ...VIDEO_FORMAT.config),
  Uint8Array.of(0x91, ...FOURCC, 0, 0, 40, ...pictureUnit(0, 20).data),
  Uint8Array.of(0xa3, ...FOURCC, ...pictureUnit(1, 20).data),
  Uint8Array.of(0x97, 2, 1, 2, 3, 0x01, ...FOURCC, 0, 0, 0, ...pictureUnit(0, 20).data),
  Uint8Array.of(
    0x96,
    0x11,
    ...FOURCC,
    1,
    0,
    0,
    4,
    0,
    0,
    0,
    9,
    0,
    0,
    0,
    51,
    0,
    0,
    40,
    ...pictureUnit(0, 20).data,
  ),
]

function aggregateOf(body: Uint8Array): Uint8Array {
  const head = Uint8Array.of(
    MESSAGE.video,
    0,
    body.byteLength >> 8,
    body.byteLength & 0xff,
    0,
    0,
    9,
    0,
    0,
    0,
    0,
  )
  const tag = concatBytes([head, body, u32(body.byteLength + 11)])
  return concatBytes([tag, tag])
}
