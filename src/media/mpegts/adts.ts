/** AAC in ADTS (ISO/IEC 14496-3 §1.A.2.2): heads of frames, read and written. */

import { HeadwaterError } from '../../lib/failure.ts'
import { readAudioSpecificConfig } from '../codecs/aac.ts'
import { BitReader } from '../codecs/bits.ts'
import type { SoundFormat } from '../live/units.ts'

/** Bytes of a head without CRC. */
export const ADTS_HEAD_BYTES = 7
/** `aac_frame_length` has 13 bits. */
export const MOST_ADTS_BYTES = 0x1fff
/** Samples of a frame of sound (§4.5.1.1). */
export const AAC_FRAME_SAMPLES = 1024

/** What the head of a frame says. */
export type AdtsHead = {
  /** AudioSpecificConfig of two bytes, as a number: what must stay as it is from frame to frame. */
  readonly config: number
  /** 7, or 9 with a CRC. */
  readonly headBytes: number
  /** Of the whole frame, its head included. */
  readonly frameBytes: number
}

/** Reads the head at `at`; undefined where there is none that AAC-LC, Main, SSR or LTP in one block could have. */
export function readAdtsHead(bytes: Uint8Array, at: number): AdtsHead | undefined {
  const [sync = 0, marks = 0, form = 0, sizes = 0, middle = 0, low = 0, blocks = 0] = bytes.subarray(
    at,
    at + ADTS_HEAD_BYTES,
  )
  if (at + ADTS_HEAD_BYTES > bytes.byteLength || sync !== 0xff || (marks & 0xf6) !== 0xf0) return undefined
  const headBytes = (marks & 0x01) === 1 ? ADTS_HEAD_BYTES : ADTS_HEAD_BYTES + 2
  const frameBytes = ((sizes & 0x03) << 11) | (middle << 3) | (low >> 5)
  const rateIndex = (form >> 2) & 0x0f
  const channels = ((form & 0x01) << 2) | (sizes >> 6)
  // Channels that only the frame itself describes (0), and several frames under one head, are used by nobody.
  if (rateIndex > 12 || channels === 0 || (blocks & 0x03) !== 0 || frameBytes <= headBytes) return undefined
  const config = (((form >> 6) + 1) << 11) | (rateIndex << 7) | (channels << 3)
  return { config, headBytes, frameBytes }
}

/** The format that a head's `config` describes. */
export function formatOfAdts(config: number): SoundFormat {
  const bytes = Uint8Array.of(config >> 8, config & 0xff)
  const { sampleRate, channels } = readAudioSpecificConfig(bytes)
  return { kind: 'audio', codec: 'aac', config: bytes, sampleRate, channels }
}

/**
 * What writes heads for frames of a format. Throws `codec_config_broken` where ADTS cannot say what the format is: other
 * object types than the first four, odd sample rates, channels described by the frames themselves.
 */
export function adtsHeadWriter(format: SoundFormat): (dataBytes: number) => Uint8Array {
  const { objectType } = readAudioSpecificConfig(format.config)
  const reader = new BitReader(format.config, 'The AAC configuration')
  reader.skip(5)
  const rateIndex = reader.bits(4)
  const channels = reader.bits(4)
  if (objectType < 1 || objectType > 4 || rateIndex > 12 || channels === 0 || channels > 7) {
    throw new HeadwaterError(
      'codec_config_broken',
      `ADTS carries AAC Main, LC, SSR and LTP with up to 7.1 channels, got object type ${objectType}, sample rate index ${rateIndex}, channel configuration ${channels}.`,
    )
  }
  const form = ((objectType - 1) << 6) | (rateIndex << 2) | (channels >> 2)
  return (dataBytes) => {
    const length = dataBytes + ADTS_HEAD_BYTES
    return Uint8Array.of(
      0xff,
      0xf1,
      form,
      ((channels & 0x03) << 6) | (length >> 11),
      (length >> 3) & 0xff,
      ((length & 0x07) << 5) | 0x1f,
      0xfc,
    )
  }
}
