/**
 * Why a file of a known kind could not be opened: looks for what every such file has, and says what is missing. Asked
 * only after the decoder has given up, so it decides nothing. Bounded: it reads at most some thousand headers.
 */

import type { MediaFault } from '../lib/media-faults.ts'
import type { ByteSource } from './isobmff/movie.ts'
import type { Container } from './sniff.ts'

/** What is missing, in words, and where it should have been. */
export type ContainerFault = { readonly code: MediaFault; readonly sentence: string; readonly atByte: number }

/** Undefined where nothing more is known. */
export async function explainContainer(
  source: ByteSource,
  container: Container,
): Promise<ContainerFault | undefined> {
  if (container === 'matroska') return await explainMatroska(source)
  if (container === 'avi') return await explainAvi(source)
  if (container === 'mpegts') return await explainTransportStream(source)
  if (container === 'flv') return await explainFlv(source)
  return undefined
}

const MOST_ELEMENTS = 2000
/** Of a transport stream: some seconds of it. */
const MOST_TS_BYTES = 2 * 1024 * 1024

async function readAt(source: ByteSource, position: number, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(Math.max(0, Math.min(length, source.sizeBytes - position)))
  return bytes.subarray(0, await source.read(bytes, position))
}

const EBML = 0x1a45dfa3
const SEGMENT = 0x18538067
const TRACKS = 0x1654ae6b
const CLUSTER = 0x1f43b675
/** `ContentEncryption`, inside a track's `ContentEncoding`. */
const CONTENT_ENCRYPTION = [0x50, 0x35]

/** RFC 8794 (EBML) and RFC 9559 (Matroska): header, segment, in it tracks and clusters. */
async function explainMatroska(source: ByteSource): Promise<ContainerFault | undefined> {
  const header = await readElement(source, 0)
  const segment =
    header?.id === EBML && header.end !== null ? await readElement(source, header.end) : undefined
  if (header === undefined || segment?.id !== SEGMENT) {
    const atByte = header?.end ?? 0
    const sentence = 'The Matroska or WebM file has no segment behind its header.'
    return { code: 'matroska_header_broken', sentence, atByte: Math.min(atByte, source.sizeBytes) }
  }
  const end = Math.min(segment.end ?? source.sizeBytes, source.sizeBytes)
  let position = segment.start
  let tracks = false
  for (let seen = 0; seen < MOST_ELEMENTS && position < end; seen += 1) {
    const element = await readElement(source, position)
    if (element === undefined) break
    if (element.id === TRACKS) {
      tracks = true
      const bytes = await readAt(source, element.start, Math.min((element.end ?? end) - element.start, 1e6))
      if (holds(bytes, CONTENT_ENCRYPTION)) return encrypted(element.start)
    }
    if (element.id === CLUSTER) {
      if (tracks) return undefined
      break
    }
    if (element.end === null) break
    position = element.end
  }
  const atByte = Math.min(position, source.sizeBytes)
  return tracks
    ? {
        code: 'matroska_clusters_missing',
        sentence: 'The Matroska or WebM file has no cluster, which is where its pictures would be.',
        atByte,
      }
    : {
        code: 'matroska_tracks_missing',
        sentence: 'The Matroska or WebM file has no list of its tracks.',
        atByte,
      }
}

type Element = { readonly id: number; readonly start: number; readonly end: number | null }

/** RFC 8794 §4: id and size are numbers whose first byte tells their length; a size of all ones is not known. */
async function readElement(source: ByteSource, position: number): Promise<Element | undefined> {
  const bytes = await readAt(source, position, 12)
  const idLength = vintLength(bytes[0])
  const sizeLength = vintLength(bytes[idLength])
  if (idLength > 4 || sizeLength > 8 || idLength + sizeLength > bytes.byteLength) return undefined
  const id = bytes.subarray(0, idLength).reduce((value, byte) => value * 256 + byte, 0)
  const field = bytes.subarray(idLength, idLength + sizeLength)
  const size = field.reduce(
    (value, byte, at) => (at === 0 ? byte & (0xff >> sizeLength) : value * 256 + byte),
    0,
  )
  const start = position + idLength + sizeLength
  return { id, start, end: size === 2 ** (7 * sizeLength) - 1 ? null : start + size }
}

/** 9 = none. */
function vintLength(first = 0): number {
  return first === 0 ? 9 : Math.clz32(first) - 23
}

function holds(bytes: Uint8Array, find: readonly number[]): boolean {
  return bytes.some((_, at) => find.every((byte, index) => bytes[at + index] === byte))
}

function encrypted(atByte: number): ContainerFault {
  return { code: 'picture_encrypted', sentence: 'The pictures are encrypted, and there is no key.', atByte }
}

/** RIFF chunks: a list `hdrl`, then a list `movi`. */
async function explainAvi(source: ByteSource): Promise<ContainerFault | undefined> {
  let header = false
  let position = 12
  for (let seen = 0; seen < MOST_ELEMENTS && position + 12 <= source.sizeBytes; seen += 1) {
    const bytes = await readAt(source, position, 12)
    const [id, kind] = [textAt(bytes, 0), textAt(bytes, 8)]
    if (id === 'LIST' && kind === 'hdrl') header = true
    if (id === 'LIST' && kind === 'movi' && header) return undefined
    if (!header && id !== 'JUNK') break
    const size = new DataView(bytes.buffer, bytes.byteOffset).getUint32(4, true)
    position += 8 + size + (size % 2)
  }
  const atByte = Math.min(position, source.sizeBytes)
  return header
    ? {
        code: 'avi_data_missing',
        sentence: "The AVI file has no list 'movi', where its pictures would be.",
        atByte,
      }
    : {
        code: 'avi_header_missing',
        sentence: "The AVI file has no list 'hdrl', which says what is in it.",
        atByte,
      }
}

const PAT_PID = 0
const NULL_PID = 0x1fff

/** ISO/IEC 13818-1 §2.4.3.2 and §2.4.4: the program association table on PID 0; scrambled packets say so. */
async function explainTransportStream(source: ByteSource): Promise<ContainerFault | undefined> {
  const bytes = await readAt(source, 0, MOST_TS_BYTES)
  const length = [188, 192, 204].find((one) => packetsOf(bytes, one).length > bytes.byteLength / one / 2)
  if (length === undefined) return undefined
  const packets = packetsOf(bytes, length)
  const pidOf = (at: number): number => ((bytes[at + 1] ?? 0) & 31) * 256 + (bytes[at + 2] ?? 0)
  const payload = packets.filter((at) => pidOf(at) >= 32 && pidOf(at) !== NULL_PID)
  const scrambled = payload.filter((at) => ((bytes[at + 3] ?? 0) & 0xc0) !== 0)
  if (scrambled.length * 2 > payload.length) return encrypted(scrambled[0] ?? 0)
  if (packets.some((at) => pidOf(at) === PAT_PID)) return undefined
  const sentence = `The transport stream has no program association table in its first ${packets.length} packets.`
  return { code: 'mpegts_programs_missing', sentence, atByte: 0 }
}

/** Places of the packets: sync bytes at that distance, from the first on. */
function packetsOf(bytes: Uint8Array, length: number): number[] {
  let start = bytes.indexOf(0x47)
  while (start !== -1 && start < length && bytes[start + length] !== 0x47)
    start = bytes.indexOf(0x47, start + 1)
  const places: number[] = []
  for (let at = start; at >= 0 && at < bytes.byteLength && bytes[at] === 0x47; at += length) places.push(at)
  return places
}

/** Adobe FLV §E.3: after header and a size of 4 bytes come tags of sound (8), pictures (9) and data (18). */
async function explainFlv(source: ByteSource): Promise<ContainerFault | undefined> {
  const header = await readAt(source, 0, 9)
  const start = header.byteLength < 9 ? 9 : new DataView(header.buffer).getUint32(5)
  const tag = await readAt(source, start + 4, 11)
  const size = (tag[1] ?? 0) * 65_536 + (tag[2] ?? 0) * 256 + (tag[3] ?? 0)
  const known = [8, 9, 18].includes((tag[0] ?? 0) & 31)
  if (known && start + 4 + 11 + size <= source.sizeBytes) return undefined
  const sentence = 'The FLV file has a header, but no whole tag of sound or pictures behind it.'
  return { code: 'flv_data_missing', sentence, atByte: Math.min(start + 4, source.sizeBytes) }
}

function textAt(bytes: Uint8Array, at: number): string {
  return String.fromCharCode(...bytes.subarray(at, at + 4))
}
