/**
 * Coded pictures and sounds as a transport stream (ISO/IEC 13818-1), written for the wire: each unit is packets at once, and
 * nothing waits for another one. Tables come before every sync picture and twice a second, the clock at least ten times.
 */

import { readParameterSets } from '../codecs/avc.ts'
import { type AccessUnit, LIVE_TIMESCALE, type LiveFormat } from '../live/units.ts'
import { concatBytes } from '../isobmff/write-boxes.ts'
import { adtsHeadWriter } from './adts.ts'
import { NAL, splitLengths, writeAnnexB } from './annexb.ts'
import { CLOCK_WRAP, PACKET_BYTES, SYNC_BYTE } from './packets.ts'
import { TYPE_ADTS, TYPE_AVC } from './stream-codec.ts'
import { writePat, writePmt } from './tables.ts'

const PROGRAM = 1
const PAT_PID = 0
const PMT_PID = 0x1000
const VIDEO_PID = 0x100
const AUDIO_PID = 0x101
/** `stream_id` (Table 2-22). */
const VIDEO_ID = 0xe0
const AUDIO_ID = 0xc0

/** Feeds begin at 0, and the clock runs ahead of them. */
const FIRST_TICKS = LIVE_TIMESCALE
/** What receivers buffer by the clock before they show a unit. */
const CLOCK_LEAD_TICKS = LIVE_TIMESCALE / 10
const TABLES_EVERY_TICKS = LIVE_TIMESCALE / 2
/** §2.7.2: at most 100 ms apart. */
const CLOCK_EVERY_TICKS = 0.09 * LIVE_TIMESCALE

/** Begins every picture (§2.14.1): a delimiter for slices of any kind. */
const DELIMITER = Uint8Array.of(NAL.delimiter, 0xf0)

/** Writes one transport stream; formats come before the first unit of their kind. */
export class TsMuxer {
  #parameterSets: readonly Uint8Array[] | undefined
  #writeHead: ((dataBytes: number) => Uint8Array) | undefined
  #version = -1
  readonly #counters = new Map<number, number>()
  #lastTables = Number.NEGATIVE_INFINITY
  #lastClock = Number.NEGATIVE_INFINITY

  /** Takes a format into the program. Throws `codec_config_broken` for one that a transport stream cannot carry. */
  format(format: LiveFormat): void {
    const had = [this.#parameterSets !== undefined, this.#writeHead !== undefined]
    if (format.kind === 'video') this.#parameterSets = listSets(format.config)
    else this.#writeHead = adtsHeadWriter(format)
    const has = [this.#parameterSets !== undefined, this.#writeHead !== undefined]
    if (has.join() === had.join()) return
    this.#version += 1
    this.#lastTables = Number.NEGATIVE_INFINITY
  }

  /** A unit as whole packets. Nothing where its format has not been told. */
  unit(unit: AccessUnit): Uint8Array<ArrayBuffer> {
    const isVideo = unit.kind === 'video'
    const payload = isVideo ? this.#writePicture(unit) : this.#writeSound(unit)
    if (payload === undefined) return new Uint8Array(0)
    const tables = this.#writeTables(unit)
    const clock = this.#writeClock(unit)
    const pid = isVideo ? VIDEO_PID : AUDIO_PID
    const pes = concatBytes([pesHead(unit, payload.byteLength), payload])
    return concatBytes([
      ...tables,
      ...clock.apart,
      ...this.#packets(pid, pes, { ...unit, pcr: clock.inside }),
    ])
  }

  #writePicture(unit: AccessUnit): Uint8Array | undefined {
    if (this.#parameterSets === undefined) return undefined
    const sets = unit.isSync ? this.#parameterSets : []
    return writeAnnexB([DELIMITER, ...sets, ...splitLengths(unit.data)])
  }

  #writeSound(unit: AccessUnit): Uint8Array | undefined {
    return this.#writeHead && concatBytes([this.#writeHead(unit.data.byteLength), unit.data])
  }

  #writeTables(unit: AccessUnit): Uint8Array[] {
    const isSyncPicture = unit.kind === 'video' && unit.isSync
    if (!isSyncPicture && unit.dts - this.#lastTables < TABLES_EVERY_TICKS) return []
    this.#lastTables = unit.dts
    const streams = [
      ...(this.#parameterSets ? [{ pid: VIDEO_PID, type: TYPE_AVC }] : []),
      ...(this.#writeHead ? [{ pid: AUDIO_PID, type: TYPE_ADTS }] : []),
    ]
    const map = { program: PROGRAM, version: this.#version, pcrPid: this.#clockPid(), streams }
    return [this.#section(PAT_PID, writePat(PROGRAM, PMT_PID)), this.#section(PMT_PID, writePmt(map))]
  }

  #clockPid(): number {
    return this.#parameterSets ? VIDEO_PID : AUDIO_PID
  }

  /** The clock goes with the pictures; where they are far apart, in packets of its own. */
  #writeClock(unit: AccessUnit): { inside?: number; apart: Uint8Array[] } {
    const pcr = Math.max(0, unit.dts + FIRST_TICKS - CLOCK_LEAD_TICKS)
    const isOwn = this.#clockPid() === (unit.kind === 'video' ? VIDEO_PID : AUDIO_PID)
    const isDue = unit.dts - this.#lastClock >= CLOCK_EVERY_TICKS
    // Sound may be ahead of the pictures, and the clock never runs back.
    if (unit.dts < this.#lastClock || !(isDue || (isOwn && unit.kind === 'video'))) return { apart: [] }
    this.#lastClock = unit.dts
    if (isOwn) return { inside: pcr, apart: [] }
    return { apart: [this.#packet(VIDEO_PID, new Uint8Array(0), { pcr })] }
  }

  #section(pid: number, section: Uint8Array): Uint8Array {
    const payload = new Uint8Array(PACKET_BYTES - 4).fill(0xff)
    payload[0] = 0
    payload.set(section, 1)
    return this.#packet(pid, payload, { isStart: true })
  }

  #packets(pid: number, pes: Uint8Array, first: { isSync: boolean; pcr: number | undefined }): Uint8Array[] {
    const packets: Uint8Array[] = []
    for (let at = 0; at < pes.byteLength; ) {
      const isStart = at === 0
      const adaptation = isStart ? { isStart, pcr: first.pcr, isRandomAccess: first.isSync } : {}
      const room = PACKET_BYTES - 4 - adaptationBytes(adaptation)
      packets.push(this.#packet(pid, pes.subarray(at, at + room), adaptation))
      at += room
    }
    return packets
  }

  /** One packet; what `payload` does not fill is stuffed (§2.4.3.5). */
  #packet(pid: number, payload: Uint8Array, options: PacketOptions): Uint8Array {
    const packet = new Uint8Array(PACKET_BYTES).fill(0xff)
    const stuffing = PACKET_BYTES - 4 - payload.byteLength
    const counter = this.#counters.get(pid) ?? 0
    if (payload.byteLength > 0) this.#counters.set(pid, (counter + 1) & 0x0f)
    // Without payload the counter stands still (§2.4.3.3).
    const continuity = payload.byteLength > 0 ? counter : (counter + 15) & 0x0f
    packet[0] = SYNC_BYTE
    packet[1] = (options.isStart ? 0x40 : 0) | (pid >> 8)
    packet[2] = pid & 0xff
    packet[3] = (stuffing > 0 ? 0x20 : 0) | (payload.byteLength > 0 ? 0x10 : 0) | continuity
    if (stuffing > 0) writeAdaptation(packet, stuffing, options)
    packet.set(payload, PACKET_BYTES - payload.byteLength)
    return packet
  }
}

type PacketOptions = {
  readonly isStart?: boolean
  readonly isRandomAccess?: boolean
  /** In ticks of 90 kHz. */
  readonly pcr?: number
}

function adaptationBytes({ pcr, isRandomAccess }: PacketOptions): number {
  if (pcr !== undefined) return 8
  return isRandomAccess ? 2 : 0
}

/** The adaptation field of `length` bytes, its own length included (§2.4.3.4). */
function writeAdaptation(packet: Uint8Array, length: number, options: PacketOptions): void {
  packet[4] = length - 1
  if (length === 1) return
  packet[5] = (options.isRandomAccess ? 0x40 : 0) | (options.pcr === undefined ? 0 : 0x10)
  if (options.pcr === undefined) return
  // 33 bits of 90 kHz, six reserved, nine of the 300 parts of a tick, which are 0.
  const base = options.pcr % CLOCK_WRAP
  const view = new DataView(packet.buffer)
  view.setUint32(6, Math.floor(base / 2))
  view.setUint16(10, ((base % 2) << 15) | 0x7e00)
}

/** §2.4.3.6. A picture's length is left open, since it may have more than 16 bits. */
function pesHead(unit: AccessUnit, payloadBytes: number): Uint8Array {
  const isVideo = unit.kind === 'video'
  const hasDts = unit.pts !== unit.dts
  const timeBytes = hasDts ? 10 : 5
  const length = isVideo ? 0 : 3 + timeBytes + payloadBytes
  const head = new Uint8Array(9 + timeBytes)
  head.set([0, 0, 1, isVideo ? VIDEO_ID : AUDIO_ID, length >> 8, length & 0xff, 0x84])
  head.set([hasDts ? 0xc0 : 0x80, timeBytes], 7)
  writeTime(head, 9, unit.pts, hasDts ? 3 : 2)
  if (hasDts) writeTime(head, 14, unit.dts, 1)
  return head
}

/** §2.4.3.7: four bits that say which time it is, and 33 bits among marker bits. */
function writeTime(head: Uint8Array, at: number, ticks: number, mark: number): void {
  const time = (((ticks + FIRST_TICKS) % CLOCK_WRAP) + CLOCK_WRAP) % CLOCK_WRAP
  const high = Math.floor(time / 2 ** 30)
  const low = time % 2 ** 30
  head.set(
    [
      (mark << 4) | (high << 1) | 1,
      (low >> 22) & 0xff,
      ((low >> 14) & 0xfe) | 1,
      (low >> 7) & 0xff,
      ((low << 1) & 0xfe) | 1,
    ],
    at,
  )
}

function listSets(avcC: Uint8Array): readonly Uint8Array[] {
  const sps = readParameterSets(avcC, 6, (avcC[5] ?? 0) & 0x1f)
  const pps = readParameterSets(avcC, sps.end + 1, avcC[sps.end] ?? 0)
  return [...sps.units, ...pps.units]
}
