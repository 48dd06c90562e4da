/**
 * What the decoder writes, unit by unit: fragmented MP4 of one track, as it comes through a pipe. Its writer decodes what
 * strangers send and is not trusted: nothing is kept because a header claims it, and every place is compared with what is
 * there. Throws `mp4_…` for what is no such stream, and is of no use afterwards.
 */

import { readAvcConfig } from '../codecs/avc.ts'
import type { SampleEntry } from '../isobmff/movie.ts'
import { type Box, fieldsOf, findChild, malformed } from '../isobmff/read-boxes.ts'
import { GrowingSamples, readFragment, readFragmentDefaults } from '../isobmff/read-fragments.ts'
import { readSampleDescriptions } from '../isobmff/sample-entry.ts'
import { emptySamples, SampleBudget } from '../isobmff/sample-table.ts'
import { concatBytes } from '../isobmff/write-boxes.ts'
import { type AccessUnit, LIVE_TIMESCALE, type LiveFormat } from './units.ts'

/** What one piece of the stream said. */
export type ReadUnit =
  | { readonly format: LiveFormat; readonly unit?: never }
  | { readonly unit: AccessUnit; readonly format?: never }

/** Everything but payload: tables of one sample, and a head with a few parameter sets. */
const MAX_TABLE_BYTES = 65_536
/** The payload of one fragment; a picture of the highest ladder rung has a tenth of it. */
const MAX_PAYLOAD_BYTES = 8 * 1024 * 1024
/** Samples in one fragment: it has one, and none of ours ever holds a second of sound. */
const MAX_SAMPLES = 1_000

type Track = {
  readonly id: number
  readonly kind: 'video' | 'audio'
  readonly timescale: number
  readonly defaults: { readonly duration: number; readonly size: number; readonly flags: number }
}

/** Reads one stream. */
export class UnitsReader {
  readonly #offset: number
  #pending: Uint8Array = new Uint8Array(0)
  #track: Track | null = null
  #fragment: Uint8Array | null = null

  /** `offset`: what `writeUnit` added to the times of the input; it is taken off again. */
  constructor(offset: number) {
    this.#offset = offset
  }

  /** What is whole now, in order. */
  push(bytes: Uint8Array): readonly ReadUnit[] {
    this.#pending = this.#pending.byteLength === 0 ? bytes : concatBytes([this.#pending, bytes])
    const units: ReadUnit[] = []
    for (;;) {
      const box = takeBox(this.#pending)
      if (box === undefined) break
      this.#pending = this.#pending.subarray(box.byteLength)
      this.#read(box, units)
    }
    // A view of a large piece would keep the whole piece.
    if (this.#pending.byteLength > 0 && units.length > 0) this.#pending = this.#pending.slice()
    return units
  }

  #read(box: Uint8Array, units: ReadUnit[]): void {
    switch (typeOf(box)) {
      case 'moov':
        units.push(...this.#readHead(box))
        return
      case 'moof':
        this.#fragment = box
        return
      case 'mdat':
        this.#readPayload(box, units)
        return
      default:
      // `ftyp`, and what ends a file that has ended: nothing we need.
    }
  }

  #readHead(bytes: Uint8Array): readonly ReadUnit[] {
    const moov = rootOf(bytes)
    const trak = findChild(bytes, moov, 'trak')
    const mvex = findChild(bytes, moov, 'mvex')
    const mdia = trak && findChild(bytes, trak, 'mdia')
    const minf = mdia && findChild(bytes, mdia, 'minf')
    const stbl = minf && findChild(bytes, minf, 'stbl')
    const [tkhd, mdhd, hdlr, stsd] = [
      trak && findChild(bytes, trak, 'tkhd'),
      mdia && findChild(bytes, mdia, 'mdhd'),
      mdia && findChild(bytes, mdia, 'hdlr'),
      stbl && findChild(bytes, stbl, 'stsd'),
    ]
    if (!mvex || !tkhd || !mdhd || !hdlr || !stsd) {
      throw malformed('mp4_description_broken', "'moov'", 'lacks a box that a live stream needs')
    }
    const id = readAfterTimes(bytes, tkhd)
    const timescale = readAfterTimes(bytes, mdhd)
    if (timescale === 0) throw malformed('mp4_description_broken', "'mdhd'", 'has a timescale of 0')
    const handler = fieldsOf(bytes, hdlr)
    handler.skip(8)
    const kind = handler.fourcc() === 'vide' ? 'video' : 'audio'
    const [entry] = readSampleDescriptions(bytes, stsd, kind).entries
    const defaults = readFragmentDefaults(bytes, mvex).get(id) ?? { duration: 0, size: 0, flags: 0 }
    this.#track = { id, kind, timescale, defaults }
    return [{ format: formatOf(entry) }]
  }

  #readPayload(payload: Uint8Array, units: ReadUnit[]): void {
    const [track, fragment] = [this.#track, this.#fragment]
    this.#fragment = null
    if (track === null || fragment === null) {
      throw malformed('mp4_fragment_broken', "'mdat'", 'comes before what says what is in it')
    }
    const samples = new GrowingSamples(emptySamples(), {
      defaults: track.defaults,
      budget: new SampleBudget(MAX_SAMPLES),
      name: 'the decoder’s output',
    })
    readFragment(fragment, 0, new Map([[track.id, samples]]))
    const table = samples.finish()
    let left = payload.byteLength - HEADER_BYTES
    for (let index = 0; index < table.count; index += 1) {
      const start = (table.offsets[index] ?? 0) - fragment.byteLength
      const end = start + (table.sizes[index] ?? 0)
      left -= end - start
      // Nor may the same bytes be many samples.
      if (start < HEADER_BYTES || end > payload.byteLength || left < 0) {
        throw malformed('mp4_fragment_broken', "'trun'", 'places a sample outside its fragment')
      }
      const ticks = (time: number): number => Math.round((time * LIVE_TIMESCALE) / track.timescale)
      const decodeTime = table.decodeTimes[index] ?? 0
      const dts = ticks(decodeTime) - this.#offset
      const pts = ticks(decodeTime + (table.compositionOffsets[index] ?? 0)) - this.#offset
      const isSync = table.sync[index] === 1
      units.push({ unit: { kind: track.kind, dts, pts, isSync, data: payload.slice(start, end) } })
    }
  }
}

const HEADER_BYTES = 8

/** The first box of `bytes`, once it is whole. Sizes of 64 bits or "to the end" are none that we asked for. */
function takeBox(bytes: Uint8Array): Uint8Array | undefined {
  if (bytes.byteLength < HEADER_BYTES) return undefined
  const size = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0)
  const most = typeOf(bytes) === 'mdat' ? MAX_PAYLOAD_BYTES : MAX_TABLE_BYTES
  if (size < HEADER_BYTES || size > most) {
    throw malformed(
      'mp4_box_too_large',
      'the decoder’s output',
      `has a box of ${size} bytes, at most ${most} were expected`,
    )
  }
  return bytes.byteLength < size ? undefined : bytes.subarray(0, size)
}

function typeOf(box: Uint8Array): string {
  return String.fromCharCode(...box.subarray(4, 8))
}

function rootOf(bytes: Uint8Array): Box {
  return { type: typeOf(bytes), start: 0, bodyStart: HEADER_BYTES, end: bytes.byteLength }
}

/** The field behind creation and modification time, whose width the version says: `tkhd`'s track id, `mdhd`'s timescale. */
function readAfterTimes(bytes: Uint8Array, box: Box): number {
  const fields = fieldsOf(bytes, box)
  const version = fields.u8()
  fields.skip(version === 1 ? 19 : 11)
  return fields.u32()
}

function formatOf(entry: SampleEntry | undefined): LiveFormat {
  const { fourcc, config, video, audio } = entry ?? {}
  if (fourcc === 'avc1' && config && video) {
    if (readAvcConfig(config).lengthSize !== 4) {
      throw malformed('mp4_description_broken', "'avcC'", 'has lengths of other than four bytes')
    }
    return { kind: 'video', codec: 'avc', config, width: video.width, height: video.height }
  }
  if (fourcc === 'mp4a' && config && audio) {
    return { kind: 'audio', codec: 'aac', config, sampleRate: audio.sampleRate, channels: audio.channels }
  }
  if (fourcc === 'Opus' && audio) {
    const config = new Uint8Array(0)
    return { kind: 'audio', codec: 'opus', config, sampleRate: 48_000, channels: audio.channels }
  }
  throw malformed('mp4_description_broken', "'stsd'", 'has no codec that was asked for')
}
