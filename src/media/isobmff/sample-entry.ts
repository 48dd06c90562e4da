/** Sample descriptions (`stsd`, ISO/IEC 14496-12 §8.5.2 and §12; QuickTime's older sound descriptions too). */

import type { SampleEntry } from './movie.ts'
import { type Box, childBoxes, type FieldReader, fieldsOf, findChild } from './read-boxes.ts'

/** More than any real file has; each costs memory. */
const MAX_ENTRIES = 64

/** How QuickTime packs sound whose `stsz` counts single samples (sound description version 1). */
export type SoundPacking = { readonly samplesPerPacket: number; readonly bytesPerPacket: number }

export type SampleDescriptions = {
  readonly entries: readonly SampleEntry[]
  /** Of the first entry; null where `stsz` means what it says. */
  readonly packing: SoundPacking | null
}

/** Reads every entry of an `stsd` box. Throws `mp4_…`. */
export function readSampleDescriptions(
  bytes: Uint8Array,
  stsd: Box,
  kind: 'video' | 'audio' | 'other',
): SampleDescriptions {
  const fields = fieldsOf(bytes, stsd)
  const version = fields.u8()
  fields.skip(3)
  const count = fields.u32()
  if (count > MAX_ENTRIES)
    throw fields.fail('mp4_description_broken', `claims ${count} entries, expected at most ${MAX_ENTRIES}`)
  const entries: SampleEntry[] = []
  let packing: SoundPacking | null = null
  for (const box of childBoxes(bytes, stsd.bodyStart + 8, stsd.end)) {
    if (entries.length === count) break
    if (kind === 'video') entries.push(readVideoEntry(bytes, box))
    else if (kind === 'audio') {
      const sound = readAudioEntry(bytes, box, version)
      if (entries.length === 0) packing = sound.packing
      entries.push(sound.entry)
    } else entries.push({ fourcc: box.type, box: copy(bytes, box.start, box.end), config: null })
  }
  return { entries, packing }
}

/** VisualSampleEntry: 78 bytes of fields, then boxes (§12.1.3). */
function readVideoEntry(bytes: Uint8Array, box: Box): SampleEntry {
  const fields = fieldsOf(bytes, box)
  fields.skip(24)
  const width = fields.u16()
  const height = fields.u16()
  fields.skip(50)
  let config: Uint8Array | null = null
  let pixelAspect = { num: 1, den: 1 }
  let transferCharacteristics: number | null = null
  for (const child of childBoxes(bytes, box.bodyStart + 78, box.end, { tolerant: true })) {
    if (['avcC', 'hvcC', 'vpcC', 'av1C'].includes(child.type))
      config ??= copy(bytes, child.bodyStart, child.end)
    if (child.type === 'pasp') pixelAspect = readPixelAspect(fieldsOf(bytes, child))
    if (child.type === 'colr') transferCharacteristics ??= readTransfer(fieldsOf(bytes, child))
  }
  return {
    fourcc: box.type,
    box: copy(bytes, box.start, box.end),
    config,
    video: { width, height, pixelAspect, transferCharacteristics },
  }
}

function readPixelAspect(fields: FieldReader): { num: number; den: number } {
  const num = fields.u32()
  const den = fields.u32()
  // A zero means nothing; readers take such pixels for square.
  return num === 0 || den === 0 ? { num: 1, den: 1 } : { num, den }
}

/** `nclx`, or QuickTime's `nclc`, which has the same first fields (§12.1.5). */
function readTransfer(fields: FieldReader): number | null {
  const type = fields.fourcc()
  if (type !== 'nclx' && type !== 'nclc') return null
  fields.skip(2)
  return fields.u16()
}

/** AudioSampleEntry: 28 bytes of fields; QuickTime's versions 1 and 2 have more (QuickTime File Format, sound description). */
function readAudioEntry(
  bytes: Uint8Array,
  box: Box,
  stsdVersion: number,
): { entry: SampleEntry; packing: SoundPacking | null } {
  const fields = fieldsOf(bytes, box)
  fields.skip(8)
  // In ISO files version 1 comes with an `stsd` of version 1 and has no extra fields (§12.2.3).
  const version = stsdVersion === 0 ? fields.u16() : (fields.skip(2), 0)
  fields.skip(6)
  let channels = fields.u16()
  const bitsPerSample = fields.u16()
  fields.skip(4)
  let sampleRate = fields.u32() / 65_536
  let packing: SoundPacking | null = {
    samplesPerPacket: 1,
    bytesPerPacket: Math.max(1, Math.floor((channels * bitsPerSample) / 8)),
  }
  let childrenStart = box.bodyStart + 28
  if (version === 1) {
    const samplesPerPacket = fields.u32()
    fields.skip(4)
    const bytesPerFrame = fields.u32()
    if (samplesPerPacket > 0 && bytesPerFrame > 0)
      packing = { samplesPerPacket, bytesPerPacket: bytesPerFrame }
    childrenStart += 16
  } else if (version === 2) {
    fields.skip(4)
    sampleRate = fields.f64()
    channels = fields.u32()
    packing = null
    childrenStart += 36
  }
  return {
    entry: {
      fourcc: box.type,
      box: copy(bytes, box.start, box.end),
      config: readSoundConfig(bytes, Math.min(childrenStart, box.end), box.end),
      audio: { channels, sampleRate: Number.isFinite(sampleRate) && sampleRate > 0 ? sampleRate : 0 },
    },
    packing,
  }
}

/** The `AudioSpecificConfig` inside `esds`, which QuickTime wraps in `wave`. */
function readSoundConfig(bytes: Uint8Array, start: number, end: number): Uint8Array | null {
  for (const child of childBoxes(bytes, start, end, { tolerant: true })) {
    if (child.type === 'esds') return readDecoderConfig(fieldsOf(bytes, child))
    if (child.type === 'wave') {
      const esds = findChild(bytes, child, 'esds')
      if (esds !== undefined) return readDecoderConfig(fieldsOf(bytes, esds))
    }
  }
  return null
}

const ES_DESCRIPTOR = 3
const DECODER_CONFIG = 4
const DECODER_SPECIFIC_INFO = 5
/** Object type indications that mean AAC (ISO/IEC 14496-1 table 5): MPEG-4, and MPEG-2's Main, LC and SSR. */
const AAC_OBJECT_TYPES: readonly number[] = [0x40, 0x66, 0x67, 0x68]

/** ISO/IEC 14496-1 §7.2.6: the decoder specific information, null if the codec is not AAC or has none. */
function readDecoderConfig(fields: FieldReader): Uint8Array | null {
  fields.skip(4)
  let tag = fields.u8()
  readDescriptorLength(fields)
  if (tag === ES_DESCRIPTOR) {
    fields.skip(2)
    const flags = fields.u8()
    if (flags & 0x80) fields.skip(2)
    if (flags & 0x40) fields.skip(fields.u8())
    if (flags & 0x20) fields.skip(2)
    tag = fields.u8()
    readDescriptorLength(fields)
  }
  if (tag !== DECODER_CONFIG) return null
  const objectType = fields.u8()
  fields.skip(12)
  if (!AAC_OBJECT_TYPES.includes(objectType) || fields.left === 0) return null
  if (fields.u8() !== DECODER_SPECIFIC_INFO) return null
  return fields.bytes(readDescriptorLength(fields)).slice()
}

/** An expandable length: seven bits a byte, at most four bytes (§8.3.3). */
function readDescriptorLength(fields: FieldReader): number {
  let length = 0
  for (let index = 0; index < 4; index += 1) {
    const byte = fields.u8()
    length = length * 128 + (byte & 0x7f)
    if ((byte & 0x80) === 0) break
  }
  return length
}

/** A copy, so that the small record does not keep the whole `moov` alive. */
function copy(bytes: Uint8Array, start: number, end: number): Uint8Array {
  return bytes.slice(start, end)
}
