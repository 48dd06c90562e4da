/**
 * Formats and access units → bodies of FLV's tags, which are those of RTMP's messages. H.264 and AAC in their plain form,
 * which every server and player understands.
 */

import type { AmfValue } from '../rtmp/amf-bytes.ts'
import { amfObject, writeAmf0, writeEcmaArray } from '../rtmp/amf0.ts'
import { MESSAGE } from '../rtmp/message.ts'
import {
  type AccessUnit,
  LIVE_TIMESCALE,
  type LiveFormat,
  type SoundFormat,
  type VideoFormat,
} from '../live/units.ts'

/** A tag: the type of its message, and the body. */
export type WrittenTag = { readonly type: number; readonly payload: Uint8Array }

const TICKS_PER_MS = LIVE_TIMESCALE / 1000
/** FrameType 1, a key frame, and 2, with CodecID 7. */
const KEY_PICTURE = 0x17
const PICTURE = 0x27
/** SoundFormat 10 with the rate, size and channels that AAC always has here (§E.4.2.1). */
const AAC_SOUND = 0xaf

/** Milliseconds of RTMP at a time in ticks, modulo 2^32. */
export function toTimestamp(ticks: number): number {
  return wrap(Math.round(ticks / TICKS_PER_MS))
}

/** What tells a player the format of a track ("sequence header"). */
export function writeConfigTag(format: LiveFormat): WrittenTag {
  return format.kind === 'video'
    ? { type: MESSAGE.video, payload: join([KEY_PICTURE, 0, 0, 0, 0], format.config) }
    : { type: MESSAGE.audio, payload: join([AAC_SOUND, 0], format.config) }
}

/** A picture or the sound of a frame. */
export function writeUnitTag(unit: AccessUnit): WrittenTag {
  if (unit.kind === 'audio') return { type: MESSAGE.audio, payload: join([AAC_SOUND, 1], unit.data) }
  const offset = Math.round(unit.pts / TICKS_PER_MS) - Math.round(unit.dts / TICKS_PER_MS)
  const head = [
    unit.isSync ? KEY_PICTURE : PICTURE,
    1,
    (offset >> 16) & 0xff,
    (offset >> 8) & 0xff,
    offset & 0xff,
  ]
  return { type: MESSAGE.video, payload: join(head, unit.data) }
}

/** The data message `onMetaData`; for a server with the words before it that make it keep it for those who come later. */
export function writeMetadata(
  formats: { readonly video: VideoFormat | null; readonly audio: SoundFormat | null },
  { forServer }: { readonly forServer: boolean },
): WrittenTag {
  const { video, audio } = formats
  const facts: Record<string, AmfValue> = {
    ...(video && { width: video.width, height: video.height, videocodecid: 7 }),
    ...(audio && {
      audiocodecid: 10,
      audiosamplerate: audio.sampleRate,
      audiosamplesize: 16,
      audiochannels: audio.channels,
      stereo: audio.channels === 2,
    }),
    encoder: 'Headwater',
  }
  const names = writeAmf0(...(forServer ? ['@setDataFrame'] : []), 'onMetaData')
  return { type: MESSAGE.data, payload: join(names, writeEcmaArray(amfObject(facts))) }
}

function wrap(value: number): number {
  return ((value % 2 ** 32) + 2 ** 32) % 2 ** 32
}

function join(head: ArrayLike<number>, body: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(head.length + body.byteLength)
  bytes.set(head)
  bytes.set(body, head.length)
  return bytes
}
