/** AAC: facts from the AudioSpecificConfig (ISO/IEC 14496-3 §1.6.2.1), and frames of silence. */

import { BitReader } from './bits.ts'

export type AacFacts = {
  /** Audio object type of the core: 2 = AAC-LC. */
  readonly objectType: number
  /** Samples a second of the core coder; the frame grid counts these. */
  readonly sampleRate: number
  /** Samples a second that come out: twice the core's with SBR. */
  readonly outputSampleRate: number
  /** Channels coded, e.g. 6 for 5.1; 0 where only the bitstream says. */
  readonly channels: number
  /** Spectral band replication (HE-AAC), said explicitly or in the backward compatible way. */
  readonly sbr: boolean
  /** Parametric stereo (HE-AAC v2). */
  readonly ps: boolean
  /** Core samples in a frame: 1,024, or 960. */
  readonly frameSamples: number
  /** RFC 6381, e.g. `mp4a.40.2`. */
  readonly codec: string
}

/** Table 1.18; indexes 13 and 14 are reserved. */
const SAMPLE_RATES: readonly number[] = [
  96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350,
]
/** Table 1.19: channels by channel configuration. */
const CHANNELS: readonly number[] = [0, 1, 2, 3, 4, 5, 6, 8, 0, 0, 0, 7, 8, 24, 8]

const SBR = 5
const ER_LD = 23
const PS = 29
/** Object types described by a GASpecificConfig (§1.6.2.1). */
const GENERAL_AUDIO: readonly number[] = [1, 2, 3, 4, 6, 7, 17, 19, 20, 21, 22, ER_LD]
/** Of those, the ones after which the backward compatible extension may follow at once. */
const PLAIN: readonly number[] = [1, 2, 3, 4]

/** Reads an AudioSpecificConfig. Throws `codec_config_broken`. */
export function readAudioSpecificConfig(bytes: Uint8Array): AacFacts {
  const reader = new BitReader(bytes, 'The AAC configuration')
  const announced = readObjectType(reader)
  const sampleRate = readSampleRate(reader)
  const configuration = reader.bits(4)
  let outputSampleRate = sampleRate
  let sbr = announced === SBR || announced === PS
  let ps = announced === PS
  let objectType = announced
  if (sbr) {
    outputSampleRate = readSampleRate(reader)
    objectType = readObjectType(reader)
  }
  let channels = CHANNELS[configuration] ?? 0
  let frameSamples = 1024
  if (GENERAL_AUDIO.includes(objectType)) {
    const general = readGeneralAudio(reader, objectType, configuration)
    frameSamples = general.frameSamples
    channels = general.channels ?? channels
  }
  if (!sbr && PLAIN.includes(objectType)) {
    const extension = readExtension(reader)
    sbr = extension.sbr
    ps = extension.ps
    outputSampleRate = extension.sampleRate ?? sampleRate
  }
  const named = ps ? PS : sbr ? SBR : objectType
  return {
    objectType,
    sampleRate,
    outputSampleRate,
    channels,
    sbr,
    ps,
    frameSamples,
    codec: `mp4a.40.${named}`,
  }
}

function readObjectType(reader: BitReader): number {
  const type = reader.bits(5)
  return type === 31 ? 32 + reader.bits(6) : type
}

function readSampleRate(reader: BitReader): number {
  const index = reader.bits(4)
  const rate = index === 15 ? reader.bits(24) : SAMPLE_RATES[index]
  if (rate === undefined || rate === 0) throw reader.fail(`names no known sample rate (index ${index})`)
  return rate
}

/** GASpecificConfig (§4.4.1). */
function readGeneralAudio(
  reader: BitReader,
  objectType: number,
  configuration: number,
): { frameSamples: number; channels: number | undefined } {
  const short = reader.flag()
  if (reader.flag()) reader.skip(14)
  const extended = reader.flag()
  const channels = configuration === 0 ? readProgramConfig(reader) : undefined
  if (objectType === 6 || objectType === 20) reader.skip(3)
  if (extended) {
    if (objectType === 22) reader.skip(16)
    if ([17, 19, 20, ER_LD].includes(objectType)) reader.skip(3)
    reader.skip(1)
  }
  if (objectType === ER_LD) return { frameSamples: short ? 480 : 512, channels }
  return { frameSamples: short ? 960 : 1024, channels }
}

/** A program config element (§4.4.1.1), counted. */
function readProgramConfig(reader: BitReader): number {
  reader.skip(10)
  const counts = [reader.bits(4), reader.bits(4), reader.bits(4)]
  const lfe = reader.bits(2)
  const associated = reader.bits(3)
  const coupling = reader.bits(4)
  if (reader.flag()) reader.skip(4)
  if (reader.flag()) reader.skip(4)
  if (reader.flag()) reader.skip(3)
  let channels = lfe
  for (const count of counts) {
    for (let element = 0; element < count; element += 1) {
      channels += reader.flag() ? 2 : 1
      reader.skip(4)
    }
  }
  reader.skip(4 * lfe + 4 * associated + 5 * coupling)
  reader.align()
  reader.skip(8 * reader.bits(8))
  return channels
}

/** The backward compatible signalling of SBR and PS at the end (§1.6.6.1). */
function readExtension(reader: BitReader): { sbr: boolean; ps: boolean; sampleRate: number | null } {
  const none = { sbr: false, ps: false, sampleRate: null }
  if (reader.left < 17 || reader.bits(11) !== 0x2b7) return none
  if (readObjectType(reader) !== SBR || reader.left < 1 || !reader.flag()) return none
  const sampleRate = readSampleRate(reader)
  const ps = reader.left >= 12 && reader.bits(11) === 0x548 && reader.flag()
  return { sbr: true, ps, sampleRate }
}

/**
 * One frame of digital silence, as ffmpeg's encoder makes it (`-f lavfi -i anullsrc=cl=mono|stereo -c:a aac`, third
 * packet on): one element whose spectrum is empty, so it is the same at every sample rate.
 */
const SILENT_MONO: readonly number[] = [0x01, 0x18, 0x20, 0x07]
const SILENT_STEREO: readonly number[] = [0x21, 0x10, 0x04, 0x60, 0x8c, 0x1c]

/** A silent AAC-LC frame of 1,024 samples for streams of channel configuration 1 or 2, at any sample rate. */
export function silentAacFrame(channels: 1 | 2): Uint8Array {
  return Uint8Array.from(channels === 1 ? SILENT_MONO : SILENT_STEREO)
}
