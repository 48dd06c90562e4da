/** RFC 6381 names of what a sample entry holds, as manifests and `MediaSource.isTypeSupported` want them. */

import type { SampleEntry } from '../isobmff/movie.ts'
import { readAudioSpecificConfig } from './aac.ts'
import { formatAvcCodec } from './avc.ts'
import { readHevcConfig } from './hevc.ts'

/**
 * The codec string of `entry`; the bare four-character code where it takes no parameters or its configuration is
 * missing. Throws `codec_config_broken` when the configuration is damaged.
 */
export function codecString({ fourcc, config }: SampleEntry): string {
  if (config === null) return fourcc
  switch (fourcc) {
    case 'avc1':
    case 'avc3':
      return formatAvcCodec(fourcc, config)
    case 'hvc1':
    case 'hev1':
      return readHevcConfig(config, fourcc).codec
    case 'mp4a':
      return readAudioSpecificConfig(config).codec
    case 'vp09':
      return formatVp9(config)
    case 'av01':
      return formatAv1(config)
    default:
      return fourcc
  }
}

/** VP Codec ISO Media File Format Binding §Codecs Parameter String: profile, level, bit depth. */
function formatVp9(vpcC: Uint8Array): string {
  const [profile = 0, level = 0, depth = 0] = vpcC.subarray(4, 7)
  return `vp09.${twoDigits(profile)}.${twoDigits(level)}.${twoDigits(depth >> 4)}`
}

/** AV1 Codec ISO Media File Format Binding §5: profile, level and tier, bit depth. */
function formatAv1(av1C: Uint8Array): string {
  const [, profileAndLevel = 0, flags = 0] = av1C
  const tier = flags & 0x80 ? 'H' : 'M'
  const depth = flags & 0x40 ? (flags & 0x20 ? 12 : 10) : 8
  return `av01.${profileAndLevel >> 5}.${twoDigits(profileAndLevel & 31)}${tier}.${twoDigits(depth)}`
}

function twoDigits(value: number): string {
  return String(value).padStart(2, '0')
}
