/**
 * What a file is by its first bytes. The decoder would otherwise guess by itself and follow playlists, `ffconcat` and
 * MPD files that a stranger has renamed to `.mp4`; so only containers recognised here reach it, with its demuxer pinned.
 */

import { type FileFault, findRefused } from './sniff-refused.ts'

/** How many bytes `sniff` wants; fewer only if the file is shorter. */
export const SNIFF_BYTES = 4096

export type Container =
  | 'mp4'
  | 'matroska'
  | 'avi'
  | 'flv'
  | 'mpegts'
  | 'mpegps'
  | 'mpegvideo'
  | 'mxf'
  | 'gxf'
  | 'lxf'
  | 'asf'
  | 'ogg'
  | 'wav'
  | 'mp3'
  | 'aac'
  | 'flac'
  | 'aiff'
  | 'ac3'

export type Sniffed =
  | {
      readonly kind: 'known'
      readonly container: Container
      /** ffmpeg's name, to be pinned with `-f`. */
      readonly demuxer: string
      /** Whether our own reader can index it (the MP4 and MOV family). */
      readonly indexable: boolean
    }
  | {
      readonly kind: 'refused'
      readonly code: FileFault
      /** What it looks like, in words that continue "found …". */
      readonly found: string
    }

/** Recognises a file by at most its first `SNIFF_BYTES` bytes. Never throws. */
export function sniff(first: Uint8Array): Sniffed {
  const bytes = first.subarray(0, SNIFF_BYTES)
  const container = findContainer(bytes)
  if (container === undefined) return { kind: 'refused', ...findRefused(bytes) }
  return { kind: 'known', container, demuxer: DEMUXERS[container], indexable: container === 'mp4' }
}

/** Names of ffmpeg 5.1's demuxers. */
const DEMUXERS: Readonly<Record<Container, string>> = {
  mp4: 'mov',
  matroska: 'matroska',
  avi: 'avi',
  flv: 'flv',
  mpegts: 'mpegts',
  mpegps: 'mpeg',
  mpegvideo: 'mpegvideo',
  mxf: 'mxf',
  gxf: 'gxf',
  lxf: 'lxf',
  asf: 'asf',
  ogg: 'ogg',
  wav: 'wav',
  mp3: 'mp3',
  aac: 'aac',
  flac: 'flac',
  aiff: 'aiff',
  ac3: 'ac3',
}

/** Signatures in order; the weak ones (a pattern of sync bytes) come last. */
const SIGNATURES: readonly (readonly [Container, (bytes: Uint8Array) => boolean])[] = [
  ['mp4', isMp4],
  // EBML header (RFC 8794 §8.1).
  ['matroska', (bytes) => hasBytes(bytes, 0, [0x1a, 0x45, 0xdf, 0xa3])],
  ['avi', (bytes) => hasText(bytes, 0, 'RIFF') && hasText(bytes, 8, 'AVI')],
  ['wav', (bytes) => (hasText(bytes, 0, 'RIFF') || hasText(bytes, 0, 'RF64')) && hasText(bytes, 8, 'WAVE')],
  ['flv', (bytes) => hasText(bytes, 0, 'FLV') && bytes[3] === 1],
  ['ogg', (bytes) => hasText(bytes, 0, 'OggS')],
  ['flac', (bytes) => hasText(bytes, 0, 'fLaC')],
  ['aiff', (bytes) => hasText(bytes, 0, 'FORM') && hasText(bytes, 8, 'AIF')],
  // GUID of the ASF header object.
  ['asf', (bytes) => hasBytes(bytes, 0, [0x30, 0x26, 0xb2, 0x75, 0x8e, 0x66, 0xcf, 0x11])],
  ['mxf', isMxf],
  // SMPTE 360M: a packet leader of five zero bytes and 1, map packet 0xBC, trailer 0xE1 0xE2.
  ['gxf', (bytes) => hasBytes(bytes, 0, [0, 0, 0, 0, 1, 0xbc]) && hasBytes(bytes, 14, [0xe1, 0xe2])],
  ['lxf', (bytes) => hasText(bytes, 0, 'LEITCH\0\0')],
  // Pack header, and sequence header (ISO/IEC 13818-1 §2.5.3.4, 13818-2 §6.2.2.1).
  ['mpegps', (bytes) => hasBytes(bytes, 0, [0, 0, 1, 0xba])],
  ['mpegvideo', (bytes) => hasBytes(bytes, 0, [0, 0, 1, 0xb3])],
  ['mpegts', isTransportStream],
  ['ac3', (bytes) => hasBytes(bytes, 0, [0x0b, 0x77])],
  ['aac', isAdts],
  ['mp3', isMp3],
]

function findContainer(bytes: Uint8Array): Container | undefined {
  return SIGNATURES.find(([, matches]) => matches(bytes))?.[0]
}

/** Boxes that open a file of the MP4 and QuickTime family. */
const OPENING_BOXES: readonly string[] = [
  'ftyp',
  'styp',
  'moov',
  'moof',
  'mdat',
  'free',
  'skip',
  'wide',
  'pnot',
  'uuid',
]
/** Brands of still pictures in the same kind of boxes: HEIF, AVIF, Canon raw (ISO/IEC 23008-12 §10). */
const PICTURE_BRANDS: readonly string[] = ['mif1', 'heic', 'heix', 'heim', 'heis', 'avif', 'crx ']

function isMp4(bytes: Uint8Array): boolean {
  const type = textAt(bytes, 4, 4)
  if (!OPENING_BOXES.includes(type)) return false
  const size = new DataView(bytes.buffer, bytes.byteOffset, 8).getUint32(0)
  if (size > 1 && size < 8) return false
  return type !== 'ftyp' || !PICTURE_BRANDS.includes(textAt(bytes, 8, 4))
}

/** SMPTE 377 §5.4: a header partition pack, after a run-in of any bytes but this key. */
function isMxf(bytes: Uint8Array): boolean {
  const key = [0x06, 0x0e, 0x2b, 0x34, 0x02, 0x05, 0x01, 0x01, 0x0d, 0x01, 0x02, 0x01, 0x01, 0x02]
  for (let start = bytes.indexOf(6); start >= 0; start = bytes.indexOf(6, start + 1)) {
    if (hasBytes(bytes, start, key)) return true
  }
  return false
}

/** Packet lengths: plain, with a time code before each (M2TS), with error correction after each. */
const TS_PACKETS: readonly number[] = [188, 192, 204]
/** Sync bytes in a row that are no accident. */
const TS_SYNCS = 5

/** ISO/IEC 13818-1 §2.4.3.2: 0x47 at a constant distance, from some place in the first packet on. */
function isTransportStream(bytes: Uint8Array): boolean {
  return TS_PACKETS.some((length) => {
    for (let start = 0; start < length && start + length * (TS_SYNCS - 1) < bytes.byteLength; start += 1) {
      let position = start
      while (position < bytes.byteLength && bytes[position] === 0x47) position += length
      if (position >= bytes.byteLength) return true
    }
    return false
  })
}

/** ADTS (ISO/IEC 14496-3 §1.A.3.2): sync word, layer 0, and where the window shows it a second frame at the right place. */
function isAdts(bytes: Uint8Array): boolean {
  const [first = 0, second = 0, , fourth = 0, fifth = 0, sixth = 0] = bytes
  if (first !== 0xff || (second & 0xf6) !== 0xf0) return false
  const length = (fourth & 3) * 2048 + fifth * 8 + (sixth >> 5)
  if (length < 7) return false
  return (
    length + 2 > bytes.byteLength || (bytes[length] === 0xff && ((bytes[length + 1] ?? 0) & 0xf6) === 0xf0)
  )
}

/** Bit rates of layer III in kbit/s (ISO/IEC 11172-3 §2.4.2.3, 13818-3): MPEG-1, then MPEG-2 and 2.5. */
const MP3_RATES: readonly (readonly number[])[] = [
  [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320],
  [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
]

/** An ID3v2 tag, or a layer III frame with a second one where it must end. */
function isMp3(bytes: Uint8Array): boolean {
  if (hasText(bytes, 0, 'ID3') && [2, 3, 4].includes(bytes[3] ?? 0)) return true
  const length = mp3FrameLength(bytes, 0)
  if (length === undefined) return false
  return length + 4 > bytes.byteLength || mp3FrameLength(bytes, length) !== undefined
}

function mp3FrameLength(bytes: Uint8Array, at: number): number | undefined {
  const [first = 0, second = 0, third = 0] = bytes.subarray(at, at + 4)
  // Eleven sync bits, a known version, layer III.
  if (first !== 0xff || (second & 0xe6) !== 0xe2 || (second & 0x18) === 0x08) return undefined
  const mpeg1 = (second & 0x18) === 0x18
  const rate = MP3_RATES[mpeg1 ? 0 : 1]?.[third >> 4]
  const base = [44_100, 48_000, 32_000][(third >> 2) & 3]
  if (rate === undefined || rate === 0 || base === undefined) return undefined
  const sampleRate = mpeg1 ? base : (second & 0x18) === 0x10 ? base / 2 : base / 4
  return Math.floor(((mpeg1 ? 144_000 : 72_000) * rate) / sampleRate) + ((third >> 1) & 1)
}

function hasBytes(bytes: Uint8Array, at: number, expected: readonly number[]): boolean {
  return expected.every((byte, index) => bytes[at + index] === byte)
}

function hasText(bytes: Uint8Array, at: number, expected: string): boolean {
  return textAt(bytes, at, expected.length) === expected
}

/** Latin-1 characters; shorter at the end. */
function textAt(bytes: Uint8Array, at: number, length: number): string {
  return String.fromCharCode(...bytes.subarray(at, at + length))
}
