/** H.264 from RTP (RFC 6184 §5.6 to §5.8): single NAL units, STAP-A and FU-A, as packetization modes 0 and 1 have them. */

import { isFailure } from '../../lib/failure.ts'
import { readSequenceParameterSet } from '../codecs/avc.ts'
import { writeAvcConfig } from '../codecs/write-avc.ts'
import type { VideoFormat } from '../live/units.ts'
import { type Growing, PictureGathering } from './gathered-picture.ts'
import type { OrderedPacket } from './rtp-order.ts'
import type { PictureReader, RtpPicture } from './picture-reader.ts'

const [IDR, SPS, PPS, DELIMITER, FILLER, STAP_A, FU_A] = [5, 7, 8, 9, 12, 24, 28]
/** Ids of picture parameter sets that are kept; encoders of browsers use one. */
const MOST_SETS = 16

type GrowingUnits = Growing & {
  readonly units: Uint8Array[]
  /** Pieces of the unit that comes in fragments. */
  fragments: Uint8Array[] | undefined
}

export class H264Reader implements PictureReader {
  readonly #gathering = new PictureGathering<GrowingUnits>({
    // Nobody can tell whether what was lost before it belonged to it.
    begin: (timestamp, lostBefore) => ({
      timestamp,
      units: [],
      fragments: undefined,
      bytes: 0,
      broken: lostBefore,
    }),
    take: takePayload,
    finish: (growing) => this.#finish(growing),
  })
  #sps: Uint8Array | undefined
  #pps: Uint8Array[] = []
  #setsChanged = false
  #format: VideoFormat | undefined

  get needsSync(): boolean {
    return this.#gathering.needsSync
  }

  push(ordered: OrderedPacket): RtpPicture[] {
    return this.#gathering.push(ordered)
  }

  #finish({ timestamp, units, fragments }: GrowingUnits): RtpPicture | undefined {
    const gathering = this.#gathering
    if (fragments !== undefined) {
      gathering.needsSync = true
      return undefined
    }
    for (const unit of units) this.#keepSet(unit)
    const pictures = units.filter((unit) => !WITHOUT_PICTURE.includes(typeOf(unit)))
    if (!pictures.some((unit) => isSlice(unit))) return undefined
    const isSync = pictures.some((unit) => typeOf(unit) === IDR)
    if (gathering.needsSync && !isSync) return undefined
    gathering.needsSync = isSync && !this.#renewFormat()
    if (gathering.needsSync) return undefined
    return { timestamp, isSync, data: withLengths(pictures), format: isSync ? this.#format : undefined }
  }

  #keepSet(unit: Uint8Array): void {
    const type = typeOf(unit)
    if (type === SPS && !isSame(this.#sps, unit)) {
      this.#sps = unit.slice()
      // §7.4.1.2.1 of H.264: those that referred to the old one are void.
      this.#pps = []
      this.#setsChanged = true
    }
    if (type !== PPS || this.#pps.some((known) => isSame(known, unit))) return
    // The byte that begins with the id; encoders with several have them in their first bits.
    const others = this.#pps.filter((known) => known[1] !== unit[1])
    this.#pps = [...others, unit.slice()].slice(-MOST_SETS)
    this.#setsChanged = true
  }

  /** Whether there is one that can be read. */
  #renewFormat(): boolean {
    if (!this.#setsChanged) return this.#format !== undefined
    if (this.#sps === undefined || this.#pps.length === 0) return false
    try {
      const { width, height } = readSequenceParameterSet(this.#sps)
      const config = writeAvcConfig([this.#sps], this.#pps)
      this.#format = { kind: 'video', codec: 'avc', config, width, height }
    } catch (error) {
      if (!isFailure(error, 'codec_config_broken')) throw error
      return false
    }
    this.#setsChanged = false
    return true
  }
}

function takePayload(growing: GrowingUnits, payload: Uint8Array): void {
  const type = (payload[0] ?? 0) & 0x1f
  if (type === FU_A) takeFragment(growing, payload)
  else if (growing.fragments !== undefined) growing.broken = true
  else if (type === STAP_A) takeAggregate(growing, payload)
  else if (type >= 1 && type < STAP_A) growing.units.push(payload)
  // §5.2: the rest belongs to the interleaved mode, which nobody agreed on, or is reserved.
  else growing.broken = true
}

/** §5.7.1: units behind their lengths in two bytes. */
function takeAggregate(growing: GrowingUnits, payload: Uint8Array): void {
  let at = 1
  while (at + 2 < payload.byteLength) {
    const end = at + 2 + (payload[at] ?? 0) * 256 + (payload[at + 1] ?? 0)
    if (end > payload.byteLength || end === at + 2) break
    growing.units.push(payload.subarray(at + 2, end))
    at = end
  }
  if (at !== payload.byteLength) growing.broken = true
}

/** §5.8: start, middle and end of one unit; its header is told in two halves. */
function takeFragment(growing: GrowingUnits, payload: Uint8Array): void {
  const [indicator = 0, header = 0] = payload
  const [isStart, isEnd] = [(header & 0x80) !== 0, (header & 0x40) !== 0]
  if (payload.byteLength < 3 || (isStart && isEnd) || isStart !== (growing.fragments === undefined)) {
    growing.broken = true
    return
  }
  growing.fragments ??= [Uint8Array.of((indicator & 0xe0) | (header & 0x1f))]
  growing.fragments.push(payload.subarray(2))
  if (!isEnd) return
  growing.units.push(joined(growing.fragments))
  growing.fragments = undefined
}

const WITHOUT_PICTURE: readonly number[] = [SPS, PPS, DELIMITER, FILLER]

function typeOf(unit: Uint8Array): number {
  return (unit[0] ?? 0) & 0x1f
}

function isSlice(unit: Uint8Array): boolean {
  return typeOf(unit) >= 1 && typeOf(unit) <= IDR
}

function isSame(known: Uint8Array | undefined, unit: Uint8Array): boolean {
  return known !== undefined && Buffer.compare(known, unit) === 0
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat(parts)
}

function withLengths(units: readonly Uint8Array[]): Uint8Array {
  const data = new Uint8Array(units.reduce((sum, unit) => sum + 4 + unit.byteLength, 0))
  const view = new DataView(data.buffer)
  let at = 0
  for (const unit of units) {
    view.setUint32(at, unit.byteLength)
    data.set(unit, at + 4)
    at += 4 + unit.byteLength
  }
  return data
}
