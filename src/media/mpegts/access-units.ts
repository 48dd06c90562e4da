/**
 * Access units of H.264 out of PES packets (ISO/IEC 13818-1 §2.14): usually one in each, several where delimiters say so,
 * one in several where a sender keeps its packets short.
 *
 * After a hole pictures are left out up to the next sync picture: many decoders in hardware stop for good at a picture whose
 * reference is missing, and browsers hand them what they get. A picture that stands still for the rest of a GOP is what
 * viewers get over best.
 */

import { isFailure } from '../../lib/failure.ts'
import { readSequenceParameterSet } from '../codecs/avc.ts'
import type { AccessUnit, VideoFormat } from '../live/units.ts'
import { concatBytes } from '../isobmff/write-boxes.ts'
import { NAL, nalType, splitNalUnits, writeLengths } from './annexb.ts'
import { ParameterSets } from './parameter-sets.ts'
import { nearest, type PesPacket } from './pes.ts'

/** Where one announces its length, which has 16 bits, and is about as long as can be said, it may go on in the next. */
const LONG_PES_BYTES = 60_000
const MOST_PICTURE_BYTES = 8 * 1024 * 1024
/** Between pictures of one packet whose distance nothing says: 25 a second. */
const USUAL_DISTANCE = 3_600
/** Pictures further apart are not of one packet. */
const MOST_DISTANCE = 180_000

/** What is told; data is the listener's own. */
export type PictureListener = {
  format(format: VideoFormat): void
  unit(unit: AccessUnit): void
}

/** Makes the access units of one stream. */
export class AccessUnitReader {
  readonly #listener: PictureListener
  readonly #sets = new ParameterSets()
  #isDecodable = false
  #isInterlaced = false
  #open: { pts: number; dts: number; data: Uint8Array } | undefined
  #distance = USUAL_DISTANCE
  #lastDts: number | undefined
  /** Pictures left out because they could not be decoded, or were damaged. */
  droppedPictures = 0

  constructor(listener: PictureListener) {
    this.#listener = listener
  }

  /** The next PES packet. */
  push({ pts, dts, data }: PesPacket): void {
    if (pts === undefined || dts === undefined) {
      if (this.#open !== undefined) this.#goOn(this.#open, data)
      return
    }
    this.flush()
    if (data.byteLength >= LONG_PES_BYTES) {
      this.#open = { pts, dts, data: data.slice() }
      return
    }
    this.#read(pts, dts, data)
  }

  /** Gives what waits for a continuation: none comes. */
  flush(): void {
    const open = this.#open
    this.#open = undefined
    if (open !== undefined) this.#read(open.pts, open.dts, open.data)
  }

  /** Something is missing: nothing is given up to the next sync picture. */
  lose(): void {
    this.#open = undefined
    this.#lastDts = undefined
    this.#isDecodable = false
  }

  #goOn(open: { pts: number; dts: number; data: Uint8Array }, data: Uint8Array): void {
    if (open.data.byteLength + data.byteLength > MOST_PICTURE_BYTES) return this.lose()
    open.data = concatBytes([open.data, data])
    if (data.byteLength < LONG_PES_BYTES) this.flush()
  }

  #read(pts: number, dts: number, data: Uint8Array): void {
    const pictures = groupPictures(splitNalUnits(data), this.#isInterlaced)
    this.#measure(dts, pictures.length)
    for (const [index, units] of pictures.entries()) {
      const later = index * this.#distance
      this.#readPicture(pts + later, dts + later, units)
    }
  }

  /** Where a packet has several pictures, only the first has times: the others follow as they did up to now. */
  #measure(dts: number, count: number): void {
    const elapsed = this.#lastDts === undefined ? 0 : nearest(dts - this.#lastDts)
    if (elapsed > 0 && elapsed <= MOST_DISTANCE && count > 0) this.#distance = Math.round(elapsed / count)
    this.#lastDts = dts
  }

  #readPicture(pts: number, dts: number, units: readonly Uint8Array[]): void {
    const coded = units.filter((unit) => nalType(unit) >= NAL.slice && nalType(unit) <= NAL.sei)
    const isSync = coded.some((unit) => nalType(unit) === NAL.idr)
    try {
      for (const unit of units) if (isParameterSet(unit)) this.#takeSet(unit)
      if (coded.every((unit) => nalType(unit) === NAL.sei)) return
      if (isSync) this.#begin()
    } catch (error) {
      if (!isFailure(error, 'codec_config_broken')) throw error
      this.lose()
    }
    if (!this.#isDecodable) {
      this.droppedPictures += 1
      return
    }
    this.#listener.unit({ kind: 'video', dts, pts, isSync, data: writeLengths(coded) })
  }

  #takeSet(unit: Uint8Array): void {
    this.#sets.take(unit)
    if (nalType(unit) === NAL.sps) this.#isInterlaced = readSequenceParameterSet(unit).interlaced
  }

  #hasFormat = false

  #begin(): void {
    const format = this.#sets.apply()
    if (format !== undefined) {
      this.#hasFormat = true
      this.#listener.format(format)
    }
    this.#isDecodable = this.#hasFormat
  }
}

/**
 * The units of each picture. A delimiter begins one (ITU-T H.264 §7.4.1.2.3), except between the two fields of a frame,
 * which have one each and belong together.
 */
function groupPictures(units: readonly Uint8Array[], isInterlaced: boolean): Uint8Array[][] {
  const pictures: Uint8Array[][] = []
  let current: Uint8Array[] = []
  let hasSlice = false
  for (const unit of units) {
    const type = nalType(unit)
    if (type === NAL.delimiter && hasSlice && !isInterlaced) {
      pictures.push(current)
      current = []
      hasSlice = false
    }
    if (type >= NAL.slice && type <= NAL.idr) hasSlice = true
    current.push(unit)
  }
  return current.length > 0 ? [...pictures, current] : pictures
}

function isParameterSet(unit: Uint8Array): boolean {
  const type = nalType(unit)
  return type === NAL.sps || type === NAL.pps
}
