/**
 * Video and audio tags in the order they come → formats and access units. Here FLV ends: times become ticks, lengths of NAL
 * units four bytes, and parameter sets that stand inside the stream a change of its format.
 */

import { HeadwaterError, isFailure } from '../../lib/failure.ts'
import { readParameterSets } from '../codecs/avc.ts'
import { readAudioSpecificConfig } from '../codecs/aac.ts'
import { type AccessUnit, LIVE_TIMESCALE, type LiveFormat } from '../live/units.ts'
import { ParameterSets } from '../mpegts/parameter-sets.ts'
import { broken } from '../rtmp/message.ts'
import { readAudioTag, readVideoTag } from './read-tag.ts'
import { UnwrappedTime } from './unwrapped-time.ts'

const TICKS_PER_MS = LIVE_TIMESCALE / 1000
/** NAL unit types (ITU-T H.264 table 7-1). */
const NAL = { idr: 5, sps: 7, pps: 8, delimiter: 9, endOfSequence: 10, endOfStream: 11 } as const
/** What is in the format, or means nothing between two pictures that have a length. */
const LEFT_OUT: readonly number[] = [NAL.sps, NAL.pps, NAL.delimiter, NAL.endOfSequence, NAL.endOfStream]
/** Slices of the size of a network packet are some hundred. */
const MOST_UNITS = 4096
/** With a program config element they have some tens. */
const LONGEST_SOUND_CONFIG = 1024
/** Samples in a frame of AAC; the packaging counts in them. */
const FRAME_SAMPLES = 1024

export type FlvOutput = {
  format(format: LiveFormat): void
  unit(unit: AccessUnit): void
}

/** Takes the tags of one publisher. */
export class FlvIntake {
  readonly #output: FlvOutput
  readonly #time = new UnwrappedTime()
  readonly #sets = new ParameterSets()
  /** Bytes of the length before each NAL unit; 0 until the configuration has come. */
  #lengthSize = 0
  #hasPictureFormat = false
  #soundConfig: Uint8Array | undefined

  constructor(output: FlvOutput) {
    this.#output = output
  }

  /**
   * The body of a video tag at `timestamp` milliseconds, modulo 2^32. Throws `live_video_codec_unsupported`,
   * `codec_config_broken` or `live_stream_broken`; the tag is then as if it had not come.
   */
  video(timestamp: number, body: Uint8Array): void {
    const tag = readVideoTag(body)
    if (tag.holds === 'config') this.#takePictureConfig(tag.data)
    if (tag.holds === 'units') this.#takePicture(this.#time.unwrap(timestamp), tag.offsetMs, tag.data)
  }

  /** The body of an audio tag; likewise, with `live_audio_codec_unsupported`. */
  audio(timestamp: number, body: Uint8Array): void {
    const tag = readAudioTag(body)
    if (tag.holds === 'config') this.#takeSoundConfig(tag.data)
    if (tag.holds !== 'units' || this.#soundConfig === undefined) return
    const dts = this.#time.unwrap(timestamp) * TICKS_PER_MS
    this.#output.unit({ kind: 'audio', dts, pts: dts, isSync: true, data: tag.data })
  }

  #takePictureConfig(avcC: Uint8Array): void {
    if (avcC.byteLength < 7 || avcC[0] !== 1) {
      throw new HeadwaterError(
        'codec_config_broken',
        'The H.264 configuration of the stream is none (AVCDecoderConfigurationRecord, version 1).',
      )
    }
    const sps = readParameterSets(avcC, 6, (avcC[5] ?? 0) & 0x1f)
    const pps = readParameterSets(avcC, sps.end + 1, avcC[sps.end] ?? 0)
    for (const unit of [...sps.units, ...pps.units]) this.#sets.take(unit)
    this.#lengthSize = ((avcC[4] ?? 0) & 3) + 1
    this.#applySets()
  }

  #applySets(): void {
    const format = this.#sets.apply()
    if (format === undefined) return
    this.#hasPictureFormat = true
    this.#output.format(format)
  }

  #takePicture(dtsMs: number, offsetMs: number, bytes: Uint8Array): void {
    if (this.#lengthSize === 0) return
    const units = splitUnits(bytes, this.#lengthSize)
    const isSync = units.some((unit) => nalType(unit) === NAL.idr)
    for (const unit of units) {
      if (nalType(unit) === NAL.sps || nalType(unit) === NAL.pps) this.#sets.take(unit)
    }
    // Parameter sets change with a sync picture only (§7.4.1.2.1).
    if (isSync) this.#applySets()
    const kept = units.filter((unit) => !LEFT_OUT.includes(nalType(unit)))
    if (kept.length === 0 || !this.#hasPictureFormat) return
    const dts = dtsMs * TICKS_PER_MS
    const pts = dts + offsetMs * TICKS_PER_MS
    const isAsItWas = this.#lengthSize === 4 && lengthOf(kept) === bytes.byteLength
    this.#output.unit({ kind: 'video', dts, pts, isSync, data: isAsItWas ? bytes : joinUnits(kept) })
  }

  #takeSoundConfig(config: Uint8Array): void {
    if (this.#soundConfig !== undefined && Buffer.compare(this.#soundConfig, config) === 0) return
    if (config.byteLength > LONGEST_SOUND_CONFIG) {
      throw new HeadwaterError(
        'codec_config_broken',
        `The AAC configuration of the stream has ${config.byteLength} bytes, expected 2 to ${LONGEST_SOUND_CONFIG}.`,
      )
    }
    const { sampleRate, channels, frameSamples, codec } = readAudioSpecificConfig(config)
    if (frameSamples !== FRAME_SAMPLES) {
      throw new HeadwaterError(
        'live_audio_codec_unsupported',
        `Sound comes as AAC with ${frameSamples} samples in a frame, expected ${FRAME_SAMPLES}: choose AAC-LC.`,
        { facts: { videoCodec: '', audioCodec: codec } },
      )
    }
    this.#soundConfig = config.slice()
    this.#output.format({ kind: 'audio', codec: 'aac', config: this.#soundConfig, sampleRate, channels })
  }
}

/** Whether a stream can go on without the tag that made this failure: one picture is damaged, not its configuration. */
export function isPassing(error: unknown): boolean {
  return isFailure(error, 'live_stream_broken')
}

/** NAL units behind lengths of `size` bytes; empty ones are left out. Throws `live_stream_broken`. */
function splitUnits(bytes: Uint8Array, size: number): Uint8Array[] {
  const units: Uint8Array[] = []
  let at = 0
  while (at < bytes.byteLength) {
    let length = 0
    for (let index = 0; index < size; index += 1) length = length * 256 + (bytes[at + index] ?? 0)
    const start = at + size
    const end = start + length
    if (end > bytes.byteLength) throw broken(`A picture of ${bytes.byteLength} bytes ends inside a NAL unit.`)
    if (length > 0) units.push(bytes.subarray(start, end))
    if (units.length > MOST_UNITS) throw broken(`A picture has more than ${MOST_UNITS} NAL units.`)
    at = end
  }
  return units
}

/** The same behind lengths of four bytes. */
function joinUnits(units: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(lengthOf(units))
  const view = new DataView(joined.buffer)
  let at = 0
  for (const unit of units) {
    view.setUint32(at, unit.byteLength)
    joined.set(unit, at + 4)
    at += 4 + unit.byteLength
  }
  return joined
}

function lengthOf(units: readonly Uint8Array[]): number {
  return units.reduce((sum, unit) => sum + 4 + unit.byteLength, 0)
}

function nalType(unit: Uint8Array): number {
  return (unit[0] ?? 0) & 0x1f
}
