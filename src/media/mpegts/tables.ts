/** Program tables (ISO/IEC 13818-1 §2.4.4): which programs a transport stream has, and which streams a program. */

import { crc32Mpeg } from './crc32-mpeg.ts'

/** §2.4.4.3: no section of these tables is longer, its head of three bytes included. */
const MOST_SECTION_BYTES = 1024
const PAT_ID = 0x00
const PMT_ID = 0x02

/** A stream of a program. */
export type ProgramStream = {
  readonly pid: number
  /** `stream_type` (Table 2-34). */
  readonly type: number
  /** Descriptors as they came (§2.6). */
  readonly descriptors: Uint8Array
}

/** Puts the sections of one packet id together and gives those whose CRC is right. */
export class SectionReader {
  readonly #onSection: (section: Uint8Array) => void
  readonly #buffer = new Uint8Array(MOST_SECTION_BYTES)
  #length = -1

  /** `onSection` gets a view that is valid until it returns. */
  constructor(onSection: (section: Uint8Array) => void) {
    this.#onSection = onSection
  }

  /** The payload of the next packet. */
  push(payload: Uint8Array, isStart: boolean): void {
    if (!isStart) {
      this.#append(payload)
      return
    }
    // §2.4.4.2: the pointer says how many bytes still belong to the section before.
    const pointer = payload[0] ?? 0
    this.#append(payload.subarray(1, 1 + pointer))
    this.#length = 0
    this.#append(payload.subarray(1 + pointer))
  }

  /** Forgets what is incomplete. */
  reset(): void {
    this.#length = -1
  }

  #append(bytes: Uint8Array): void {
    let rest = bytes
    while (this.#length >= 0 && rest.byteLength > 0) {
      // Between sections: what is stuffed after the last one is all ones.
      if (this.#length === 0 && rest[0] === 0xff) return this.reset()
      const wanted = this.#length < 3 ? 3 : this.#sectionBytes()
      if (wanted > MOST_SECTION_BYTES) return this.reset()
      const taken = rest.subarray(0, wanted - this.#length)
      this.#buffer.set(taken, this.#length)
      this.#length += taken.byteLength
      rest = rest.subarray(taken.byteLength)
      if (this.#length >= 3 && this.#length === this.#sectionBytes()) {
        const section = this.#buffer.subarray(0, this.#length)
        if (crc32Mpeg(section) === 0) this.#onSection(section)
        this.#length = 0
      }
    }
  }

  #sectionBytes(): number {
    return 3 + ((((this.#buffer[1] ?? 0) & 0x0f) << 8) | (this.#buffer[2] ?? 0))
  }
}

/** The first program's number and the packet id of its map; undefined where the section is another or names none. */
export function readPat(section: Uint8Array): { program: number; pmtPid: number } | undefined {
  if (!isCurrent(section, PAT_ID)) return undefined
  for (let at = 8; at + 4 <= section.byteLength - 4; at += 4) {
    const program = u16(section, at)
    // Program 0 is the network's own table.
    if (program !== 0) return { program, pmtPid: u16(section, at + 2) & 0x1fff }
  }
  return undefined
}

/** The streams of `program`; undefined where the section is another. */
export function readPmt(section: Uint8Array, program: number): readonly ProgramStream[] | undefined {
  if (!isCurrent(section, PMT_ID) || u16(section, 3) !== program) return undefined
  const end = section.byteLength - 4
  const streams: ProgramStream[] = []
  let at = 12 + (u16(section, 10) & 0x0fff)
  while (at + 5 <= end) {
    const next = at + 5 + (u16(section, at + 3) & 0x0fff)
    if (next > end) break
    streams.push({
      type: section[at] ?? 0,
      pid: u16(section, at + 1) & 0x1fff,
      descriptors: section.slice(at + 5, next),
    })
    at = next
  }
  return streams
}

/** Of that table, long enough for its head and CRC, and in force (`current_next_indicator`). */
function isCurrent(section: Uint8Array, tableId: number): boolean {
  const headBytes = tableId === PAT_ID ? 8 : 12
  return section[0] === tableId && section.byteLength >= headBytes + 4 && ((section[5] ?? 0) & 0x01) === 1
}

function u16(bytes: Uint8Array, at: number): number {
  return ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0)
}

/** The section that names one program (§2.4.4.3). */
export function writePat(program: number, pmtPid: number): Uint8Array {
  return writeSection(PAT_ID, 1, 0, [program >> 8, program & 0xff, 0xe0 | (pmtPid >> 8), pmtPid & 0xff])
}

/** The section that names a program's streams (§2.4.4.8). `version` counts modulo 32. */
export function writePmt(map: {
  readonly program: number
  readonly version: number
  readonly pcrPid: number
  readonly streams: readonly { readonly pid: number; readonly type: number }[]
}): Uint8Array {
  const body = [0xe0 | (map.pcrPid >> 8), map.pcrPid & 0xff, 0xf0, 0]
  for (const { pid, type } of map.streams) body.push(type, 0xe0 | (pid >> 8), pid & 0xff, 0xf0, 0)
  return writeSection(PMT_ID, map.program, map.version, body)
}

function writeSection(tableId: number, number: number, version: number, body: readonly number[]): Uint8Array {
  const length = 5 + body.length + 4
  const section = Uint8Array.from([
    tableId,
    0xb0 | (length >> 8),
    length & 0xff,
    number >> 8,
    number & 0xff,
    0xc1 | ((version & 0x1f) << 1),
    0,
    0,
    ...body,
    0,
    0,
    0,
    0,
  ])
  new DataView(section.buffer).setUint32(section.byteLength - 4, crc32Mpeg(section.subarray(0, -4)))
  return section
}
