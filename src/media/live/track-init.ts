/** Init segments of a broadcast's tracks, and the head of its recording (packaging of live: no edit lists). */

import { type InitTrack, writeMovieInit } from '../cmaf/write-init.ts'
import { readAudioSpecificConfig } from '../codecs/aac.ts'
import { formatAvcCodec, readParameterSets } from '../codecs/avc.ts'
import { avc1Entry, concatBytes, mp4aEntry } from '../isobmff/write-boxes.ts'
import { type LiveFormat, LIVE_TIMESCALE, type SoundFormat, type VideoFormat } from './units.ts'

/** How the frames of a sound lie on their grid. */
export type SoundGrid = {
  /** Samples a second of the core coder: what frames are counted in, half the sound's rate with SBR. */
  readonly sampleRate: number
  readonly frameSamples: number
}

/** Throws `codec_config_broken`. */
export function soundGrid(format: SoundFormat): SoundGrid {
  const { sampleRate, frameSamples } = readAudioSpecificConfig(format.config)
  return { sampleRate, frameSamples }
}

/** RFC 6381 name of what a track is coded in. Throws `codec_config_broken`. */
export function codecOf(format: LiveFormat): string {
  return format.kind === 'video'
    ? formatAvcCodec('avc1', format.config)
    : readAudioSpecificConfig(format.config).codec
}

/** The init segment of these tracks; a broadcast's recording begins with that of both. Throws `codec_config_broken`. */
export function writeLiveInit(tracks: readonly { format: LiveFormat; trackId: number }[]): Uint8Array {
  return writeMovieInit(
    tracks.map(({ format, trackId }) =>
      format.kind === 'video' ? pictureInit(format, trackId) : soundInit(format, trackId),
    ),
  )
}

function pictureInit(format: VideoFormat, trackId: number): InitTrack {
  const { width, height } = format
  const sampleEntry = avc1Entry({ avcC: format.config, width, height })
  return {
    handlerType: 'vide',
    trackId,
    timescale: LIVE_TIMESCALE,
    sampleEntry,
    width,
    height,
    editStart: null,
  }
}

function soundInit(format: SoundFormat, trackId: number): InitTrack {
  const { sampleRate } = soundGrid(format)
  const sampleEntry = mp4aEntry({
    asc: format.config,
    channels: format.channels,
    sampleRate,
    bitrate: 0,
  })
  return {
    handlerType: 'soun',
    trackId,
    timescale: sampleRate,
    sampleEntry,
    width: 0,
    height: 0,
    editStart: null,
  }
}

/** The parameter sets of an `avcC`, each behind its length in four bytes. Throws `codec_config_broken`. */
export function parameterSetsOf(format: VideoFormat): Uint8Array {
  const { config } = format
  const sequence = readParameterSets(config, 6, (config[5] ?? 0) & 31)
  const picture = readParameterSets(config, sequence.end + 1, config[sequence.end] ?? 0)
  return concatBytes(
    [...sequence.units, ...picture.units].flatMap((unit) => {
      const length = new Uint8Array(4)
      new DataView(length.buffer).setUint32(0, unit.byteLength)
      return [length, unit]
    }),
  )
}
