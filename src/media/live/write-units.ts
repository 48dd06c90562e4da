/**
 * One track of a broadcast as a stream of bytes for the decoder: fragmented MP4 with a fragment for each unit, so that
 * nothing has to be waited for. Times are `LIVE_TIMESCALE` throughout, also of sound.
 */

import { writeInit } from '../cmaf/write-init.ts'
import { writeFragmentHead } from '../cmaf/write-segment.ts'
import { readAudioSpecificConfig } from '../codecs/aac.ts'
import { opusEntry, vp8Entry } from '../isobmff/live-entries.ts'
import { avc1Entry, concatBytes, mp4aEntry } from '../isobmff/write-boxes.ts'
import { type AccessUnit, LIVE_TIMESCALE, type LiveFormat } from './units.ts'

/** What the stream begins with. Throws `codec_config_broken` for an AAC configuration that is none. */
export function writeUnitsHead(format: LiveFormat): Uint8Array {
  const [width, height] = format.kind === 'video' ? [format.width, format.height] : [0, 0]
  return writeInit(format.kind === 'video' ? 'vide' : 'soun', {
    timescale: LIVE_TIMESCALE,
    sampleEntry: entryOf(format),
    width,
    height,
    editStart: null,
  })
}

/** One unit. `dts` is moved by `offset` ticks, so that a decoder that begins earlier than its input stays above 0. */
export function writeUnit(unit: AccessUnit, options: { sequence: number; offset: number }): Uint8Array {
  const head = writeFragmentHead({
    sequence: options.sequence,
    decodeTime: unit.dts + options.offset,
    samples: [
      {
        size: unit.data.byteLength,
        // The next fragment says when it begins; nobody can know it yet.
        duration: NOMINAL_TICKS,
        compositionOffset: Math.max(0, unit.pts - unit.dts),
        sync: unit.isSync,
      },
    ],
  })
  return concatBytes([head, unit.data])
}

const NOMINAL_TICKS = LIVE_TIMESCALE / 50

function entryOf(format: LiveFormat): Uint8Array {
  const { codec, config } = format
  if (codec === 'avc') return avc1Entry({ avcC: config, width: format.width, height: format.height })
  if (codec === 'vp8') return vp8Entry(format)
  if (codec === 'opus') return opusEntry(format)
  const { sampleRate, channels } = readAudioSpecificConfig(config)
  return mp4aEntry({ asc: config, channels, sampleRate, bitrate: 0 })
}
