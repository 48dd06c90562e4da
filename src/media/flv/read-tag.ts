/** Bodies of FLV's video and audio tags, which are those of RTMP's video and audio messages ("Video File Format Specification" 10.1, §E.4.2 and §E.4.3; Enhanced RTMP v1 and v2). */

import { broken } from '../rtmp/message.ts'
import { type EnhancedTag, PACKET, readEnhancedTag } from './enhanced-tag.ts'
import { refuseSound, refuseVideo } from './flv-codec.ts'

/** What a video tag holds. */
export type VideoTag =
  /** An AVCDecoderConfigurationRecord. */
  | { readonly holds: 'config'; readonly data: Uint8Array }
  /** Pictures that are shown `offsetMs` after they are decoded. */
  | { readonly holds: 'units'; readonly offsetMs: number; readonly data: Uint8Array }
  /** Ends of sequences, commands to a player, further tracks, colours. */
  | { readonly holds: 'nothing' }

/** What an audio tag holds. */
export type AudioTag =
  /** An AudioSpecificConfig. */
  | { readonly holds: 'config'; readonly data: Uint8Array }
  /** One raw frame of AAC. */
  | { readonly holds: 'units'; readonly data: Uint8Array }
  | { readonly holds: 'nothing' }

const NOTHING = { holds: 'nothing' } as const
/** FrameType of a tag that holds a command for the player instead of pictures. */
const COMMAND_FRAME = 5
const AVC = 7
const AAC = 10
/** SoundFormat of enhanced tags. */
const ENHANCED_SOUND = 9
/** Coded pictures without a composition time: they are shown when they are decoded. */
const CODED_FRAMES_X = 3

/** Reads the body of a video tag. Throws `live_video_codec_unsupported` or `live_stream_broken`. */
export function readVideoTag(body: Uint8Array): VideoTag {
  const [first] = body
  if (first === undefined) return NOTHING
  const frameType = (first >> 4) & 7
  if (first >= 0x80) return readEnhancedVideo(frameType, first & 0x0f, body.subarray(1))
  if (frameType === COMMAND_FRAME) return NOTHING
  if ((first & 0x0f) !== AVC) throw refuseVideo(first & 0x0f)
  if (body.byteLength < 5) throw broken('A video tag of FLV ends inside its header.')
  return videoOf(body[1] ?? 0, body.subarray(2), { hasOffset: true })
}

/** Reads the body of an audio tag. Throws `live_audio_codec_unsupported` or `live_stream_broken`. */
export function readAudioTag(body: Uint8Array): AudioTag {
  const [first] = body
  if (first === undefined) return NOTHING
  const format = first >> 4
  if (format === ENHANCED_SOUND) return readEnhancedAudio(first & 0x0f, body.subarray(1))
  if (format !== AAC) throw refuseSound(format)
  const data = body.subarray(2)
  if (body[1] === 0) return { holds: 'config', data }
  return body[1] === 1 && data.byteLength > 0 ? { holds: 'units', data } : NOTHING
}

function readEnhancedVideo(frameType: number, packet: number, bytes: Uint8Array): VideoTag {
  // With a command the byte behind it is all there is.
  if (frameType === COMMAND_FRAME) return NOTHING
  const tag = readEnhancedTag('video', packet, bytes)
  if (tag === undefined) return NOTHING
  if (tag.fourcc !== 'avc1') {
    if (isMedia(tag) || tag.packet === CODED_FRAMES_X) throw refuseVideo(tag.fourcc)
    return NOTHING
  }
  if (tag.packet === CODED_FRAMES_X) return { holds: 'units', offsetMs: 0, data: tag.body }
  return videoOf(tag.packet, tag.body, { hasOffset: tag.packet === PACKET.codedFrames })
}

function readEnhancedAudio(packet: number, bytes: Uint8Array): AudioTag {
  const tag = readEnhancedTag('audio', packet, bytes)
  if (tag === undefined) return NOTHING
  if (tag.fourcc !== 'mp4a') {
    if (isMedia(tag)) throw refuseSound(tag.fourcc)
    return NOTHING
  }
  if (tag.packet === PACKET.sequenceStart) return { holds: 'config', data: tag.body }
  const isSound = tag.packet === PACKET.codedFrames && tag.body.byteLength > 0
  return isSound ? { holds: 'units', data: tag.body } : NOTHING
}

/** AVCPacketType and the packet types of enhanced tags use the same numbers. */
function videoOf(packet: number, bytes: Uint8Array, { hasOffset }: { hasOffset: boolean }): VideoTag {
  const data = hasOffset ? bytes.subarray(3) : bytes
  if (packet === PACKET.sequenceStart) return { holds: 'config', data }
  if (packet !== PACKET.codedFrames) return NOTHING
  if (bytes.byteLength < 3) throw broken('A video tag of FLV ends inside its composition time.')
  const [high = 0, middle = 0, low = 0] = bytes
  // Three bytes with a sign.
  const offsetMs = ((high << 24) | (middle << 16) | (low << 8)) >> 8
  return { holds: 'units', offsetMs, data }
}

function isMedia({ packet }: EnhancedTag): boolean {
  return packet === PACKET.sequenceStart || packet === PACKET.codedFrames
}
