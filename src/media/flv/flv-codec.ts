/** Codecs by the numbers and letters of FLV, for those that are taken and for naming those that are not. */

import { HeadwaterError } from '../../lib/failure.ts'

/** CodecID of video tags ("Video File Format Specification" 10.1, §E.4.3.1; 12 is a custom of Chinese CDNs). */
const VIDEO_NUMBERS: Readonly<Record<number, string>> = {
  2: 'Sorenson H.263',
  3: 'Screen Video',
  4: 'VP6',
  5: 'VP6 with alpha',
  6: 'Screen Video 2',
  12: 'H.265',
}

/** FourCC of enhanced video tags (Enhanced RTMP v2, "Enhanced Video"). */
const VIDEO_LETTERS: Readonly<Record<string, string>> = {
  hvc1: 'H.265',
  av01: 'AV1',
  vp09: 'VP9',
  vp08: 'VP8',
  vvc1: 'H.266',
}

/** SoundFormat of audio tags (§E.4.2.1). */
const SOUND_NUMBERS: Readonly<Record<number, string>> = {
  0: 'PCM',
  1: 'ADPCM',
  2: 'MP3',
  3: 'PCM',
  4: 'Nellymoser',
  5: 'Nellymoser',
  6: 'Nellymoser',
  7: 'G.711',
  8: 'G.711',
  11: 'Speex',
  13: 'Opus',
  14: 'MP3',
}

/** FourCC of enhanced audio tags. */
const SOUND_LETTERS: Readonly<Record<string, string>> = {
  Opus: 'Opus',
  fLaC: 'FLAC',
  'ac-3': 'AC-3',
  'ec-3': 'E-AC-3',
  '.mp3': 'MP3',
}

/** `live_video_codec_unsupported`, naming what came by its number or its letters. */
export function refuseVideo(codec: number | string): HeadwaterError {
  const name =
    typeof codec === 'number' ? VIDEO_NUMBERS[codec] : (VIDEO_LETTERS[codec] ?? shownLetters(codec))
  return new HeadwaterError(
    'live_video_codec_unsupported',
    `Pictures come as ${name ?? `codec ${codec}`}, expected H.264: choose x264 or another H.264 encoder.`,
    { facts: { videoCodec: name ?? `codec ${codec}`, audioCodec: '' } },
  )
}

/** `live_audio_codec_unsupported`, likewise. */
export function refuseSound(codec: number | string): HeadwaterError {
  const name =
    typeof codec === 'number' ? SOUND_NUMBERS[codec] : (SOUND_LETTERS[codec] ?? shownLetters(codec))
  return new HeadwaterError(
    'live_audio_codec_unsupported',
    `Sound comes as ${name ?? `codec ${codec}`}, expected AAC: choose an AAC encoder.`,
    { facts: { videoCodec: '', audioCodec: name ?? `codec ${codec}` } },
  )
}

/** The letters of a codec nobody here knows, as far as they can be shown. */
function shownLetters(letters: string): string {
  return `"${letters.replaceAll(/[^\w. -]/g, '?')}"`
}
