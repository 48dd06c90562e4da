/** What the streams of a program are coded in: by their type, and where that is private by their descriptors. */

import type { ProgramStream } from './tables.ts'

/** H.264 (ISO/IEC 13818-1 Table 2-34). */
export const TYPE_AVC = 0x1b
/** AAC in ADTS. */
export const TYPE_ADTS = 0x0f

/** `kind` null: neither picture nor sound. `name` as people know it, for messages. */
export type StreamCodec = { readonly kind: 'video' | 'audio' | null; readonly name: string }

const video = (name: string): StreamCodec => ({ kind: 'video', name })
const audio = (name: string): StreamCodec => ({ kind: 'audio', name })
const other = (name: string): StreamCodec => ({ kind: null, name })

/** Table 2-34, and what ATSC A/53 and the makers of Blu-ray put into its private part. */
const BY_TYPE: ReadonlyMap<number, StreamCodec> = new Map([
  [0x01, video('MPEG-1 video')],
  [0x02, video('MPEG-2 video')],
  [0x03, audio('MPEG-1 audio')],
  [0x04, audio('MPEG-2 audio')],
  [TYPE_ADTS, audio('AAC')],
  [0x10, video('MPEG-4 video')],
  [0x11, audio('AAC in LATM')],
  [0x15, other('metadata')],
  [TYPE_AVC, video('H.264')],
  [0x1c, audio('AAC without ADTS')],
  [0x1d, other('text')],
  [0x20, video('H.264 MVC')],
  [0x21, video('JPEG 2000')],
  [0x24, video('HEVC')],
  [0x33, video('VVC')],
  [0x42, video('AVS')],
  [0x81, audio('AC-3')],
  [0x82, audio('DTS')],
  [0x83, audio('TrueHD')],
  [0x84, audio('E-AC-3')],
  [0x85, audio('DTS-HD')],
  [0x86, other('SCTE-35')],
  [0x87, audio('E-AC-3')],
  [0xd1, video('Dirac')],
  [0xea, video('VC-1')],
])

/** `format_identifier` of a registration descriptor (§2.6.8). */
const BY_REGISTRATION: ReadonlyMap<string, StreamCodec> = new Map([
  ['HEVC', video('HEVC')],
  ['AV01', video('AV1')],
  ['VP09', video('VP9')],
  ['VC-1', video('VC-1')],
  ['drac', video('Dirac')],
  ['Opus', audio('Opus')],
  ['AC-3', audio('AC-3')],
  ['EAC3', audio('E-AC-3')],
  ['DTS1', audio('DTS')],
  ['DTS2', audio('DTS')],
  ['DTS3', audio('DTS')],
  ['BSSD', audio('SMPTE 302M')],
])

/** Descriptors of ETSI EN 300 468 §6.2 that name a codec by being there. */
const BY_DESCRIPTOR: ReadonlyMap<number, StreamCodec> = new Map([
  [0x56, other('teletext')],
  [0x59, other('subtitles')],
  [0x6a, audio('AC-3')],
  [0x7a, audio('E-AC-3')],
  [0x7b, audio('DTS')],
  [0x7c, audio('AAC')],
])

const REGISTRATION = 0x05

/** Names a stream's codec. */
export function nameCodec(stream: ProgramStream): StreamCodec {
  return BY_TYPE.get(stream.type) ?? readDescriptors(stream.descriptors) ?? other(`type ${stream.type}`)
}

function readDescriptors(bytes: Uint8Array): StreamCodec | undefined {
  for (let at = 0; at + 2 <= bytes.byteLength; ) {
    const [tag = 0, length = 0] = bytes.subarray(at, at + 2)
    const body = bytes.subarray(at + 2, at + 2 + length)
    const registered = tag === REGISTRATION ? BY_REGISTRATION.get(fourCharacters(body)) : undefined
    const found = registered ?? BY_DESCRIPTOR.get(tag)
    if (found) return found
    at += 2 + length
  }
  return undefined
}

function fourCharacters(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes.subarray(0, 4))
}
