/** The fuzz targets of MPEG transport streams, and of what they carry. */

import {
  FRAME,
  FrameReader,
  readJsonBody,
  writeFrameHead,
  writeJsonFrame,
} from '../../src/adapters/srt/frames.ts'
import { readStreamId } from '../../src/adapters/srt/stream-id.ts'
import { TsDemuxer } from '../../src/media/mpegts/demux.ts'
import { TsMuxer } from '../../src/media/mpegts/mux.ts'
import { AccessUnitReader } from '../../src/media/mpegts/access-units.ts'
import { adtsHeadWriter } from '../../src/media/mpegts/adts.ts'
import { AdtsFrameReader } from '../../src/media/mpegts/adts-frames.ts'
import { splitLengths, writeAnnexB } from '../../src/media/mpegts/annexb.ts'
import { readParameterSets } from '../../src/media/codecs/avc.ts'
import { concatBytes } from '../../src/media/isobmff/write-boxes.ts'
import type { AccessUnit, LiveFormat } from '../../src/media/live/units.ts'
import {
  muxAll,
  pictureUnit,
  SOUND_FORMAT,
  someUnits,
  soundUnit,
  VIDEO_FORMAT,
} from '../harness/ts-stream.ts'
import type { FuzzTarget } from './fuzz.ts'

/** Whatever is told must be fit for everything behind it. */
function checkUnit(unit: AccessUnit): void {
  if (!Number.isSafeInteger(unit.dts) || !Number.isSafeInteger(unit.pts))
    throw new Error('A time that is none.')
  if (unit.data.byteLength === 0) throw new Error('An empty unit.')
  if (unit.kind === 'audio') return
  const units = splitLengths(unit.data)
  const size = units.reduce((sum, { byteLength }) => sum + 4 + byteLength, 0)
  if (size !== unit.data.byteLength) throw new Error('Lengths that do not add up.')
}

function checkFormat(format: LiveFormat): void {
  const isFine = format.kind === 'audio' ? format.sampleRate > 0 && format.channels > 0 : format.width > 0
  if (!isFine) throw new Error('A format of nothing.')
}

/** Pieces whose sizes depend on what is read, so that every way of cutting comes up. */
function* pieces(bytes: Uint8Array): Iterable<Uint8Array> {
  for (let at = 0, size = 1; at < bytes.byteLength; at += size) {
    size = 1 + ((bytes[at] ?? 0) % 7) * 211
    yield bytes.subarray(at, at + size)
  }
}

function elementaryVideo(): Uint8Array {
  const sps = readParameterSets(VIDEO_FORMAT.config, 6, 1)
  const pps = readParameterSets(VIDEO_FORMAT.config, sps.end + 1, 1)
  const delimiter = Uint8Array.of(9, 0xf0)
  const pictures = [0, 1, 2].map((index) => splitLengths(pictureUnit(index, 60).data))
  const sets = [...sps.units, ...pps.units]
  return writeAnnexB(pictures.flatMap((units, index) => [delimiter, ...(index === 0 ? sets : []), ...units]))
}

/** `mpegts`, `annexb`, `adts` and `srt-frames`. */
export const transportTargets: readonly FuzzTarget[] = [
  {
    name: 'mpegts',
    seeds: async () => [muxAll(someUnits().slice(0, 40))],
    run: async (bytes) => {
      const muxer = new TsMuxer()
      const demuxer = new TsDemuxer({
        format: (format) => {
          checkFormat(format)
          muxer.format(format)
        },
        unit: (unit) => {
          checkUnit(unit)
          if (muxer.unit(unit).byteLength % 188 !== 0) throw new Error('A packet of another size.')
        },
        unsupported: (_, codec) => {
          if (codec === '') throw new Error('A codec without a name.')
        },
      })
      for (const piece of pieces(bytes)) demuxer.push(piece)
      demuxer.end()
    },
  },
  {
    name: 'annexb',
    seeds: async () => [elementaryVideo()],
    run: async (bytes) => {
      const reader = new AccessUnitReader({ format: checkFormat, unit: checkUnit })
      reader.push({ pts: 0, dts: 0, data: bytes })
      const half = bytes.byteLength >> 1
      reader.push({ pts: 7200, dts: 3600, data: bytes.subarray(0, half) })
      reader.push({ pts: undefined, dts: undefined, data: bytes.subarray(half) })
      reader.flush()
    },
  },
  {
    name: 'adts',
    seeds: async () => {
      const head = adtsHeadWriter(SOUND_FORMAT)
      const frames = [0, 1, 2, 3].map((index) => soundUnit(index, 90).data)
      return [concatBytes(frames.flatMap((data) => [head(data.byteLength), data]))]
    },
    run: async (bytes) => {
      const reader = new AdtsFrameReader({ format: checkFormat, unit: checkUnit })
      let pts = 0
      for (const data of pieces(bytes)) {
        reader.push({ pts, dts: pts, data })
        pts += 1920
      }
    },
  },
  {
    name: 'srt-frames',
    seeds: async () => [
      concatBytes([
        writeJsonFrame(FRAME.opened, 2, { streamId: '#!::r=b90c,m=publish,u=%41', remote: '192.0.2.7:1' }),
        writeFrameHead(FRAME.data, 2, 188),
        new Uint8Array(188).fill(0x47),
        writeJsonFrame(FRAME.closed, 2, { how: 'lost' }),
      ]),
    ],
    run: async (bytes) => {
      const reader = new FrameReader()
      for (const piece of pieces(bytes)) {
        for (const { kind, body } of reader.push(piece)) {
          if (kind === FRAME.data) continue
          const { streamId } = readJsonBody(body)
          const wanted = readStreamId(String(streamId))
          if (wanted !== undefined && wanted.key === '') throw new Error('A stream without a name.')
        }
      }
    },
  },
]
